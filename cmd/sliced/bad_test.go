package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"

	"github.com/slicegate/slicegate/internal/api"
	"github.com/slicegate/slicegate/internal/nettest"
)

func exitCode(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	must(t, err)
	return 0
}

func TestBadUse(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.toml")
	must(t, os.WriteFile(broken, []byte("[venue]\ninterfaces = [\"br0\"]\nspeed = 9\n"), 0o644))
	tests := []struct {
		name string
		args []string
		want []string // in the message
	}{
		{"no verb", nil, []string{"sliced run"}},
		{"unknown verb", []string{"fly"}, []string{"fly"}},
		{"unknown flag", []string{"run", "--speed", "9"}, []string{"speed"}},
		{"no file", []string{"run", "--config", filepath.Join(dir, "none.toml")}, []string{"none.toml", "no such file"}},
		{"unknown key", []string{"run", "--config", broken}, []string{"broken.toml:3", "venue.speed"}},
		{"file and flags", []string{"run", "--config", broken, "--uplink", "wan0"}, []string{"not both"}},
		{"flags without a rate", []string{"run", "--uplink", "wan0", "--venue", "br0", "--upload", "1mbit"}, []string{"--download"}},
		{"a rate without a unit", []string{"run", "--uplink", "wan0", "--venue", "br0", "--upload", "1mbit", "--download", "20"}, []string{"--download", "20"}},
	}
	for _, tt := range tests {
		b := &box{t: t, dir: dir}
		err := b.command(append(tt.args, stateArgs(dir, tt.args)...)...).Run()
		if code := exitCode(t, err); code != exitUsage {
			t.Errorf("%s: exit status %d, want %d", tt.name, code, exitUsage)
		}
		for _, w := range tt.want {
			if !strings.Contains(b.log.String(), w) {
				t.Errorf("%s: %q is not in the message:\n%s", tt.name, w, b.log.String())
			}
		}
	}
}

// stateArgs keep a test of "run" away from the machine's own state.
func stateArgs(dir string, args []string) []string {
	if len(args) == 0 || args[0] != "run" {
		return nil
	}
	return []string{"--state-dir", filepath.Join(dir, "state"), "--socket", filepath.Join(dir, "sliced.sock")}
}

func TestStateDirectoryNotWritable(t *testing.T) {
	b := newBox(t)
	must(t, os.WriteFile(filepath.Join(b.dir, "state"), nil, 0o644)) // a file where the directory should be
	cmd := b.command(b.args()...)
	must(t, b.ns.Start(cmd))
	if code := exitCode(t, cmd.Wait()); code != exitFailed {
		t.Errorf("exit status %d, want %d", code, exitFailed)
	}
	if !strings.Contains(b.log.String(), "state") || !strings.Contains(b.log.String(), "--state-dir") {
		t.Errorf("the message names neither the directory nor the flag:\n%s", b.log.String())
	}
}

func TestSecondAgentIsRefused(t *testing.T) {
	b := newBox(t)
	b.start()
	pid := fmt.Sprintf("pid %d", b.cmd.Process.Pid)
	other := t.TempDir()
	tests := []struct {
		name string
		ns   *nettest.NS
		args []string
		want string
	}{
		{"same namespace", b.ns, []string{"--state-dir", other}, "network namespace"},
		{"same state directory", b.peer, nil, "state directory"},
	}
	for _, tt := range tests {
		second := &box{t: t, dir: b.dir}
		cmd := second.command(append(b.args(), append(tt.args, "--socket", filepath.Join(other, "sliced.sock"))...)...)
		must(t, tt.ns.Start(cmd))
		if code := exitCode(t, cmd.Wait()); code != exitFailed {
			t.Errorf("%s: exit status %d, want %d", tt.name, code, exitFailed)
		}
		if out := second.log.String(); !strings.Contains(out, pid) || !strings.Contains(out, tt.want) {
			t.Errorf("%s: want %q and %q in\n%s", tt.name, tt.want, pid, out)
		}
	}
	if !state(api.Shaped)(b.status()) {
		t.Error("the first agent no longer shapes")
	}
}

func TestBrokenReloadKeepsTheOldConfiguration(t *testing.T) {
	b := newBox(t)
	b.start()
	b.write(strings.Replace(oneUplink, `download = "20mbit"`, `download = "20"`, 1))
	must(t, b.cmd.Process.Signal(syscall.SIGHUP))
	st := b.until("complaining", func(st api.Status) bool { return hasProblem(st, "reload", "sliced.toml:7", "uplink.download") })
	if rate := st.Uplinks[0].Download.RateBPS; rate == nil || *rate != 20e6 {
		t.Errorf("download %v, want the old 20 Mbit/s", rate)
	}
	b.write(strings.Replace(oneUplink, `download = "20mbit"`, `download = "30mbit"`, 1))
	must(t, b.cmd.Process.Signal(syscall.SIGHUP))
	b.until("reloaded", func(st api.Status) bool {
		rate := st.Uplinks[0].Download.RateBPS
		return len(st.Problems) == 0 && rate != nil && *rate == 30e6
	})
}

func TestInterfaceComesAndGoes(t *testing.T) {
	b := newBox(t)
	remove := func(name string) {
		dev, err := b.ns.Links().LinkByName(name)
		must(t, err)
		must(t, b.ns.Links().LinkDel(dev))
	}
	remove("wan0")
	remove("venue0")
	b.start() // an uplink that is waiting does not hold it up
	b.until("waiting", func(st api.Status) bool {
		return state(api.Waiting)(st) && hasProblem(st, "wan0") && hasProblem(st, "venue0")
	})
	for range 2 {
		b.wire("wan0")
		b.wire("venue0")
		b.until("shaped", func(st api.Status) bool { return state(api.Shaped)(st) && len(st.Problems) == 0 })
		remove("wan0")
		b.until("waiting again", func(st api.Status) bool { return state(api.Waiting)(st) && hasProblem(st, "wan0") })
		remove("venue0")
	}
}

func TestForeignRootIsLeftAlone(t *testing.T) {
	b := newBox(t)
	_, err := b.ns.Output("tc", "qdisc", "add", "dev", "wan0", "root", "handle", "1:", "pfifo", "limit", "77")
	must(t, err)
	b.start()
	b.until("foreign", func(st api.Status) bool {
		return state(api.Foreign)(st) && hasProblem(st, "wan0", "foreign root qdisc pfifo 1:")
	})
	out, err := b.ns.Output("tc", "qdisc", "show", "dev", "wan0")
	must(t, err)
	if !strings.Contains(out, "limit 77") || strings.Contains(out, "clsact") {
		t.Errorf("wan0 was touched:\n%s", out)
	}
}

func TestReloadSaysWhatItCannotChange(t *testing.T) {
	b := newBox(t)
	b.start()
	b.write(strings.Replace(oneUplink, "9469", "9470", 1))
	must(t, b.cmd.Process.Signal(syscall.SIGHUP))
	b.until("naming metrics.listen", func(st api.Status) bool { return hasProblem(st, "metrics.listen", "9470", "restart") })
}

// tcProgram loads a program that answers every packet the same.
func tcProgram(t *testing.T, name string, answer int32) *ebpf.Program {
	t.Helper()
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: name, Type: ebpf.SchedCLS, License: "GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, answer), asm.Return()},
	})
	must(t, err)
	t.Cleanup(func() { p.Close() })
	return p
}

// foreignFilter adds one after ours at the venue's ingress.
func (b *box) foreignFilter() {
	b.t.Helper()
	_, err := b.ns.Output("tc", "filter", "add", "dev", "venue0", "ingress", "pref", "7", "protocol", "all", "u32", "match", "u32", "0", "0", "flowid", "1:1")
	must(b.t, err)
}

// foreignTCX attaches a program at the uplink's ingress that keeps ours from running.
func (b *box) foreignTCX() link.Link {
	b.t.Helper()
	nettest.Require(b.t, "tcx")
	dev, err := b.ns.Links().LinkByName("wan0")
	must(b.t, err)
	var tcx link.Link
	must(b.t, b.ns.Do(func() (err error) {
		tcx, err = link.AttachTCX(link.TCXOptions{
			Interface: dev.Attrs().Index, Program: tcProgram(b.t, "their_tcx", 0), Attach: ebpf.AttachTCXIngress,
		})
		return err
	}))
	return tcx
}

func namesBoth(st api.Status) bool {
	return hasProblem(st, "venue0", "u32", "7") && hasProblem(st, "wan0", "their_tcx")
}

func TestForeignProgramsAreNamed(t *testing.T) {
	b := newBox(t)
	_, err := b.ns.Output("tc", "qdisc", "add", "dev", "venue0", "clsact")
	must(t, err)
	b.foreignFilter()
	tcx := b.foreignTCX()
	b.start()
	b.until("naming both", namesBoth)
	must(t, tcx.Close())
	_, err = b.ns.Output("tc", "filter", "del", "dev", "venue0", "ingress", "pref", "7")
	must(t, err)
	must(t, b.cmd.Process.Signal(syscall.SIGHUP))
	b.until("content", func(st api.Status) bool { return len(st.Problems) == 0 })
}

// No event tells of a tcx program: what it keeps from ours does.
func TestForeignProgramsThatComeLaterAreNamed(t *testing.T) {
	b := newBox(t)
	b.start()
	b.flood()
	b.foreignFilter()
	tcx := b.foreignTCX()
	b.until("naming both", namesBoth)
	must(t, tcx.Close())
	b.until("naming the filter alone", func(st api.Status) bool { return hasProblem(st, "u32") && len(st.Problems) == 1 })
}
