package api_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/slicegate/slicegate/internal/api"
)

// fakeAgent answers from its fields; a nil func answers with the zero value.
type fakeAgent struct {
	fakeDesired
	status     func(context.Context) (api.Status, error)
	devices    func(context.Context, int) (api.Devices, error)
	explain    func(context.Context, api.Question) (api.Explanation, error)
	setSlice   func(context.Context, api.SliceChange) error
	resetSlice func(context.Context, string, string) error
	teardown   func(context.Context) (api.TeardownReport, error)
	ready      chan struct{}
}

func (f *fakeAgent) Status(ctx context.Context) (api.Status, error) {
	if f.status == nil {
		return api.Status{}, nil
	}
	return f.status(ctx)
}

func (f *fakeAgent) Devices(ctx context.Context, most int) (api.Devices, error) {
	if f.devices == nil {
		return api.Devices{}, nil
	}
	return f.devices(ctx, most)
}

func (f *fakeAgent) Explain(ctx context.Context, q api.Question) (api.Explanation, error) {
	if f.explain == nil {
		return api.Explanation{}, nil
	}
	return f.explain(ctx, q)
}

func (f *fakeAgent) SetSlice(ctx context.Context, c api.SliceChange) error {
	if f.setSlice == nil {
		return nil
	}
	return f.setSlice(ctx, c)
}

func (f *fakeAgent) ResetSlice(ctx context.Context, name, uplink string) error {
	if f.resetSlice == nil {
		return nil
	}
	return f.resetSlice(ctx, name, uplink)
}

func (f *fakeAgent) Teardown(ctx context.Context) (api.TeardownReport, error) {
	if f.teardown == nil {
		return api.TeardownReport{}, nil
	}
	return f.teardown(ctx)
}

func (f *fakeAgent) Ready() <-chan struct{} { return f.ready }

// startServer serves agent, waits until it listens, and stops it at the test's end. It gives the socket, and a way to stop
// it earlier.
func startServer(t *testing.T, agent api.Agent) (socket string, stop func() error) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "sliced.sock")
	return socket, runServer(t, socket, agent)
}

func runServer(t *testing.T, socket string, agent api.Agent) (stop func() error) {
	t.Helper()
	server, err := api.NewServer(slog.New(slog.DiscardHandler), api.ServerConfig{Socket: socket}, agent)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	stopped := false
	stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-done
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("server ended with %v", err)
		}
	})
	select {
	case <-server.Ready():
	case err := <-done:
		stopped = true
		t.Fatalf("server did not start: %v", err)
	}
	return stop
}
