package running

import (
	"context"

	"github.com/slicegate/slicegate/internal/config"
)

// Box carries out what is in force. An error of Set and Apply means that the old configuration stays; what is in force but could not
// all be done yet is no error, is told of by the Report, and is tried again by the Box itself.
type Box interface {
	// Set puts cfg in force, and shapes unless there is a pause.
	Set(ctx context.Context, cfg *config.Config) error
	// Apply is Set, and ends a pause or what followed a teardown.
	Apply(ctx context.Context, cfg *config.Config) (Report, error)
	// Plan tells what Apply would do now, and does nothing.
	Plan(ctx context.Context, cfg *config.Config) (Plan, error)
	// Pause takes the shaping away; before the first Set it only keeps that from shaping.
	Pause(ctx context.Context) error
	// Resume shapes again.
	Resume(ctx context.Context) error
	// Teardown is Pause, and puts back what was there before; it names what can't be.
	Teardown(ctx context.Context) (notRestored []string, err error)
}

// Step is something that was done or would be, in the contract's words.
type Step struct {
	Op     string // add, change, replace, delete
	Kind   string // link, qdisc, class, filter
	Dev    string
	Object string // "5c1e:11", "ingress"; "" for a link
	Text   string
}

// Failure is a step that the kernel refused, or that was not tried for one before it. The zero Step stands for all of them.
type Failure struct {
	Step Step
	Why  string
}

// Plan is what a Box would do.
type Plan struct {
	Steps    []Step
	Problems []Problem // what keeps the configuration from being in force as it is written, once all steps are done
}

// Report is what a Box truly did.
type Report struct {
	Done     []Step
	Failed   []Failure
	Problems []Problem // as a Plan's
}
