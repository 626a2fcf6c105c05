package built

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Folder is the environment variable that names the folder of programs that were brought along.
const Folder = "SLICEGATE_PROGRAMS"

// The programs.
const (
	Sliced      = "sliced"
	Slicectl    = "slicectl"
	OtherSliced = "sliced-other" // sliced with programs and maps of another layout
)

const module = "github.com/slicegate/slicegate/"

// Program gives the path of a program.
func Program(t testing.TB, name string) (path string) {
	t.Helper()
	if folder := os.Getenv(Folder); folder != "" {
		path := filepath.Join(folder, name)
		if _, err := os.Stat(path); err != nil {
			t.Fatalf("%v: it was not brought along", err)
		}
		return path
	}
	folder := t.TempDir()
	if err := Build(t.Context(), ".", folder, name); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(folder, name)
}

// Build makes a program in a folder. The working folder dir is somewhere in the module.
func Build(ctx context.Context, dir, folder, name string) error {
	path := filepath.Join(folder, name)
	if name == OtherSliced {
		return buildOther(ctx, dir, path)
	}
	_, err := Go(ctx, dir, "build", append(Repeatable(), "-o", path, module+"cmd/"+name)...)
	return err
}

// Repeatable are the flags of a build that gives the same bytes for the same source, whatever the commit and the folder that it lies in. No
// build ID tells apart programs whose code is the same: those of scenarios are, whatever figures are held to.
func Repeatable() []string {
	return []string{"-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid="}
}

// Go runs the go command in a folder, so that what it builds needs no library.
func Go(ctx context.Context, dir, verb string, args ...string) (output string, err error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{verb}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return "", fmt.Errorf("run %s: %w", cmd, err)
	}
	return strings.TrimSpace(string(out)), nil
}
