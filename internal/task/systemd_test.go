package task_test

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/task"
)

// listen stands for systemd.
func listen(t *testing.T) *net.UnixConn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "")
	t.Setenv("WATCHDOG_PID", "")
	return conn
}

// next gives what systemd hears next, "" when it hears nothing in the time.
func next(t *testing.T, conn *net.UnixConn, within time.Duration) string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1024)
	n, err := conn.Read(buf)
	if os.IsTimeout(err) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

// run starts s, and gives a function that stops it.
func run(t *testing.T, s *task.Systemd) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

const soon = 10 * time.Second

func TestSystemdIsTold(t *testing.T) {
	conn := listen(t)
	first, second := make(chan struct{}), make(chan struct{})
	s, err := task.NewSystemd(slog.New(slog.DiscardHandler), first, second)
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, s)
	close(second)
	if got := next(t, conn, 50*time.Millisecond); got != "" {
		t.Errorf("told %q before every part was ready", got)
	}
	close(first)
	if got := next(t, conn, soon); got != "READY=1" {
		t.Errorf("told %q when ready", got)
	}
	s.Reload(func() {
		state, usec, _ := strings.Cut(next(t, conn, soon), "\nMONOTONIC_USEC=")
		if _, err := strconv.ParseUint(usec, 10, 64); state != "RELOADING=1" || err != nil {
			t.Errorf("told %q, %q while reloading", state, usec)
		}
	})
	if got := next(t, conn, soon); got != "READY=1" {
		t.Errorf("told %q after a reload", got)
	}
	stop()
	if got := next(t, conn, soon); got != "STOPPING=1" {
		t.Errorf("told %q at the end", got)
	}
}

func TestSystemdStopsBeforeReady(t *testing.T) {
	conn := listen(t)
	s, err := task.NewSystemd(slog.New(slog.DiscardHandler), make(chan struct{}))
	if err != nil {
		t.Fatal(err)
	}
	run(t, s)()
	if got := next(t, conn, soon); got != "STOPPING=1" {
		t.Errorf("told %q", got)
	}
}

func TestSystemdWatchdog(t *testing.T) {
	for _, test := range []struct {
		name, pid string
		want      string
	}{
		{"for anybody", "", "WATCHDOG=1"},
		{"for this process", strconv.Itoa(os.Getpid()), "WATCHDOG=1"},
		{"for another process", "1", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn := listen(t)
			t.Setenv("WATCHDOG_USEC", "40000")
			t.Setenv("WATCHDOG_PID", test.pid)
			s, err := task.NewSystemd(slog.New(slog.DiscardHandler), make(chan struct{}))
			if err != nil {
				t.Fatal(err)
			}
			defer run(t, s)()
			within := soon
			if test.want == "" {
				within = 100 * time.Millisecond
			}
			if got := next(t, conn, within); got != test.want {
				t.Errorf("told %q, want %q", got, test.want)
			}
		})
	}
}

func TestNewSystemdMistakes(t *testing.T) {
	t.Run("socket that is not there", func(t *testing.T) {
		t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "none"))
		if _, err := task.NewSystemd(slog.New(slog.DiscardHandler)); err == nil {
			t.Error("no error")
		}
	})
	for _, usec := range []string{"0", "-1", "soon", "99999999999999999999"} {
		t.Run("watchdog "+usec, func(t *testing.T) {
			listen(t)
			t.Setenv("WATCHDOG_USEC", usec)
			if _, err := task.NewSystemd(slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), usec) {
				t.Errorf("got %v, want an error naming %s", err, usec)
			}
		})
	}
}

func TestWithoutSystemd(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	s, err := task.NewSystemd(slog.New(slog.DiscardHandler), make(chan struct{}))
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, s)
	ran := false
	s.Reload(func() { ran = true })
	stop()
	if !ran {
		t.Error("the reload did not run")
	}
}
