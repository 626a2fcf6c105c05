package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/slicegate/slicegate/internal/api/client"
)

const module = "github.com/slicegate/slicegate"

// readyWithin bounds a start, stopWithin a stop. The demo waits where a machine is busy; what a start may take, the benchmark says.
const (
	readyWithin = time.Minute
	stopWithin  = 10 * time.Second
)

// BuildSliced builds the agent into dir. The working directory must be inside the module.
func BuildSliced(ctx context.Context, dir string) (program string, err error) {
	program = filepath.Join(dir, "sliced")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", program, module+"/cmd/sliced")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build sliced: %w: %s", err, bytes.TrimSpace(out))
	}
	return program, nil
}

// Agent is sliced, run as a process on the box. It may be started again after it has ended.
type Agent struct {
	*client.Client

	box     *Host
	program string
	dir     string // of its configuration, state, socket and log
	cmd     *exec.Cmd
	gone    chan struct{} // closed when the process has ended
}

// config is the site lead's, with a port that is known for backups.
const config = `[venue]
name = "demo"
interfaces = [%q]
%s
[[uplink]]
name = "wan"
interface = %q
download = "%dbit"
upload = "%dbit"
%s
[[rule]]
slice = "telemetry"
ports = ["tcp/%d"]

%s`

// Settings are what an agent's configuration says.
type Settings struct {
	Download, Upload int    // bit/s
	Venue, Uplink    string // more lines of their tables
	Tables           string // more tables
}

// NewAgent writes the configuration of an agent for a link into dir. The upload gets 95 % of the contract. What comes down has met
// the modem's queue before the box can hold it up, so the download gets 90 %: the slack is what empties that queue.
func NewAgent(box *Host, program, dir string, link Link) (*Agent, error) {
	return NewAgentAt(box, program, dir, Settings{Download: link.Rate / 100 * 90, Upload: link.Rate / 100 * 95})
}

// NewAgentAt writes the configuration of an agent with the given settings into dir.
func NewAgentAt(box *Host, program, dir string, s Settings) (*Agent, error) {
	a := &Agent{Client: client.New(filepath.Join(dir, "sliced.sock")), box: box, program: program, dir: dir}
	text := fmt.Sprintf(config, VenueInterface, s.Venue, UplinkInterface, s.Download, s.Upload, s.Uplink, PortBackup, s.Tables)
	return a, os.WriteFile(a.path("sliced.toml"), []byte(text), 0o600)
}

// Start starts the agent and returns when it is ready.
func (a *Agent) Start(ctx context.Context) error {
	log, err := os.OpenFile(a.path("sliced.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("start sliced: %w", err)
	}
	defer log.Close()
	a.cmd = exec.Command(a.program, "run",
		"--config", a.path("sliced.toml"), "--state-dir", a.path("state"), "--socket", a.path("sliced.sock"))
	a.cmd.Stdout, a.cmd.Stderr = log, log
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true} // an interrupt is for the demo, which then stops it
	if err := a.box.Start(a.cmd); err != nil {
		return fmt.Errorf("start sliced: %w", err)
	}
	a.gone = make(chan struct{})
	go func() {
		defer close(a.gone)
		_ = a.cmd.Wait() // how it ended is in cmd.ProcessState
	}()
	return a.waitReady(ctx)
}

func (a *Agent) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	ready := make(chan error, 1)
	go func() { ready <- a.Wait(ctx) }()
	select {
	case err := <-ready:
		if err != nil {
			return errors.Join(fmt.Errorf("wait for sliced: %w\n%s", err, a.lastWords()), a.Kill())
		}
		return nil
	case <-a.gone:
		return a.ended()
	}
}

// Guard returns when ctx is done, or with an error when the agent ends before that.
func (a *Agent) Guard(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-a.gone:
		return a.ended()
	}
}

// Kill ends the agent as a crash would.
func (a *Agent) Kill() error { return a.end(syscall.SIGKILL) }

// Stop asks the agent to end, as a service manager would. One that does not is killed, which is an error.
func (a *Agent) Stop() error { return a.end(syscall.SIGTERM) }

// Pid is the number of the agent's process.
func (a *Agent) Pid() int { return a.cmd.Process.Pid }

func (a *Agent) end(signal syscall.Signal) error {
	if err := a.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop sliced: %w", err)
	}
	select {
	case <-a.gone:
		return nil
	case <-time.After(stopWithin):
		err := fmt.Errorf("stop sliced: still there %s after %v", stopWithin, signal)
		return errors.Join(err, a.cmd.Process.Kill())
	}
}

func (a *Agent) ended() error {
	return fmt.Errorf("sliced ended (%s):\n%s", a.cmd.ProcessState, a.lastWords())
}

// lastWords gives the end of the agent's log.
func (a *Agent) lastWords() []byte {
	const enough = 2000
	log, err := os.ReadFile(a.path("sliced.log"))
	if err != nil {
		return []byte(err.Error())
	}
	return bytes.TrimSpace(log[max(0, len(log)-enough):])
}

func (a *Agent) path(name string) string { return filepath.Join(a.dir, name) }

// slices gives the status of the slices of one direction.
func (a *Agent) slices(ctx context.Context, way Direction) ([]client.SliceStatus, error) {
	status, err := a.Status(ctx)
	if err != nil {
		return nil, err
	}
	var of []client.SliceStatus
	for _, s := range status.Slices {
		if s.Direction == string(way) {
			of = append(of, s)
		}
	}
	return of, nil
}
