package api_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/internal/api"
	"github.com/slicegate/slicegate/internal/api/client"
)

func TestDesiredVerbsReachTheAgent(t *testing.T) {
	seconds := 60.0
	step := api.Step{Op: "change", Kind: "class", Dev: "wan0", Object: "5c1e:1", Text: "rate 5mbit (was 9mbit)"}
	agent := &fakeAgent{fakeDesired: fakeDesired{
		plan:    api.Plan{Steps: []api.Step{step}},
		applied: api.Applied{Steps: []api.Step{step}, Failed: []api.FailedStep{{Step: step, Error: "no room"}}, ConfirmS: &seconds},
	}}
	socket, _ := startServer(t, agent)
	ctx, c := t.Context(), client.New(socket)

	plan, err := c.Plan(ctx, nil)
	check(t, err, plan, agent.plan)
	// A file may be as large as a configuration.
	large := &api.File{Name: "a & b.toml", Text: []byte(strings.Repeat("#", 128<<10))}
	plan, err = c.Plan(ctx, large)
	check(t, err, plan, agent.plan)
	applied, err := c.Apply(ctx, large, time.Minute)
	check(t, err, applied, agent.applied)
	applied, err = c.Apply(ctx, nil, 0)
	check(t, err, applied, agent.applied)
	applied, err = c.Rollback(ctx)
	check(t, err, applied, agent.applied)
	if err := errors.Join(c.Confirm(ctx), c.Pause(ctx, 90*time.Second), c.Pause(ctx, 0), c.Resume(ctx),
		c.SetUplink(ctx, api.UplinkChange{Name: "lte", Upload: "1mbit"}), c.ResetUplink(ctx, ""), c.ResetUplink(ctx, "lte")); err != nil {
		t.Error(err)
	}
	want := []string{
		"plan own", "plan a & b.toml (131072 bytes)", "apply a & b.toml (131072 bytes) 1m0s", "apply own 0s", "rollback", "confirm",
		"pause 1m30s", "pause 0s", "resume", "set {Name:lte Download: Upload:1mbit}", `reset ""`, `reset "lte"`,
	}
	if diff := cmp.Diff(want, agent.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestDesiredMistakesDoNotReachTheAgent(t *testing.T) {
	agent := &fakeAgent{}
	socket, _ := startServer(t, agent)
	for _, test := range []struct{ name, request, body, want string }{
		{"a file without a name", "POST /v1/apply", "[venue]", "without a name"},
		{"no duration", "POST /v1/apply?confirm=soon", "", "soon"},
		{"nothing to wait for", "POST /v1/apply?confirm=-1s", "", "above 0s"},
		{"a pause of no time", "POST /v1/pause?for=0s", "", "above 0s"},
		{"a file that is no configuration", "POST /v1/plan?name=disk.img", strings.Repeat("x", 2<<20+1), "larger than"},
		{"no uplink", "POST /v1/uplink/set", `{"upload":"1mbit"}`, "no uplink named"},
		{"no rate", "POST /v1/uplink/set", `{"name":"lte"}`, "nothing to change"},
	} {
		t.Run(test.name, func(t *testing.T) {
			method, path, _ := strings.Cut(test.request, " ")
			status, _, answer := request(t, socket, method, path, test.body, [2]string{})
			if status/100 != 4 || !bytes.Contains(answer, []byte(test.want)) || !bytes.Contains(answer, []byte(`"type":"invalid"`)) {
				t.Errorf("status %d, answer %s; want %q", status, answer, test.want)
			}
		})
	}
	if len(agent.calls) != 0 {
		t.Errorf("the agent was asked: %q", agent.calls)
	}
}

func TestViewSocketPlansAndDoesNotApply(t *testing.T) {
	agent := &fakeAgent{}
	socket, _ := startServer(t, agent)
	ctx, c := t.Context(), client.New(filepath.Join(filepath.Dir(socket), api.ViewSocket))
	if _, err := c.Plan(ctx, nil); err != nil {
		t.Error(err)
	}
	_, apply := c.Apply(ctx, nil, 0)
	_, rollback := c.Rollback(ctx)
	for _, err := range []error{apply, rollback, c.Confirm(ctx), c.Pause(ctx, 0), c.Resume(ctx),
		c.SetUplink(ctx, api.UplinkChange{Name: "lte", Upload: "1mbit"}), c.ResetUplink(ctx, "")} {
		var fault *api.Fault
		if !errors.As(err, &fault) || fault.Type != api.TypeForbidden {
			t.Errorf("got %v, want it forbidden", err)
		}
	}
	if diff := cmp.Diff([]string{"plan own"}, agent.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestNothingPendingIsNoMistake(t *testing.T) {
	agent := &fakeAgent{}
	agent.fail = &api.Fault{Type: api.TypeNothingPending, Status: 409, Detail: "no change is pending"}
	socket, _ := startServer(t, agent)
	err := client.New(socket).Confirm(t.Context())
	if err == nil || errors.Is(err, client.ErrInvalid) || errors.Is(err, client.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
}
