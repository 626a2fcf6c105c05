// Demo shows at a venue of network namespaces what slicing does for the calls in it. Standard output is the result.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/slicegate/slicegate/internal/demo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("interrupted: %w", err)
		}
		fmt.Fprintln(os.Stderr, "demo:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	duration := flag.Duration("duration", 20*time.Second, "length of each half")
	asJSON := flag.Bool("json", false, "print the result as JSON")
	sliced := flag.String("sliced", "", "program of the agent (built when empty)")
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}

	screen := demo.NewScreen(os.Stderr)
	report, err := demo.Run(ctx, demo.Options{Duration: *duration, Sliced: *sliced, Watch: screen.Show})
	if err != nil {
		return err
	}
	if *asJSON {
		return json.NewEncoder(os.Stdout).Encode(report)
	}
	return report.WriteTable(os.Stdout)
}
