package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/internal/api"
	"github.com/slicegate/slicegate/internal/api/client"
	"github.com/slicegate/slicegate/internal/running"
)

// at is oneUplink with another download.
func at(download string) *client.File {
	text := strings.Replace(oneUplink, `download = "20mbit"`, `download = "`+download+`"`, 1)
	return &client.File{Name: download + ".toml", Text: []byte(text)}
}

// download waits until the link's class in the kernel has a rate, and the status says so.
func (b *box) download(when, tc string, bps uint64) {
	b.t.Helper()
	b.until(when+": "+tc, func(st api.Status) bool {
		rate := st.Uplinks[0].Download.RateBPS
		out, err := b.ns.Output("tc", "class", "show", "dev", "ifb-fibre")
		return err == nil && strings.Contains(out, "class htb 5c1e:1 root rate "+tc+" ") && rate != nil && *rate == bps
	})
}

func lines(steps []client.Step) (list []string) {
	for _, s := range steps {
		list = append(list, strings.Join(strings.Fields(strings.Join([]string{s.Op, s.Kind, s.Dev, s.Object, s.Text}, " ")), " "))
	}
	return list
}

func (b *box) plan(file *client.File) []string {
	b.t.Helper()
	p, err := b.client.Plan(b.t.Context(), file)
	must(b.t, err)
	return lines(p.Steps)
}

func (b *box) apply(file *client.File, confirm time.Duration) client.Applied {
	b.t.Helper()
	a, err := b.client.Apply(b.t.Context(), file, confirm)
	must(b.t, err)
	if len(a.Failed) > 0 {
		b.t.Errorf("failed: %+v", a.Failed)
	}
	return a
}

func (b *box) tc(args ...string) string {
	b.t.Helper()
	out, err := b.ns.Output("tc", args...)
	must(b.t, err)
	return out
}

// reboot has the state directory say that it is of another boot.
func (b *box) reboot() {
	b.t.Helper()
	b.redate("boot", "00000000-0000-4000-8000-000000000000")
}

// endsIn has the state directory say how long from now a pending change and a pause last. A test that applies for long and then says so
// while no agent runs has no time of its own to meet, however slow the machine is.
func (b *box) endsIn(d time.Duration) {
	b.t.Helper()
	clock, err := running.KernelClock()
	must(b.t, err)
	now, err := clock.Now()
	must(b.t, err)
	b.redate("until_ns", now+d)
}

// redate changes what the state directory says of when a pending change and a pause end.
func (b *box) redate(key string, value any) {
	b.t.Helper()
	path := filepath.Join(b.dir, "state", "running.json")
	text, err := os.ReadFile(path)
	must(b.t, err)
	var note map[string]any
	must(b.t, json.Unmarshal(text, &note))
	for _, what := range []string{"pending", "pause"} {
		if of, ok := note[what].(map[string]any); ok {
			of[key] = value
		}
	}
	text, err = json.Marshal(note)
	must(b.t, err)
	must(b.t, os.WriteFile(path, text, 0o600))
}

func TestPlanThenApply(t *testing.T) {
	b := newBox(t)
	b.start()
	if got := b.plan(nil); got != nil {
		t.Errorf("plan of what is in force: %q", got)
	}
	want := []string{
		"change class ifb-fibre 5c1e:1 rate 10mbit (was 20mbit) ceil 10mbit (was 20mbit)",
		"change class ifb-fibre 5c1e:22 rate 3500kbit (was 7mbit) ceil 10mbit (was 20mbit)",
		"change class ifb-fibre 5c1e:11 rate 1500kbit (was 3mbit) ceil 2mbit (was 4mbit)" +
			" burst 8.0746ms (was 4.0373ms) cburst 6.056ms (was 3.028ms)",
		"change class ifb-fibre 5c1e:12 rate 5mbit (was 10mbit) ceil 8mbit (was 16mbit)" +
			" burst 2.4224ms (was 1.2112ms) cburst 1.514ms (was 757us)",
		"change class ifb-fibre 5c1e:13 ceil 10mbit (was 20mbit)",
		"change class ifb-fibre 5c1e:14 ceil 10mbit (was 20mbit)",
	}
	if diff := cmp.Diff(want, withoutLeaves(b.plan(at("10mbit")))); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	b.download("planned", "20Mbit", 20e6)
	if diff := cmp.Diff(want, withoutLeaves(lines(b.apply(at("10mbit"), 0).Steps))); diff != "" {
		t.Errorf("applied (-want +got):\n%s", diff)
	}
	b.download("applied", "10Mbit", 10e6)
	if got := b.plan(at("10mbit")); got != nil {
		t.Errorf("plan of what was applied: %q", got)
	}
	b.kill(syscall.SIGKILL)
	b.start()
	b.download("killed", "10Mbit", 10e6)
	must(t, b.cmd.Process.Signal(syscall.SIGHUP))
	b.download("reloaded", "20Mbit", 20e6)

	b.apply(at("10mbit"), 0)
	b.write(string(at("30mbit").Text))
	b.apply(nil, 0)
	b.download("applied without a file", "30Mbit", 30e6)
	b.kill(syscall.SIGKILL)
	b.start()
	b.download("killed again", "30Mbit", 30e6)
}

// withoutLeaves leaves out queues, whose limits follow the rates by a formula of their own.
func withoutLeaves(steps []string) (list []string) {
	for _, s := range steps {
		if !strings.HasPrefix(s, "change qdisc") {
			list = append(list, s)
		}
	}
	return list
}

// A plan for slices that nobody knows yet gives them no numbers: the counters stay whose they are.
func TestPlanOfNewNamesChangesNothing(t *testing.T) {
	b := newBox(t)
	b.start()
	games := at("20mbit")
	games.Text = append(games.Text, []byte(`
[[slice]]
name = "signalling"
priority = 0
min = "5%"
max = "20%"
[[slice]]
name = "realtime"
priority = 1
min = "50%"
max = "80%"
[[slice]]
name = "games"
priority = 1
min = "10%"
max = "80%"
default = true
`)...)
	before := b.tc("class", "show", "dev", "ifb-fibre")
	first := b.plan(games)
	if len(first) == 0 {
		t.Fatal("nothing is planned")
	}
	if after := b.tc("class", "show", "dev", "ifb-fibre"); after != before {
		t.Errorf("was\n%sis\n%s", before, after)
	}
	if diff := cmp.Diff(first, lines(b.apply(games, 0).Steps)); diff != "" {
		t.Errorf("planned, and not applied (-want +got):\n%s", diff)
	}
	if got := b.plan(games); got != nil {
		t.Errorf("left to do: %q", got)
	}
}

func TestMistakeInAnAppliedFile(t *testing.T) {
	b := newBox(t)
	b.start()
	for _, do := range []func(*client.File) error{
		func(f *client.File) error { _, err := b.client.Plan(t.Context(), f); return err },
		func(f *client.File) error { _, err := b.client.Apply(t.Context(), f, time.Minute); return err },
	} {
		if err := do(at("20")); !errors.Is(err, api.ErrInvalid) || !strings.Contains(err.Error(), "20.toml:7: uplink.download") {
			t.Errorf("got %v", err)
		}
		b.write("broken")
		if err := do(nil); !errors.Is(err, api.ErrInvalid) || !strings.Contains(err.Error(), "sliced.toml:1") {
			t.Errorf("got %v", err)
		}
	}
	b.download("after mistakes", "20Mbit", 20e6)
	if st := b.status(); len(st.Problems) != 0 {
		t.Errorf("problems: %+v", st.Problems)
	}
}

func TestConfirmRollbackAndTime(t *testing.T) {
	b := newBox(t)
	b.start()
	for _, err := range []error{b.client.Confirm(t.Context()), func() error { _, err := b.client.Rollback(t.Context()); return err }()} {
		var fault *api.Fault
		if !errors.As(err, &fault) || fault.Type != api.TypeNothingPending {
			t.Errorf("nothing pending: %v", err)
		}
	}
	b.apply(at("10mbit"), time.Minute)
	b.download("applied", "10Mbit", 10e6)
	b.until("naming the change", func(st api.Status) bool { return hasProblem(st, "a change is pending: 10mbit.toml", "confirm") })
	a, err := b.client.Rollback(t.Context())
	must(t, err)
	if len(a.Steps) == 0 || len(a.Failed) != 0 {
		t.Errorf("rolled back: %+v", a)
	}
	b.download("rolled back", "20Mbit", 20e6)

	b.apply(at("10mbit"), time.Minute)
	must(t, b.client.Confirm(t.Context()))
	b.apply(at("15mbit"), time.Minute)
	b.download("tried", "15Mbit", 15e6)
	b.apply(at("15mbit"), time.Second) // begins its time anew
	b.download("not confirmed", "10Mbit", 10e6)
	b.until("saying so", func(st api.Status) bool { return hasProblem(st, "15mbit.toml was taken back") })
}

// Killed, or rebooted, it goes back all the same.
func TestPendingChangeOutlivesTheAgent(t *testing.T) {
	b := newBox(t)
	b.start()
	b.apply(at("10mbit"), time.Hour)
	b.kill(syscall.SIGKILL)
	b.start()
	b.download("killed", "10Mbit", 10e6)
	if !hasProblem(b.status(), "a change is pending") {
		t.Errorf("after a restart nothing is pending: %+v", b.status().Problems)
	}
	b.kill(syscall.SIGKILL)
	b.endsIn(5 * time.Second) // enough for a start, of most machines: else it is over when the agent starts
	b.start()
	b.download("its time ended", "20Mbit", 20e6)

	b.apply(at("10mbit"), time.Hour)
	b.kill(syscall.SIGKILL)
	b.endsIn(0)
	b.start()
	b.download("its time ended while no agent ran", "20Mbit", 20e6)

	b.apply(at("10mbit"), time.Hour)
	b.kill(syscall.SIGKILL)
	b.reboot()
	b.start()
	if rate := b.status().Uplinks[0].Download.RateBPS; *rate != 20e6 {
		t.Errorf("after a reboot: %d, want 20 Mbit/s at once", *rate)
	}
	b.until("saying so", func(st api.Status) bool { return hasProblem(st, "10mbit.toml was taken back") })
}

func TestUplinkSetLastsUntilReset(t *testing.T) {
	b := newBox(t)
	b.start()
	set := func(download, upload string) error {
		return b.client.SetUplink(t.Context(), client.UplinkChange{Name: "fibre", Download: download, Upload: upload})
	}
	leaf := b.tc("-s", "qdisc", "show", "dev", "ifb-fibre")
	must(t, set("12mbit", ""))
	b.download("set", "12Mbit", 12e6)
	if now := b.tc("-s", "qdisc", "show", "dev", "ifb-fibre"); strings.Count(now, "\n") != strings.Count(leaf, "\n") {
		t.Errorf("not in place: was\n%sis\n%s", leaf, now)
	}
	b.boundsAre("set", "realtime", 6e6, 9.6e6)
	must(t, set("", "off"))
	if rate := b.status().Uplinks[0].Upload.RateBPS; rate != nil {
		t.Errorf("upload is %d, want it off", *rate)
	}
	b.kill(syscall.SIGKILL)
	b.start()
	b.download("killed", "12Mbit", 12e6)
	must(t, b.client.SetSlice(t.Context(), api.SliceChange{Name: "media", Min: "4mbit"}))
	for name, err := range map[string]error{
		"unknown":       b.client.SetUplink(t.Context(), client.UplinkChange{Name: "lte", Download: "1mbit"}),
		"no unit":       set("12", ""),
		"too slow":      set("1kbit", ""),
		"nothing":       set("", ""),
		"reset unknown": b.client.ResetUplink(t.Context(), "lte"),
	} {
		if !errors.Is(err, api.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	err := set("8mbit", "")
	if !errors.Is(err, api.ErrInvalid) || !strings.Contains(err.Error(), `the minima sum to 110% on the download of uplink "fibre" (8mbit)`) {
		t.Errorf("a link too slow for its minima: %v", err)
	}
	b.download("refused", "12Mbit", 12e6)
	must(t, b.client.ResetUplink(t.Context(), ""))
	b.download("reset", "20Mbit", 20e6)
}

// What the kernel refuses is told, what was done too, and once it can be done it is.
func TestApplySaysWhatFailed(t *testing.T) {
	b := newBox(t)
	b.wire("wan1")
	b.start()
	// Another interface's second name keeps the kernel from making ours, and is seen in no list of interfaces.
	_, err := b.ns.Output("ip", "link", "property", "add", "dev", "lo", "altname", "ifb-lte")
	must(t, err)
	second := at("10mbit")
	second.Text = append(second.Text, []byte("[[uplink]]\nname = \"lte\"\ninterface = \"wan1\"\ndownload = \"5mbit\"\nupload = \"1mbit\"\n")...)
	a, err := b.client.Apply(t.Context(), second, 0)
	must(t, err)
	if len(a.Failed) == 0 || a.Failed[0].Kind != "link" || a.Failed[0].Dev != "ifb-lte" || !strings.Contains(a.Failed[0].Error, "exists") {
		t.Errorf("failed: %+v", a.Failed)
	}
	for _, f := range a.Failed[1:] {
		if !strings.Contains(f.Error, "not tried") {
			t.Errorf("failed: %+v", f)
		}
	}
	if done := lines(a.Steps); len(done) == 0 || !strings.HasPrefix(done[0], "change class ifb-fibre 5c1e:1 ") {
		t.Errorf("done: %q", done)
	}
	b.download("the other uplink", "10Mbit", 10e6)
	b.until("failed", func(st api.Status) bool { return len(st.Uplinks) == 2 && st.Uplinks[1].State == api.Failed })
	_, err = b.ns.Output("ip", "link", "property", "del", "dev", "lo", "altname", "ifb-lte")
	must(t, err)
	b.until("healed", func(st api.Status) bool { return st.Uplinks[1].State == api.Shaped && len(st.Problems) == 0 })
	if got := b.plan(second); got != nil {
		t.Errorf("left to do: %q", got)
	}
}
