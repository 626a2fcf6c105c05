package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/internal/api"
	"github.com/slicegate/slicegate/internal/api/client"
)

func TestVerbsReachTheAgent(t *testing.T) {
	var changes []api.SliceChange
	var resets [][2]string
	question := mustParse(t, "udp", "10.0.0.5:5004", "192.0.2.1:443")
	agent := &fakeAgent{
		status: func(context.Context) (api.Status, error) { return api.Status{Stage: 3}, nil },
		devices: func(_ context.Context, most int) (api.Devices, error) {
			return api.Devices{Devices: []api.DeviceStatus{{Device: fmt.Sprint(most)}}}, nil
		},
		explain: func(_ context.Context, q api.Question) (api.Explanation, error) {
			if q != question {
				return api.Explanation{}, fmt.Errorf("asked about %+v", q)
			}
			return api.Explanation{Slice: "realtime", Detail: "<a&b>"}, nil
		},
		setSlice:   func(_ context.Context, c api.SliceChange) error { changes = append(changes, c); return nil },
		resetSlice: func(_ context.Context, n, u string) error { resets = append(resets, [2]string{n, u}); return nil },
		teardown: func(context.Context) (api.TeardownReport, error) {
			return api.TeardownReport{NotRestored: []string{"eth0: mq"}}, nil
		},
		ready: make(chan struct{}),
	}
	close(agent.ready)
	socket, _ := startServer(t, agent)
	ctx, c := t.Context(), client.New(socket)

	status, err := c.Status(ctx)
	check(t, err, status, api.Status{Stage: 3,
		Uplinks: []api.UplinkStatus{}, Slices: []api.SliceStatus{}, Problems: []api.Problem{}})
	devices, err := c.Devices(ctx, 7)
	check(t, err, devices, api.Devices{Devices: []api.DeviceStatus{{Device: "7"}}})
	explanation, err := c.Explain(ctx, question)
	check(t, err, explanation, api.Explanation{Slice: "realtime", Detail: "<a&b>"})
	report, err := c.Teardown(ctx)
	check(t, err, report, api.TeardownReport{NotRestored: []string{"eth0: mq"}})
	change := api.SliceChange{Name: "media", Uplink: "lte", Max: "50%"}
	check(t, c.SetSlice(ctx, change), changes, []api.SliceChange{change})
	check(t, errors.Join(c.ResetSlice(ctx, "", ""), c.ResetSlice(ctx, "media", "lte")), resets, [][2]string{{}, {"media", "lte"}})
	if err := c.Wait(ctx); err != nil {
		t.Error(err)
	}
}

func TestViewSocketOnlyShows(t *testing.T) {
	touched := errors.New("agent was asked")
	agent := &fakeAgent{
		setSlice:   func(context.Context, api.SliceChange) error { return touched },
		resetSlice: func(context.Context, string, string) error { return touched },
		teardown:   func(context.Context) (api.TeardownReport, error) { return api.TeardownReport{}, touched },
		ready:      make(chan struct{}),
	}
	close(agent.ready)
	socket, _ := startServer(t, agent)
	ctx, c := t.Context(), client.New(filepath.Join(filepath.Dir(socket), api.ViewSocket))
	if _, err := c.Status(ctx); err != nil {
		t.Errorf("status: %v", err)
	}
	if _, err := c.Devices(ctx, 1); err != nil {
		t.Errorf("devices: %v", err)
	}
	if _, err := c.Explain(ctx, mustParse(t, "tcp", "10.0.0.5:1", "192.0.2.1:2")); err != nil {
		t.Errorf("explain: %v", err)
	}
	if err := c.Ready(ctx); err != nil {
		t.Errorf("ready: %v", err)
	}
	_, teardown := c.Teardown(ctx)
	for _, err := range []error{c.SetSlice(ctx, api.SliceChange{Name: "media", Min: "1%"}), c.ResetSlice(ctx, "", ""), teardown} {
		var fault *api.Fault
		if !errors.As(err, &fault) || fault.Type != api.TypeForbidden {
			t.Errorf("change gave %v, want forbidden", err)
		}
	}
}

func TestAgentErrorsKeepTheirKind(t *testing.T) {
	agent := &fakeAgent{
		setSlice: func(context.Context, api.SliceChange) error {
			return fmt.Errorf("%w: slice %q is not configured", api.ErrInvalid, "x")
		},
		resetSlice: func(context.Context, string, string) error {
			return errors.New("apply plan: class 5c1e:11: no buffer space")
		},
	}
	socket, _ := startServer(t, agent)
	c := client.New(socket)
	err := c.SetSlice(t.Context(), api.SliceChange{Name: "x", Min: "1%"})
	if !errors.Is(err, client.ErrInvalid) || err.Error() != `invalid request: slice "x" is not configured` {
		t.Errorf("got %v, want ErrInvalid with the agent's words", err)
	}
	err = c.ResetSlice(t.Context(), "x", "")
	if err == nil || errors.Is(err, client.ErrInvalid) || err.Error() != "apply plan: class 5c1e:11: no buffer space" {
		t.Errorf("got %v, want the agent's words and not ErrInvalid", err)
	}
}

func TestBadRequests(t *testing.T) {
	socket, _ := startServer(t, &fakeAgent{})
	huge := `{"name":"` + strings.Repeat("x", 65<<10) + `"}`
	tests := []struct {
		name, request, body string
		header              [2]string
		wantStatus          int
		wantDetail          string
	}{
		{"unknown field", "POST /v1/slice/set", `{"name":"media","minimum":"5%"}`, [2]string{}, 422, `unknown field "minimum"`},
		{"no name", "POST /v1/slice/set", `{"min":"5%"}`, [2]string{}, 422, "no slice named"},
		{"nothing to change", "POST /v1/slice/set", `{"name":"media"}`, [2]string{}, 422, "give min or max"},
		{"trailing data", "POST /v1/slice/reset", `{}{}`, [2]string{}, 422, "something follows"},
		{"no body", "POST /v1/slice/reset", ``, [2]string{}, 422, "EOF"},
		{"not json", "POST /v1/slice/reset", `name=x`, [2]string{}, 422, "invalid character"},
		{"wrong type", "POST /v1/slice/set", `{"name":7}`, [2]string{}, 422, "name"},
		{"too big", "POST /v1/slice/set", huge, [2]string{}, 413, "larger than 65536 bytes"},
		{"no device", "GET /v1/devices?most=0", ``, [2]string{}, 422, "from 1 to 100"},
		{"too many devices", "GET /v1/devices?most=101", ``, [2]string{}, 422, "from 1 to 100"},
		{"devices by word", "GET /v1/devices?most=all", ``, [2]string{}, 422, "from 1 to 100"},
		{"bad flow", "GET /v1/explain?proto=udp&src=a&dst=b", ``, [2]string{}, 422, `source "a"`},
		{"no such verb", "GET /v1/nothing", ``, [2]string{}, 404, "GET /v1/nothing"},
		{"changing by get", "GET /v1/teardown", ``, [2]string{}, 404, "GET /v1/teardown"},
		{"origin", "GET /v1/status", ``, [2]string{"Origin", "http://example.org"}, 403, "web pages"},
		{"referer", "POST /v1/teardown", ``, [2]string{"Referer", "http://localhost/"}, 403, "web pages"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			method, path, _ := strings.Cut(test.request, " ")
			status, contentType, body := request(t, socket, method, path, test.body, test.header)
			var fault api.Fault
			if err := json.Unmarshal(body, &fault); err != nil {
				t.Fatalf("answer %q: %v", body, err)
			}
			if status != test.wantStatus || fault.Status != status || contentType != "application/problem+json" {
				t.Errorf("got %d %s %+v, want status %d", status, contentType, fault, test.wantStatus)
			}
			if !strings.Contains(fault.Detail, test.wantDetail) {
				t.Errorf("detail %q does not have %q", fault.Detail, test.wantDetail)
			}
		})
	}
}

func TestHeadersAreBounded(t *testing.T) {
	socket, _ := startServer(t, &fakeAgent{})
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() { // the server may stop reading at any byte
		_, _ = fmt.Fprintf(conn, "GET /v1/status HTTP/1.1\r\nHost: sliced\r\nX: %s\r\n\r\n", strings.Repeat("x", 1<<20))
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d, want 431", resp.StatusCode)
	}
}

func TestWaitUntilReady(t *testing.T) {
	agent := &fakeAgent{ready: make(chan struct{})}
	socket, _ := startServer(t, agent)
	short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := client.New(socket).Wait(short); !errors.Is(err, client.ErrNotReady) {
		t.Errorf("wait on an agent that is not ready: %v, want ErrNotReady", err)
	}
	done := make(chan error, 1)
	go func() { done <- client.New(socket).Wait(t.Context()) }()
	close(agent.ready)
	if err := <-done; err != nil {
		t.Errorf("wait on an agent that becomes ready: %v", err)
	}
}

func TestChangeOutlivesItsClient(t *testing.T) {
	entered, result := make(chan struct{}), make(chan error, 1)
	agent := &fakeAgent{setSlice: func(ctx context.Context, _ api.SliceChange) error {
		close(entered)
		select {
		case <-ctx.Done():
			result <- ctx.Err()
		case <-time.After(300 * time.Millisecond):
			result <- nil
		}
		return nil
	}}
	socket, _ := startServer(t, agent)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-entered; cancel() }()
	if err := client.New(socket).SetSlice(ctx, api.SliceChange{Name: "media", Min: "1%"}); !errors.Is(err, context.Canceled) {
		t.Errorf("client got %v, want its own cancellation", err)
	}
	if err := <-result; err != nil {
		t.Errorf("the change was broken off: %v", err)
	}
}

func TestStopLetsAChangeEnd(t *testing.T) {
	entered := make(chan struct{})
	agent := &fakeAgent{setSlice: func(context.Context, api.SliceChange) error {
		close(entered)
		time.Sleep(200 * time.Millisecond)
		return nil
	}}
	socket, stop := startServer(t, agent)
	done := make(chan error, 1)
	go func() { done <- client.New(socket).SetSlice(t.Context(), api.SliceChange{Name: "media", Min: "1%"}) }()
	<-entered
	if err := stop(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Errorf("the change under way got %v", err)
	}
	for _, name := range []string{socket, filepath.Join(filepath.Dir(socket), api.ViewSocket)} {
		if _, err := os.Lstat(name); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
}

func TestNewServerRefuses(t *testing.T) {
	for _, socket := range []string{"", "/run/x/" + api.ViewSocket} {
		if _, err := api.NewServer(slog.New(slog.DiscardHandler), api.ServerConfig{Socket: socket}, &fakeAgent{}); err == nil {
			t.Errorf("socket %q was taken", socket)
		}
	}
}

func mustParse(t *testing.T, proto, src, dst string) api.Question {
	t.Helper()
	q, err := api.ParseQuestion(proto, src, dst)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func check(t *testing.T, err error, got, want any) {
	t.Helper()
	if err != nil {
		t.Error(err)
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

// request sends what our client never would.
func request(t *testing.T, socket, method, path, body string, header [2]string) (status int, contentType string, answer []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://sliced"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if header[0] != "" {
		req.Header.Set(header[0], header[1])
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("unix", socket)
	}}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), answer
}
