package lab

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// boxed is what a guest says around its programs.
func boxed(programs ...string) string {
	return "lab: up 6.12.1\n" + strings.Join(programs, "") + "lab: off\n"
}

// said is what one program says, with Go's marks for test2json (a byte 0x16 before a line of the framework's).
func said(status string, lines ...string) string {
	return "lab: begin /src/shaper\n" + strings.Join(lines, "\n") + "\n\nlab: exit " + status + " at 12.34\n"
}

const (
	passes = "\x16=== RUN   TestA\n\x16--- PASS: TestA (0.50s)\n\x16=== NAME  \nPASS"
	fails  = "\x16=== RUN   TestB\n    b_test.go:7: broken pipe dream\n\x16--- FAIL: TestB (0.00s)\n\x16=== NAME  \nFAIL"
	skips  = "\x16=== RUN   TestC\n    c_test.go:7: no time\n\x16--- SKIP: TestC (0.00s)\n\x16=== NAME  \nPASS"
)

// What is missing from a guest's output is an error, whatever else it said.
func TestReadFailures(t *testing.T) {
	programs := []Program{{Package: "shaper"}, {Package: "bpf"}}
	for _, test := range []struct {
		name, written, want string
	}{
		{"nothing", "", "did not boot"},
		{"a panic before the first line", "qemu: terminating\n", "did not boot"},
		{"a module missing", "lab: no module sch_cake\n" + boxed(said("0", passes), said("0", passes)), "no module sch_cake"},
		{"no random numbers", "lab: no random numbers\n" + boxed(said("0", passes), said("0", passes)), "no random numbers"},
		{"an end in the first program", "lab: up 6.12.1\nlab: begin /src/shaper\n=== RUN   TestA\n", "broke off in shaper"},
		{"an end in the second program", "lab: up 6.12.1\n" + said("0", passes), "broke off in bpf"},
		{"an end after the last", strings.TrimSuffix(boxed(said("0", passes), said("0", passes)), "lab: off\n"), "broke off after the last"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := read(t.Context(), Image{}, programs, []byte(test.written))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

// A program that failed, broke off or tested nothing is an error of its run.
func TestRunFailures(t *testing.T) {
	for _, test := range []struct {
		name, written, want string
	}{
		{"good", said("0", passes), ""},
		{"skipped only", said("0", skips), ""},
		{"a test failed", said("1", fails), "broken pipe dream"},
		{"killed", said("137", "\x16=== RUN   TestA"), "exit status 137"},
		{"a panic of Go's", said("2", passes, "panic: all is lost"), "all is lost"},
		{"no test", said("0", "testing: warning: no tests to run\nPASS"), "no test ran"},
		{"not started", said("127", "sh: ./shaper.test: not found"), "not found"},
	} {
		t.Run(test.name, func(t *testing.T) {
			report, err := read(t.Context(), Image{Kernel: Kernel{Name: "6.12"}}, []Program{{Package: "shaper"}}, []byte(boxed(test.written)))
			if err != nil {
				t.Fatal(err)
			}
			switch err := report.Err(); {
			case test.want == "" && err != nil:
				t.Errorf("error %v, want none", err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "kernel 6.12: shaper")):
				t.Errorf("error %v, want one of shaper on 6.12 with %q", err, test.want)
			}
		})
	}
}

// Verdicts are found among what else a program writes.
func TestReadRun(t *testing.T) {
	written := boxed(said("1", "\x16=== RUN   TestF\nlab-figure: {}\n\x16--- PASS: TestF (0.25s)\n\x16=== NAME  ", fails))
	report, err := read(t.Context(), Image{}, []Program{{Package: "shaper"}}, []byte(written))
	if err != nil {
		t.Fatal(err)
	}
	run := report.Runs[0]
	if run.Status != 1 || run.Ended != 12340*time.Millisecond || run.Count("pass") != 1 || run.Count("fail") != 1 {
		t.Errorf("run: status %d, ended %s, tests %+v", run.Status, run.Ended, run.Tests)
	}
	if got := run.Tests[0]; got.Name != "TestF" || got.Took != 250*time.Millisecond {
		t.Errorf("first test: %+v", got)
	}
}

func TestCommandQuotes(t *testing.T) {
	p := Program{Package: "shaper", Run: "^Test'A'$", Env: []string{"A=b c"}, Timeout: time.Minute}
	const want = `'run' '70' '/src/shaper' 'env' 'GODEBUG=schedtrace=2000000000' 'A=b c' './shaper.test' '-test.v=test2json' '-test.timeout=1m0s' '-test.run=^Test'\''A'\''$'`
	if diff := cmp.Diff(want, p.command()); diff != "" {
		t.Error(diff)
	}
}
