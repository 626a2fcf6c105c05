package client_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/api"
	"github.com/slicegate/slicegate/internal/api/client"
)

// listen answers with h on a socket, which it gives.
func listen(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "sliced.sock")
	serveOn(t, socket, h)
	return socket
}

func serveOn(t *testing.T, socket string, h http.HandlerFunc) {
	t.Helper()
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
}

func TestUnreachable(t *testing.T) {
	dir := t.TempDir()
	stale := filepath.Join(dir, "stale.sock")
	l, err := net.Listen("unix", stale)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	hangUp := listen(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	tests := []struct{ name, socket, want string }{
		{"no socket", filepath.Join(dir, "none.sock"), "no socket at " + dir + "/none.sock: is sliced running?"},
		{"nobody listens", stale, "nobody listens on " + stale + ": is sliced running?"},
		{"a file", file, file},
		{"hangs up", hangUp, "EOF"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := client.New(test.socket).Status(t.Context())
			if !errors.Is(err, client.ErrUnreachable) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want ErrUnreachable with %q", err, test.want)
			}
		})
	}
}

func TestStrangeAnswers(t *testing.T) {
	tests := []struct {
		name, contentType, body string
		status                  int
		want                    string
	}{
		{"not json", "application/json", "hello", 200, "invalid character"},
		{"cut short", "application/json", `{"version":1,"uplinks":[`, 200, "unexpected end"},
		{"another version", "application/json", `{"version":7}`, 200, "version is 7"},
		{"not ours", "text/html", "<h1>404</h1>", 404, "unexpected answer: 404 Not Found"},
		{"problem of nothing", "application/problem+json", `{}`, 500, "unexpected answer: 500"},
		{"problem", "application/problem+json", `{"type":"failed","status":500,"detail":"no room"}`, 500, "no room"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			socket := listen(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", test.contentType)
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			})
			_, err := client.New(socket).Status(t.Context())
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
			if errors.Is(err, client.ErrUnreachable) || errors.Is(err, client.ErrInvalid) {
				t.Errorf("%v is neither unreachable nor the caller's mistake", err)
			}
		})
	}
}

func TestFieldsOfANewerAgentAreNoError(t *testing.T) {
	socket := listen(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"version":1,"uplinks":[{"name":"lte","colour":"red"}],"weather":"fine"}`)
	})
	status, err := client.New(socket).Status(t.Context())
	if err != nil || len(status.Uplinks) != 1 || status.Uplinks[0].Name != "lte" {
		t.Errorf("got %+v, %v", status, err)
	}
}

func TestWaitAsksUntilTheAgentIsThere(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "sliced.sock")
	done := make(chan error, 1)
	go func() { done <- client.New(socket).Wait(t.Context()) }()
	time.Sleep(100 * time.Millisecond) // so that it finds nobody at first
	var asked atomic.Int32
	serveOn(t, socket, func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) > 2 {
			_, _ = io.WriteString(w, `{"version":1}`)
			return
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"type":"not-ready","status":503,"detail":"not yet"}`)
	})
	if err := <-done; err != nil {
		t.Error(err)
	}
	if asked.Load() != 3 {
		t.Errorf("asked %d times, want 3", asked.Load())
	}
}

func TestWaitGivesUp(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	if err := client.New(filepath.Join(t.TempDir(), "none")).Wait(ctx); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("nobody there: %v, want ErrUnreachable", err)
	}
	refuses := listen(t, func(w http.ResponseWriter, _ *http.Request) { http.NotFound(w, nil) })
	var fault *api.Fault
	if err := client.New(refuses).Wait(t.Context()); !errors.As(err, &fault) {
		t.Errorf("not an agent: %v, want the fault at once", err)
	}
}
