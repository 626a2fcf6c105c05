package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/internal/nettest"
)

// Figures are found among what else programs write however it is cut, and come back as they were written, with their kernel.
func TestFigureReader(t *testing.T) {
	plain := Figure{Scenario: "isolation", Case: "up, 5 Mbit/s", Treatment: "ours", Seed: 3, Name: "call p99", Unit: "ms", Value: 3.25}
	spread := Figure{Scenario: "isolation", Case: "up, 5 Mbit/s", Treatment: "ours", Seed: 3, Name: "call added", Unit: "ms", Spread: []float64{1, 2}}
	var written strings.Builder
	written.WriteString("lab: up 6.12.1\n\x16=== RUN   TestF\n")
	for _, f := range []Figure{plain, spread} {
		if err := f.Write(&written); err != nil {
			t.Fatal(err)
		}
		written.WriteString("something else\n")
	}
	written.WriteString(figureMark + `{"name":"cut sh`) // the guest was killed here
	want := []Figure{plain, spread}
	for i := range want {
		want[i].Kernel = "6.12"
	}
	for _, size := range []int{1, 7, written.Len()} {
		var seen []Figure
		r := &figureReader{kernel: "6.12", seen: func(f Figure) { seen = append(seen, f) }}
		for rest := written.String(); rest != ""; rest = rest[min(size, len(rest)):] {
			if _, err := r.Write([]byte(rest[:min(size, len(rest))])); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, r.figures); diff != "" || r.err != nil {
			t.Errorf("%d bytes at a time: error %v, figures (-want +got)\n%s", size, r.err, diff)
		}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Errorf("%d bytes at a time: seen (-want +got)\n%s", size, diff)
		}
	}
}

// A line that says it is a figure and is none is an error, and the figures after it are kept.
func TestFigureReaderFails(t *testing.T) {
	r := new(figureReader)
	if _, err := io.WriteString(r, figureMark+"{\"name\":\"p99\"\n"+figureMark+"{\"name\":\"p50\"}\n"); err != nil {
		t.Fatal(err)
	}
	if r.err == nil || !strings.Contains(r.err.Error(), "read figure") {
		t.Errorf("error %v, want one that a figure can't be read", r.err)
	}
	if len(r.figures) != 1 || r.figures[0].Name != "p50" {
		t.Errorf("figures %+v, want the second alone", r.figures)
	}
}

// What is written to a file is seen while it grows, and to its end.
func TestFollow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "written")
	seen := make(chan Figure, 2)
	end, err := follow(path, &figureReader{seen: func(f Figure) { seen <- f }}, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	writer, err := os.Create(path) // as qemu opens it
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	for _, name := range []string{"first", "second"} {
		if err := (Figure{Name: name}).Write(writer); err != nil {
			t.Fatal(err)
		}
		if name == "second" {
			if err := end(); err != nil {
				t.Fatal(err)
			}
		}
		select {
		case f := <-seen:
			if f.Name != name {
				t.Errorf("saw %q, want %q", f.Name, name)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%q was not seen", name)
		}
	}
}

// Who writes without end is stopped at the bound, and not before.
func TestFollowHasABound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "written")
	stopped := make(chan error, 1)
	end, err := follow(path, new(figureReader), func(err error) { stopped <- err })
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Repeat("x", 1<<20-1) + "\n"
	writer, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	for range maxOutput / len(line) {
		if _, err := writer.WriteString(line); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-stopped:
		t.Fatalf("stopped at the bound: %v", err)
	case <-time.After(time.Second):
	}
	if _, err := writer.WriteString(line); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-stopped:
		if !errors.Is(err, errTooMuch) {
			t.Errorf("stopped by %v, want %v", err, errTooMuch)
		}
	case <-time.After(10 * time.Second):
		t.Error("not stopped beyond the bound")
	}
	if err := end(); !errors.Is(err, errTooMuch) {
		t.Errorf("error %v, want %v", err, errTooMuch)
	}
}

// A guest that is interrupted has the figures that it had printed, beside the error.
func TestInterruptedGuest(t *testing.T) {
	nettest.Require(t, needs...)
	image, err := Kernels[1].Fetch(t.Context(), cache)
	if err != nil {
		t.Fatal(err)
	}
	figure := Figure{Scenario: "isolation", Name: "call p99", Unit: "ms", Value: 3.25}
	var line strings.Builder
	if err := figure.Write(&line); err != nil {
		t.Fatal(err)
	}
	tree := t.TempDir()
	if err := os.MkdirAll(filepath.Join(tree, source, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\necho %s\nsleep 1000000\n", quote(strings.TrimSpace(line.String())))
	if err := os.WriteFile(filepath.Join(tree, source, "x", "x.test"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, interrupt := context.WithCancelCause(t.Context())
	tired := errors.New("tired of waiting")
	g := Guest{Image: image, Tree: tree, Programs: []Program{{Package: "x"}}, Seen: func(Figure) { interrupt(tired) }}
	report, err := g.Run(ctx)
	if !errors.Is(err, tired) {
		t.Fatalf("error %v, want %v", err, tired)
	}
	figure.Kernel = image.Name
	if diff := cmp.Diff([]Figure{figure}, report.Figures); diff != "" {
		t.Errorf("figures (-want +got)\n%s", diff)
	}
}
