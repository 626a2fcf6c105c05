package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/internal/api"
	"github.com/slicegate/slicegate/internal/api/client"
)

// adopting is oneUplink with adopt = true.
func adopting() *client.File {
	text := strings.Replace(oneUplink, `upload = "20mbit"`, "upload = \"20mbit\"\nadopt = true", 1)
	return &client.File{Name: "adopt.toml", Text: []byte(text)}
}

// wan is the uplink's root qdisc, without what only counts.
func (b *box) wan() string {
	b.t.Helper()
	out := regexp.MustCompile(`direct_packets_stat \d+ ?`).ReplaceAllString(b.tc("qdisc", "show", "dev", "wan0", "root"), "")
	for line := range strings.Lines(out) {
		if strings.Contains(line, " root ") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// untouched says that nothing of ours is in the kernel.
func (b *box) untouched(when string) {
	b.t.Helper()
	if out := b.tc("qdisc", "show"); strings.Contains(out, "5c1e") || strings.Contains(out, "clsact") {
		b.t.Errorf("%s:\n%s", when, out)
	}
	links, err := b.ns.Output("ip", "link", "show")
	must(b.t, err)
	if strings.Contains(links, "ifb-fibre") {
		b.t.Errorf("%s the ifb is there:\n%s", when, links)
	}
}

func TestPauseAndResume(t *testing.T) {
	b := newBox(t)
	b.start()
	must(t, b.client.Pause(t.Context(), 0))
	b.until("paused", func(st api.Status) bool { return state(api.Paused)(st) && hasProblem(st, "paused", "slicectl resume") })
	b.untouched("paused")
	b.kill(syscall.SIGKILL)
	b.start()
	b.until("paused after a restart", state(api.Paused))
	b.untouched("paused after a restart")
	must(t, b.client.SetSlice(t.Context(), api.SliceChange{Name: "media", Max: "60%"}))
	must(t, b.cmd.Process.Signal(syscall.SIGHUP))
	must(t, b.client.Resume(t.Context()))
	b.until("resumed", func(st api.Status) bool { return state(api.Shaped)(st) && len(st.Problems) == 0 })
	b.boundsAre("resumed", "media", 6e6, 12e6)
	if got := b.plan(nil); got != nil {
		t.Errorf("left to do: %q", got)
	}

	must(t, b.client.Pause(t.Context(), time.Minute))
	b.until("paused for a time", func(st api.Status) bool { return state(api.Paused)(st) && hasProblem(st, "paused for another ") })
	must(t, b.client.Pause(t.Context(), time.Second)) // begins its time anew
	b.until("resumed by itself", state(api.Shaped))

	must(t, b.client.Pause(t.Context(), 0))
	b.kill(syscall.SIGKILL)
	b.reboot()
	b.start()
	b.until("shaped after a reboot", state(api.Shaped))
}

// An agent that was killed between noting a pause and carrying it out does so when it starts.
func TestPauseCutShort(t *testing.T) {
	b := newBox(t)
	b.start()
	b.kill(syscall.SIGKILL)
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	must(t, err)
	note := fmt.Sprintf(`{"version":1,"pause":{"boot":%q,"until_ns":0}}`, strings.TrimSpace(string(boot)))
	must(t, os.WriteFile(filepath.Join(b.dir, "state", "running.json"), []byte(note), 0o600))
	b.start()
	b.until("paused", state(api.Paused))
	b.untouched("paused")
}

// A pause forgets nothing that teardown puts back.
func TestTeardownAfterPause(t *testing.T) {
	b := newBox(t)
	b.tc("qdisc", "add", "dev", "wan0", "root", "handle", "1:", "pfifo", "limit", "77")
	before := b.wan()
	b.write(string(adopting().Text))
	b.start()
	must(t, b.client.Pause(t.Context(), 0))
	b.kill(syscall.SIGKILL)
	b.start()
	b.until("paused", state(api.Paused))
	report, err := b.client.Teardown(t.Context())
	must(t, err)
	if got := b.wan(); got != before || len(report.NotRestored) != 0 {
		t.Errorf("was %q, is %q, not restored %q", before, got, report.NotRestored)
	}
	b.untouched("torn down")
}

func TestApplyAfterTeardown(t *testing.T) {
	b := newBox(t)
	b.start()
	if _, err := b.client.Teardown(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.until("torn down", func(st api.Status) bool {
		return state(api.Paused)(st) && hasProblem(st, "torn down", "slicectl apply")
	})
	for verb, do := range map[string]func() error{
		"pause":  func() error { return b.client.Pause(t.Context(), 0) },
		"resume": func() error { return b.client.Resume(t.Context()) },
	} {
		var refused *api.Fault
		if err := do(); !errors.As(err, &refused) || refused.Status != http.StatusConflict ||
			refused.Detail != "the shaping was torn down, and stays so until apply or the agent's next start: slicectl apply shapes again" {
			t.Errorf("%s: %v, want a conflict that says what to do", verb, err)
		}
	}
	must(t, b.cmd.Process.Signal(syscall.SIGHUP))
	b.until("reloaded", func(api.Status) bool { return strings.Contains(b.log.String(), "msg=reloaded") })
	b.untouched("a reload does not shape what was torn down;")
	planned := b.plan(nil)
	if diff := cmp.Diff(planned, lines(b.apply(nil, 0).Steps)); diff != "" || len(planned) == 0 {
		t.Errorf("planned, and not applied (-want +got):\n%s", diff)
	}
	b.until("shaped", func(st api.Status) bool { return state(api.Shaped)(st) && len(st.Problems) == 0 })
}

// What is tried after a teardown goes back to no shaping, and to what teardown had put back.
func TestGoesBackToNoShaping(t *testing.T) {
	b := newBox(t)
	b.tc("qdisc", "add", "dev", "wan0", "root", "handle", "1:", "pfifo", "limit", "77")
	before := b.wan()
	b.start()
	if _, err := b.client.Teardown(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.apply(adopting(), time.Minute)
	b.until("shaped", state(api.Shaped))
	b.apply(adopting(), time.Second) // begins its time anew
	b.until("not confirmed", state(api.Paused))
	b.untouched("taken back")
	if got := b.wan(); got != before {
		t.Errorf("was %q, is %q", before, got)
	}
}

// A foreign root is left alone, and named in these words; adopt = true takes it, in the words of the plan; teardown puts back what can
// be, and names what can't.
func TestAdoptEndToEnd(t *testing.T) {
	for _, tt := range []struct {
		name, problem, replaces string
		root                    []string
		notRestored             string // "" when it is
	}{
		{"pfifo", "wan0: foreign root qdisc pfifo 1:", "pfifo", []string{"handle", "1:", "pfifo", "limit", "77"}, ""},
		{"tbf", "wan0: foreign root qdisc tbf 8:", "tbf", []string{"handle", "8:", "tbf", "rate", "100mbit", "burst", "20000", "limit", "300000"}, ""},
		{"htb", "wan0: foreign root qdisc htb 1:", "htb", []string{"handle", "1:", "htb", "default", "30"},
			"wan0: root qdisc htb 1: had classes, which are gone: the kernel's default takes its place"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBox(t)
			b.tc(append([]string{"qdisc", "add", "dev", "wan0", "root"}, tt.root...)...)
			before := b.wan()
			b.start()
			st := b.until("foreign", state(api.Foreign))
			if len(st.Problems) != 1 || st.Problems[0].What != tt.problem || !strings.Contains(st.Problems[0].Do, "adopt = true") {
				t.Errorf("problems: %+v", st.Problems)
			}
			p, err := b.client.Plan(t.Context(), nil)
			must(t, err)
			did := b.apply(nil, 0)
			if len(p.Steps)+len(did.Steps) != 0 || b.wan() != before {
				t.Errorf("plan %+v, applied %+v, root %q", p, did, b.wan())
			}
			for _, named := range [][]api.Problem{p.Problems, did.Problems} {
				if diff := cmp.Diff([]api.Problem(st.Problems), named); diff != "" {
					t.Errorf("not the problems of status (-status +got):\n%s", diff)
				}
			}
			planned := b.plan(adopting())
			if want := "replace qdisc wan0 5c1e: parent root htb default 13 (was parent root " + tt.replaces; !hasPrefix(planned, want) {
				t.Errorf("plan has no %q: %q", want, planned)
			}
			if diff := cmp.Diff(planned, lines(b.apply(adopting(), 0).Steps)); diff != "" {
				t.Errorf("planned, and not applied (-want +got):\n%s", diff)
			}
			b.until("shaped", func(st api.Status) bool { return state(api.Shaped)(st) && len(st.Problems) == 0 })

			// One that appears now in place of ours is drift.
			b.tc("qdisc", "replace", "dev", "wan0", "root", "handle", "9:", "pfifo")
			b.until("healed", func(api.Status) bool { return strings.Contains(b.wan(), "htb 5c1e:") })

			report, err := b.client.Teardown(t.Context())
			must(t, err)
			if tt.notRestored == "" {
				if got := b.wan(); got != before || len(report.NotRestored) != 0 {
					t.Errorf("was %q, is %q, not restored %q", before, got, report.NotRestored)
				}
				return
			}
			if diff := cmp.Diff([]string{tt.notRestored}, []string(report.NotRestored)); diff != "" {
				t.Errorf("not restored (-want +got):\n%s", diff)
			}
			if got := b.wan(); !strings.Contains(got, " 0: root") {
				t.Errorf("root is %q, want the kernel's default", got)
			}
		})
	}
}

func hasPrefix(list []string, prefix string) bool {
	for _, s := range list {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return false
}
