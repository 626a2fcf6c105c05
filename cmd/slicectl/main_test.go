package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/slicegate/slicegate/internal/api"
)

var update = flag.Bool("update", false, "rewrite golden files")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"slicectl": main})
}

// TestScripts runs the real program against a real server with a made-up agent behind it.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("testdata", "script"),
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			dir, err := os.MkdirTemp("", "sg") // a script's own directory can be too long for a socket
			if err != nil {
				return err
			}
			env.Defer(func() { _ = os.RemoveAll(dir) })
			env.Setenv("DIR", dir)
			env.Setenv("SOCKET", filepath.Join(dir, "sliced.sock"))
			env.Setenv("VIEW", filepath.Join(dir, api.ViewSocket))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"agent": cmdAgent, "exits": cmdExits},
	})
}

// cmdExits runs a program that must end with the given status: exits STATUS PROGRAM ARGS...
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("run %s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// cmdAgent starts an agent, whose status is in a file, until the script's end: agent STATUS.json [starting]. It writes what it
// is told to change to $WORK/calls. One that is starting never gets ready.
func cmdAgent(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: agent STATUS.json [starting]")
	}
	agent := &scriptAgent{calls: ts.MkAbs("calls"), ready: make(chan struct{})}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &agent.status))
	if len(args) == 1 {
		close(agent.ready)
	}
	cfg := api.ServerConfig{Socket: ts.Getenv("SOCKET")}
	server, err := api.NewServer(slog.New(slog.DiscardHandler), cfg, agent)
	ts.Check(err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	ts.Defer(func() { cancel(); <-done })
	select {
	case <-server.Ready():
	case err := <-done:
		done <- err
		ts.Fatalf("start agent: %v", err)
	}
}

// scriptAgent knows the slices of its status, and fails to change one that is called broken or wrong, for one reason or for two.
type scriptAgent struct {
	status  api.Status
	devices api.Devices
	calls   string
	ready   chan struct{}
	pending bool // something waits for confirm
}

func (a *scriptAgent) Status(context.Context) (api.Status, error) { return a.status, nil }

func (a *scriptAgent) Devices(context.Context, int) (api.Devices, error) { return a.devices, nil }

func (a *scriptAgent) Explain(_ context.Context, q api.Question) (api.Explanation, error) {
	e := api.Explanation{Slice: "media", Kind: "unknown", Reason: "default", PacketsToSettle: 16}
	switch q.Dst.Port() {
	case 9000:
		e.Live, e.PacketsToSettle = true, 0
	case 8801:
		e = api.Explanation{Live: true, Slice: "realtime", Kind: "rtp-audio", Reason: "structure", Detail: "rtp: ssrc seen twice",
			PacketsToSettle: 2, Device: "02:00:00:00:00:01", Experience: "stall-4"}
	}
	return e, nil
}

func (a *scriptAgent) SetSlice(_ context.Context, c api.SliceChange) error {
	if err := a.known(c.Name); err != nil {
		return err
	}
	return a.record("set %s uplink=%s min=%s max=%s\n", c.Name, c.Uplink, c.Min, c.Max)
}

func (a *scriptAgent) ResetSlice(_ context.Context, name, uplink string) error {
	if name != "" {
		if err := a.known(name); err != nil {
			return err
		}
	}
	return a.record("reset name=%s uplink=%s\n", name, uplink)
}

func (a *scriptAgent) SetUplink(_ context.Context, c api.UplinkChange) error {
	return errors.Join(a.knownUplink(c.Name), a.record("uplink %s download=%s upload=%s\n", c.Name, c.Download, c.Upload))
}

func (a *scriptAgent) ResetUplink(_ context.Context, name string) error {
	return a.record("uplink reset name=%s\n", name)
}

func (a *scriptAgent) knownUplink(name string) error {
	for _, u := range a.status.Uplinks {
		if u.Name == name {
			return nil
		}
	}
	return fmt.Errorf("%w: no uplink is named %s", api.ErrInvalid, name)
}

func (a *scriptAgent) Teardown(context.Context) (api.TeardownReport, error) {
	report := api.TeardownReport{NotRestored: []string{"eth0: root qdisc mq 0: (the kernel's default is there now)"}}
	return report, a.record("teardown\n")
}

func (a *scriptAgent) Ready() <-chan struct{} { return a.ready }

func (a *scriptAgent) known(name string) error {
	if name == "broken" {
		return errors.New("apply plan: change class 5c1e:12: no such device")
	}
	if name == "wrong" {
		return fmt.Errorf("%w: %w", api.ErrInvalid, errors.Join(errors.New("slice.min: above the max"), errors.New("slice.max: \x1b[2J")))
	}
	for _, s := range a.status.Slices {
		if s.Name == name {
			return nil
		}
	}
	return fmt.Errorf("%w: slice %q is not configured", api.ErrInvalid, name)
}

func (a *scriptAgent) record(format string, args ...any) error {
	f, err := os.OpenFile(a.calls, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, format, args...)
	return errors.Join(err, f.Close())
}
