package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/internal/lab"
)

const (
	oldFigure, newFigure = `{"scenario":"old"}` + "\n", `{"scenario":"new"}` + "\n"
	newHead              = `{"origin":{"qemu":"7"}}` + "\n"
)

// write makes a file of the folder that the test runs in.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func wantText(t *testing.T, path, want string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("%s: %s", path, diff)
	}
}

// The last run's figures are there until this run has one.
func TestReportedFiguresStay(t *testing.T) {
	for _, test := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"none", nil, oldFigure},
		{"one", []string{newFigure}, newHead + newFigure},
		{"two", []string{newFigure, newFigure}, newHead + newFigure + newFigure},
	} {
		t.Run(test.name, func(t *testing.T) {
			k := &keeper{path: filepath.Join(t.TempDir(), "figures"), head: []byte(newHead)}
			write(t, k.path, oldFigure)
			for _, line := range test.lines {
				if _, err := io.WriteString(k, line); err != nil {
					t.Fatal(err)
				}
			}
			if err := k.Close(); err != nil {
				t.Fatal(err)
			}
			wantText(t, k.path, test.want)
		})
	}
}

// A run that does not come as far as a guest leaves the last one's figures.
func TestReportedFiguresOutliveFailure(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, keptFigures, oldFigure)
	bench := &lab.Bench{Module: ".", Cache: cache, Log: io.Discard}
	figures, err := measureFrom(t.Context(), bench, []lab.Grid{{Kernel: "6.6", Run: "TestCost"}}, []uint64{1}, lab.Origin{}, options{})
	if err == nil || len(figures) > 0 {
		t.Errorf("%d figures of kernel 6.6, error %v", len(figures), err)
	}
	wantText(t, keptFigures, oldFigure)
}

// No figures, or what is none, are an error however they are to be told, and the document stays.
func TestReportOfNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	const document, chart, text = "docs/performance.md", "docs/lab/delay.svg", "<!-- make lab writes from here -->\nold\n<!-- to here -->\n"
	write(t, document, text)
	write(t, chart, "old")
	for content, want := range map[string]string{
		"":                                  "read figures of kept: it has none",
		newHead:                             "it has none",
		`{"scenario":"cost","ca`:            "it has none", // cut short
		"{\"a\":1}\n":                       `line 1: json: unknown field "a"`,
		newHead + "{\"kernel\":\"6.12\"}\n": "line 2: no figure: scenario, case",
		`{"kernel":"6.6","scenario":"cost","case":"up","treatment":"ours","name":"box"}` + "\n": `kernel "6.6" is none of 6.12, 6.1`,
	} {
		write(t, "kept", content)
		for _, more := range [][]string{nil, {"-hold"}, {"-write"}} {
			o, err := parse(append([]string{"-from", "kept"}, more...), "")
			if err != nil {
				t.Fatal(err)
			}
			if err := run(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q, %v: error %v, want %q", content, more, err, want)
			}
			wantText(t, document, text)
			wantText(t, chart, "old")
		}
	}
}

// Figures that are no whole run's are told of, and the document has them; but the status says what is missing.
func TestPartOfARunIsNoWholeOne(t *testing.T) {
	t.Chdir(t.TempDir())
	f := lab.Figure{Kernel: "6.12", Scenario: "cost", Case: "up", Treatment: "ours", Seed: 1, Name: "box", Unit: "ns", Value: 7}
	path := keep(t, "kept", nil, f)
	for _, test := range []struct {
		more []string
		want string // "" for no error
	}{{nil, ""}, {[]string{"-full"}, "was not measured"}, {[]string{"-write"}, `bounds of "cost" were measured, of`}} {
		o, err := parse(append([]string{"-from", path}, test.more...), "")
		if err != nil {
			t.Fatal(err)
		}
		if err := run(t.Context(), o); test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%v: error %v, want %q", test.more, err, test.want)
		}
	}
}
