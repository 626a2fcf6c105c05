package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/api"
	"github.com/slicegate/slicegate/internal/api/client"
	"github.com/slicegate/slicegate/internal/nettest"
)

// The test binary is sliced itself when this is set, so that tests run, signal and kill the real thing.
const beSliced = "SLICEGATE_TEST_IS_SLICED"

func TestMain(m *testing.M) {
	if os.Getenv(beSliced) != "" {
		os.Exit(run(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// box is a network namespace with a venue interface, an uplink, and perhaps an agent.
type box struct {
	t      *testing.T
	ns     *nettest.NS
	peer   *nettest.NS // at the other end of both
	dir    string      // of configuration, state and sockets
	cmd    *exec.Cmd
	log    lockedBuffer
	exited chan error
	client *client.Client
}

// lockedBuffer is written by an agent while a test reads it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

const oneUplink = `
[venue]
interfaces = ["venue0"]
[[uplink]]
name = "fibre"
interface = "wan0"
download = "20mbit"
upload = "20mbit"
[metrics]
listen = "127.0.0.1:9469"
`

func newBox(t *testing.T) *box {
	t.Helper()
	nettest.Require(t, "root", "netns", "veth", "htb", "tbf", "ifb", "clsact", "bpf")
	b := &box{t: t, ns: nettest.NewT(t), peer: nettest.NewT(t), dir: t.TempDir()}
	b.wire("venue0")
	b.wire("wan0")
	b.write(oneUplink)
	b.client = client.New(filepath.Join(b.dir, "sliced.sock"))
	t.Cleanup(func() {
		b.kill(syscall.SIGKILL)
		if t.Failed() {
			t.Logf("sliced wrote:\n%s", b.log.String())
		}
	})
	return b
}

func (b *box) wire(name string) { must(b.t, nettest.Veth(b.ns, name, b.peer, name)) }

func (b *box) write(config string) {
	must(b.t, os.WriteFile(filepath.Join(b.dir, "sliced.toml"), []byte(config), 0o644))
}

func (b *box) command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), beSliced+"=1")
	cmd.Stderr = &b.log
	return cmd
}

func (b *box) args() []string {
	return []string{"run", "--config", filepath.Join(b.dir, "sliced.toml"), "--state-dir", filepath.Join(b.dir, "state"), "--socket", filepath.Join(b.dir, "sliced.sock")}
}

// patience is how long what should come about by itself may take. Where the machine does not stand still it is less than the minute after which
// an agent looks at the kernel without being told to. A start may take longer: nothing else would make the agent ready.
const patience = 20 * time.Second

// start runs an agent and waits until it is ready.
func (b *box) start() {
	b.t.Helper()
	b.startProgram(os.Args[0])
}

// startProgram is start for another build of sliced.
func (b *box) startProgram(path string) {
	b.t.Helper()
	b.cmd = b.command(b.args()...)
	b.cmd.Path = path
	must(b.t, b.ns.Start(b.cmd))
	b.exited = make(chan error, 1)
	go func(cmd *exec.Cmd, exited chan<- error) { exited <- cmd.Wait() }(b.cmd, b.exited)
	ctx, cancel := context.WithTimeout(b.t.Context(), 6*patience)
	defer cancel()
	must(b.t, b.client.Wait(ctx))
}

// kill ends the agent, if there is one, and gives its exit status.
func (b *box) kill(sig syscall.Signal) int {
	if b.cmd == nil {
		return 0
	}
	_ = b.cmd.Process.Signal(sig)
	<-b.exited
	code := b.cmd.ProcessState.ExitCode()
	b.cmd = nil
	return code
}

func (b *box) status() api.Status {
	b.t.Helper()
	st, err := b.client.Status(b.t.Context())
	must(b.t, err)
	return st
}

// until polls the status for what should come about by itself. Of a time in which a machine that others load stands still, for seconds,
// hardly any counts: the agent had none of it, either.
func (b *box) until(what string, ok func(api.Status) bool) api.Status {
	b.t.Helper()
	for waited := time.Duration(0); ; {
		began := time.Now()
		st := b.status()
		if ok(st) {
			return st
		}
		if waited > patience {
			b.t.Fatalf("not %s after %s: %+v", what, patience, st)
		}
		time.Sleep(50 * time.Millisecond)
		waited += min(time.Since(began), 250*time.Millisecond)
	}
}

func hasProblem(st api.Status, words ...string) bool {
	for _, p := range st.Problems {
		all := true
		for _, w := range words {
			all = all && strings.Contains(p.What+" "+p.Do, w)
		}
		if all {
			return true
		}
	}
	return false
}

func state(want string) func(api.Status) bool {
	return func(st api.Status) bool { return len(st.Uplinks) == 1 && st.Uplinks[0].State == want }
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
