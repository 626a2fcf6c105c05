// Captures makes the labelled captures that the classifier is judged by. Run as root, on Debian.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"

	"github.com/slicegate/slicegate/cmd/captures/capture"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "captures:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	dir := flag.String("dir", "internal/replay/testdata/captures", "where captures and manifest go")
	only := flag.String("only", "", "make those whose name matches this regular expression, and keep the others")
	tries := flag.Int("tries", 3, "how often a run may fail")
	list := flag.Bool("list", false, "print the names of all")
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	if *list {
		for _, name := range capture.Names() {
			fmt.Println(name)
		}
		return nil
	}
	wanted, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("parse -only: %w", err)
	}
	return capture.Make(ctx, capture.Config{
		Dir:   *dir,
		Tries: *tries,
		Want:  wanted.MatchString,
		Log:   func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) },
	})
}
