package api_test

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/api"
	"github.com/slicegate/slicegate/internal/api/client"
)

func TestSocketModes(t *testing.T) {
	socket, _ := startServer(t, &fakeAgent{})
	for _, path := range []string{socket, filepath.Join(filepath.Dir(socket), api.ViewSocket)} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode(); got != os.ModeSocket|0o660 {
			t.Errorf("%s has mode %v, want srw-rw----", path, got)
		}
	}
}

func TestGroupThatDoesNotExistIsNoError(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "deep", "er", "sliced.sock")
	err := listens(t, api.ServerConfig{Socket: socket, Group: "no-such-group", ViewGroup: "nor-this"})
	if err != nil {
		t.Error(err)
	}
}

func TestSocketOfADeadAgentIsReplaced(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "sliced.sock")
	for _, path := range []string{socket, filepath.Join(filepath.Dir(socket), api.ViewSocket)} {
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		l.(*net.UnixListener).SetUnlinkOnClose(false) // as kill -9 leaves it
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	runServer(t, socket, &fakeAgent{})
	if _, err := client.New(socket).Status(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestSocketsThatAreNotOurs(t *testing.T) {
	used, _ := startServer(t, &fakeAgent{})
	dir := t.TempDir()
	file := filepath.Join(dir, "file.sock")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, socket, want string }{
		{"another agent", used, "another agent answers there"},
		{"another agent's view", filepath.Join(filepath.Dir(used), "second.sock"), "another agent answers there"},
		{"a file", file, "a file that is no socket is in the way"},
		{"too long", filepath.Join(dir, strings.Repeat("x", 120)), "at most 107"},
		{"under a file", filepath.Join(file, "sliced.sock"), "make socket directory"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := listens(t, api.ServerConfig{Socket: test.socket})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
	if _, err := client.New(used).Status(t.Context()); err != nil {
		t.Errorf("the first agent no longer answers: %v", err)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "precious" {
		t.Errorf("the file is %q, %v", b, err)
	}
	if _, err := os.Lstat(filepath.Join(filepath.Dir(used), "second.sock")); err == nil {
		t.Error("a socket of the agent that could not start is left")
	}
}

// listens runs a server until it listens, and stops it.
func listens(t *testing.T, cfg api.ServerConfig) error {
	t.Helper()
	server, err := api.NewServer(slog.New(slog.DiscardHandler), cfg, &fakeAgent{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	go func() {
		select {
		case <-server.Ready():
			cancel()
		case <-ctx.Done():
		}
	}()
	return server.Run(ctx)
}
