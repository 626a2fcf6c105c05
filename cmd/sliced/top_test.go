package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/creack/pty"

	"github.com/slicegate/slicegate/internal/lab/built"
)

// terminal is a pseudo-terminal with the real slicectl top in it.
type terminal struct {
	t       *testing.T
	tty     *os.File
	exited  chan error
	drained chan struct{} // closed when all that it wrote was read

	mu      sync.Mutex // guards what follows
	all     strings.Builder
	painted int // length of all when the screen was last painted anew
	rows    uint16
}

// startTop runs the program on a terminal, for the agent that may be at a socket.
func startTop(t *testing.T, socket string) *terminal {
	t.Helper()
	cmd := exec.Command(built.Program(t, built.Slicectl), "--socket", socket, "top")
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", noColour+"=1")
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	must(t, err)
	s := &terminal{t: t, tty: tty, exited: make(chan error, 1), drained: make(chan struct{}), rows: 24}
	go s.read()
	go func() { s.exited <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = tty.Close() })
	return s
}

func (s *terminal) read() {
	defer close(s.drained)
	buf := make([]byte, 1<<16)
	for {
		n, err := s.tty.Read(buf)
		s.mu.Lock()
		s.all.Write(buf[:n])
		s.mu.Unlock()
		if err != nil { // the screen is gone
			return
		}
	}
}

// repaint has the whole screen written anew, which otherwise is only mended where it differs.
func (s *terminal) repaint() {
	s.mu.Lock()
	s.painted = s.all.Len()
	s.rows = 24 + 25 - s.rows
	size := &pty.Winsize{Rows: s.rows, Cols: 80}
	s.mu.Unlock()
	must(s.t, pty.Setsize(s.tty, size))
}

func (s *terminal) written() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return ansi.Strip(s.all.String()[s.painted:])
}

// until repaints the screen until all words are on it and none of those that begin with "!".
func (s *terminal) until(words ...string) {
	s.t.Helper()
	var got string
	pause := 300 * time.Millisecond // longer each time: a busy machine may take that long to paint
	for deadline := time.Now().Add(2 * patience); time.Now().Before(deadline); pause += pause / 4 {
		s.repaint()
		time.Sleep(pause)
		got = s.written()
		all := strings.Contains(got, "UPLOAD") // else it is not painted yet
		for _, w := range words {
			unwanted, not := strings.CutPrefix(w, "!")
			all = all && strings.Contains(got, unwanted) != not
		}
		if all {
			return
		}
	}
	s.t.Fatalf("the screen has not come to %q:\n%q", words, got)
}

func (s *terminal) press(keys string) {
	s.t.Helper()
	_, err := s.tty.WriteString(keys)
	must(s.t, err)
}

// ended gives how the program ended, which it does by itself.
func (s *terminal) ended() error {
	s.t.Helper()
	select {
	case err := <-s.exited:
		<-s.drained // its last words may still be under way
		return err
	case <-time.After(patience):
		s.t.Fatal("it does not end")
		return nil
	}
}

const keyDown, keyLeft = "\x1b[B", "\x1b[D"

const noColour = "NO_COLOR" //nolint:misspell // the name that programs have agreed on (no-color.org)

var colour = regexp.MustCompile(`\x1b\[([0-9;]*;)?([34][0-7]|[34]8[;:][0-9;:]*|9[0-7]|10[0-7])m`)

// The real screen, on a real terminal, watching a real agent that changes a real kernel.
func TestTopInATerminal(t *testing.T) {
	b := newBox(t)
	b.start()
	screen := startTop(t, filepath.Join(b.dir, "sliced.sock"))
	screen.until("fibre", "wan0", "DOWNLOAD", "signalling", "realtime", "media", "telemetry", "HEAVIEST", "quit")

	class := func(want string) {
		t.Helper()
		var out string
		for range 100 {
			var err error
			out, err = b.ns.Output("tc", "class", "show", "dev", "ifb-fibre")
			must(t, err)
			if strings.Contains(classLine(out, "5c1e:13"), want) {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Fatalf("media has no %q in the kernel:\n%s", want, out)
	}
	class("ceil 20Mbit")
	screen.press(keyDown + keyDown + "--")
	class("ceil 18Mbit")
	screen.until("done:", "90%", "[18.0]")
	screen.press("\r12mbit\r")
	class("ceil 12Mbit")
	screen.until("done:", "12mbit", "[12.0]")
	screen.press(keyLeft + "\r60%\r")
	screen.until("not done", "minima sum")
	screen.press("r")
	class("ceil 20Mbit")

	b.kill(syscall.SIGKILL)
	screen.until("NO ANSWER", "is sliced running?")
	b.start()
	screen.until("!NO ANSWER", "media")

	screen.press("q")
	must(t, screen.ended())
	screen.mu.Lock()
	defer screen.mu.Unlock()
	if found := colour.FindString(screen.all.String()); found != "" {
		t.Errorf("%s is set, and it writes %q", noColour, found)
	}
	if !strings.Contains(screen.all.String(), ansi.ResetModeAltScreenSaveCursor) {
		t.Error("the terminal is left on the alternate screen")
	}
}

func TestTopWithoutAnAgent(t *testing.T) {
	screen := startTop(t, filepath.Join(t.TempDir(), "sliced.sock"))
	var exit *exec.ExitError
	if err := screen.ended(); !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("ended with %v, want exit status 3", err)
	}
	if got := screen.written(); !strings.Contains(got, "slicectl: agent is not reachable: no socket at") {
		t.Errorf("it says %q", got)
	}
}
