package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/internal/lab"
)

// keep makes a file of figures, as a run does, or without an origin, as older ones did.
func keep(t *testing.T, name string, origin *lab.Origin, figures ...lab.Figure) (path string) {
	t.Helper()
	var text strings.Builder
	if origin != nil {
		head, err := headOf(*origin)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(head)
	}
	lines := json.NewEncoder(&text)
	for _, f := range figures {
		if err := lines.Encode(f); err != nil {
			t.Fatal(err)
		}
	}
	path = filepath.Join(t.TempDir(), name)
	write(t, path, text.String())
	return path
}

// Figures come back as they were kept, with what each file says they were measured with.
func TestReadFigures(t *testing.T) {
	origin := lab.Origin{Kernels: []string{"6.12.9"}, Commit: "0123456789ab", Modified: true, Qemu: "7.2", Date: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
	first := lab.Figure{Kernel: "6.12", Scenario: "cost", Case: "up", Treatment: "ours", Seed: 1, Name: "box", Unit: "ns", Value: 7}
	second, third := first, first
	second.Seed, third.Kernel = 2, "6.1"
	third.Spread = []float64{1, 2}
	paths := []string{keep(t, "new", &origin, first, third), keep(t, "old", nil, second)}
	figures, origins, err := readFigures(paths)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]lab.Figure{first, third, second}, figures); diff != "" {
		t.Errorf("figures (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]lab.Origin{origin, {}}, origins); diff != "" {
		t.Errorf("origins (-want +got)\n%s", diff)
	}
}

// Two runs of the same are not two seeds: the error names both files, and what they have in common.
func TestReadFiguresOfTwoRuns(t *testing.T) {
	f := lab.Figure{Kernel: "6.12", Scenario: "cost", Case: "up", Treatment: "ours", Seed: 1, Name: "box", Unit: "ns", Value: 7}
	again := f
	again.Value = 8
	one, other := keep(t, "one", nil, f), keep(t, "other", nil, again)
	for _, paths := range [][]string{{one, other}, {keep(t, "twice", nil, f, again)}} {
		_, _, err := readFigures(paths)
		for _, word := range append(paths, "kernel 6.12", "cost: up: ours: box", "seed 1", "leave out") {
			if err == nil || !strings.Contains(err.Error(), word) {
				t.Errorf("error %v, want %q", err, word)
			}
		}
	}
}

func TestReadFiguresOfOneFileTwice(t *testing.T) {
	path := keep(t, "one", nil, lab.Figure{Kernel: "6.12", Scenario: "cost", Case: "up", Treatment: "ours", Name: "box"})
	if _, _, err := readFigures([]string{path, path}); err == nil || !strings.Contains(err.Error(), "named twice") {
		t.Errorf("error %v", err)
	}
}

// A run that was killed while it wrote leaves what it had written before.
func TestReadFiguresCutShort(t *testing.T) {
	f := lab.Figure{Kernel: "6.12", Scenario: "cost", Case: "up", Treatment: "ours", Seed: 1, Name: "box", Unit: "ns", Value: 7}
	path := keep(t, "cut", nil, f)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, string(text)+`{"kernel":"6.12","scen`)
	figures, _, err := readFigures([]string{path})
	if diff := cmp.Diff([]lab.Figure{f}, figures); diff != "" || err != nil {
		t.Errorf("error %v, figures (-want +got)\n%s", err, diff)
	}
}
