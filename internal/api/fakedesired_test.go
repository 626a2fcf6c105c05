package api_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/slicegate/slicegate/internal/api"
)

// fakeDesired writes down what it is asked, and answers with its fields.
type fakeDesired struct {
	plan    api.Plan
	applied api.Applied
	fail    error

	mu    sync.Mutex // guards calls
	calls []string
}

func (f *fakeDesired) record(format string, args ...any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, fmt.Sprintf(format, args...))
	return f.fail
}

func fileText(file *api.File) string {
	if file == nil {
		return "own"
	}
	return fmt.Sprintf("%s (%d bytes)", file.Name, len(file.Text))
}

func (f *fakeDesired) Plan(_ context.Context, file *api.File) (api.Plan, error) {
	return f.plan, f.record("plan %s", fileText(file))
}

func (f *fakeDesired) Apply(_ context.Context, file *api.File, confirm time.Duration) (api.Applied, error) {
	return f.applied, f.record("apply %s %s", fileText(file), confirm)
}

func (f *fakeDesired) Confirm(context.Context) error { return f.record("confirm") }

func (f *fakeDesired) Rollback(context.Context) (api.Applied, error) {
	return f.applied, f.record("rollback")
}

func (f *fakeDesired) Pause(_ context.Context, d time.Duration) error { return f.record("pause %s", d) }

func (f *fakeDesired) Resume(context.Context) error { return f.record("resume") }

func (f *fakeDesired) SetUplink(_ context.Context, c api.UplinkChange) error {
	return f.record("set %+v", c)
}

func (f *fakeDesired) ResetUplink(_ context.Context, name string) error {
	return f.record("reset %q", name)
}
