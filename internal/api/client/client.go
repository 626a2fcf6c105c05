package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/slicegate/slicegate/internal/api"
)

// What callers branch on.
var (
	ErrUnreachable = errors.New("agent is not reachable")
	ErrNotReady    = errors.New("agent is not ready")
	ErrInvalid     = api.ErrInvalid
)

// The contract's types.
type (
	Status         = api.Status
	UplinkStatus   = api.UplinkStatus
	SliceStatus    = api.SliceStatus
	LinkStatus     = api.LinkStatus
	DelayStatus    = api.DelayStatus
	Devices        = api.Devices
	DeviceStatus   = api.DeviceStatus
	DeviceTraffic  = api.DeviceTraffic
	Problem        = api.Problem
	Question       = api.Question
	Explanation    = api.Explanation
	SliceChange    = api.SliceChange
	UplinkChange   = api.UplinkChange
	File           = api.File
	Step           = api.Step
	Plan           = api.Plan
	Applied        = api.Applied
	TeardownReport = api.TeardownReport
)

// Directions of a slice, and states of an uplink.
const (
	Up     = api.Up
	Down   = api.Down
	Shaped = api.Shaped
	Failed = api.Failed
)

// timeout is more than the agent gives itself for a change.
const timeout = 60 * time.Second

// maxAnswer bounds what is read of an answer: 15 slices, 8 uplinks and their problems are far below it.
const maxAnswer = 16 << 20

// retryEvery is how often Wait asks again.
const retryEvery = 50 * time.Millisecond

// Client asks one agent.
type Client struct {
	socket string
	http   http.Client
}

// New makes a client of the agent that listens on the socket at path. It connects at the first call.
func New(socket string) *Client {
	var dialer net.Dialer
	return &Client{socket: socket, http: http.Client{Timeout: timeout, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", socket)
		},
		DisableKeepAlives: true,
	}}}
}

// Status gives the box on one screen.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	err := c.do(ctx, http.MethodGet, api.PathStatus, nil, &s)
	return s, err
}

// Devices gives at most so many devices, 1 to 100, the heaviest of the last seconds first.
func (c *Client) Devices(ctx context.Context, most int) (Devices, error) {
	var d Devices
	err := c.do(ctx, http.MethodGet, api.PathDevices+"?most="+strconv.Itoa(most), nil, &d)
	return d, err
}

// Explain says why a flow is in its slice.
func (c *Client) Explain(ctx context.Context, q Question) (Explanation, error) {
	query := url.Values{"proto": {q.Protocol()}, "src": {q.Src.String()}, "dst": {q.Dst.String()}}
	var e Explanation
	err := c.do(ctx, http.MethodGet, api.PathExplain+"?"+query.Encode(), nil, &e)
	return e, err
}

// SetSlice changes a slice's bounds, live.
func (c *Client) SetSlice(ctx context.Context, change SliceChange) error {
	return c.do(ctx, http.MethodPost, api.PathSliceSet, change, &api.Done{})
}

// ResetSlice takes changes back: of one slice or, with an empty name, of all; on one uplink or, with an empty uplink, on all.
func (c *Client) ResetSlice(ctx context.Context, name, uplink string) error {
	return c.do(ctx, http.MethodPost, api.PathSliceReset, api.SliceReset{Name: name, Uplink: uplink}, &api.Done{})
}

// Teardown takes the shaping away and says what could not be put back.
func (c *Client) Teardown(ctx context.Context) (TeardownReport, error) {
	var r TeardownReport
	err := c.do(ctx, http.MethodPost, api.PathTeardown, nil, &r)
	return r, err
}

// Ready asks whether the first apply is done; the agent holds its answer back for a few seconds while it is not. Then it is
// ErrNotReady.
func (c *Client) Ready(ctx context.Context) error {
	err := c.do(ctx, http.MethodGet, api.PathReady, nil, &api.Done{})
	var fault *api.Fault
	if errors.As(err, &fault) && fault.Type == api.TypeNotReady {
		return fmt.Errorf("%w: the first apply is not done", ErrNotReady)
	}
	return err
}

// Wait asks until the agent is ready. It gives up when ctx is done, with the last answer, or at once when asking again cannot
// help.
func (c *Client) Wait(ctx context.Context) error {
	last := ErrNotReady
	for {
		err := c.Ready(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil: // our own end, which says nothing of the agent
			return last
		case errors.Is(err, ErrUnreachable), errors.Is(err, ErrNotReady):
			last = err
		default:
			return err
		}
		retry := time.NewTimer(retryEvery)
		select {
		case <-ctx.Done():
			retry.Stop()
			return last
		case <-retry.C:
		}
	}
}

// do sends one request, with in as JSON unless it is nil, and reads the answer into out.
func (c *Client) do(ctx context.Context, method, path string, in, out any) error {
	if in == nil {
		return c.send(ctx, method, path, "", nil, out)
	}
	b, err := api.Encode(in)
	if err != nil {
		return err
	}
	return c.send(ctx, method, path, "application/json", b, out)
}

// send sends one request with a body of some type, none if that is "", and reads the answer into out.
func (c *Client) send(ctx context.Context, method, path, contentType string, body []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://sliced"+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return c.unreachable(err)
	}
	if resp.StatusCode != http.StatusOK {
		return faultIn(resp, answer)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("read answer of %s: %w", c.socket, err)
	}
	return nil
}

// unreachable says why nobody answered, and what to do.
func (c *Client) unreachable(err error) error {
	var asked *url.Error // repeats the made-up address
	if errors.As(err, &asked) {
		err = asked.Err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: no socket at %s: is sliced running?", ErrUnreachable, c.socket)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: nobody listens on %s: is sliced running?", ErrUnreachable, c.socket)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: no permission for %s: are you in its group?", ErrUnreachable, c.socket)
	}
	return fmt.Errorf("%w: ask %s: %w", ErrUnreachable, c.socket, err)
}

// faultIn gives the fault in an answer; one that holds none is not an agent's.
func faultIn(resp *http.Response, body []byte) error {
	var fault api.Fault
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json") &&
		json.Unmarshal(body, &fault) == nil && fault.Detail != "" {
		return &fault
	}
	return &api.Fault{Type: api.TypeFailed, Status: resp.StatusCode, Detail: "unexpected answer: " + resp.Status}
}
