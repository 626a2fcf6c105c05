package shaper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/slicegate/slicegate/internal/tcnl"
)

// ReconcilerConfig is what a Reconciler is told once.
type ReconcilerConfig struct {
	// StateDir is a directory that can be written. It keeps what teardown puts back.
	StateDir string
	// Netns is a descriptor of the network namespace to work in; 0 for the current one. It must stay open.
	Netns int
	// OnChange is called after interfaces came, went or got another index, and after objects were made or removed. It may ask for
	// State, but must not call what reconciles. After an error it is called again, by Run in the way it tries again what failed. Nil for
	// nothing.
	OnChange func() error
	// BeforeApply is called before objects are removed or replaced, their counters with them. The same rules. Nil for nothing.
	BeforeApply func()
	// Drift is how often to look without being told that something changed. Zero for a minute.
	Drift time.Duration
}

// Reconciler keeps the kernel as configured.
type Reconciler struct {
	log     *slog.Logger
	cfg     ReconcilerConfig
	kernel  *Kernel
	ready   chan struct{}
	watcher *tcnl.Watcher
	heard   *mailbox // what Run is to look at

	working sync.Mutex // one reconcile at a time; guards kernel and what follows
	roots   *roots
	want    *Config // nil until Set
	paused  bool
	fights  fights
	known   map[string]int       // ifindexes when OnChange was called last; nil before that
	untold  bool                 // it failed
	seen    map[string]Interface // the configuration's, at the last look
	failed  bool                 // the last look
	looked  time.Time            // when that ended
	settled *settled             // nil where it is not known how the kernel is
	follows bool                 // Run hears what others change

	mu       sync.Mutex // guards what is shown
	states   []UplinkState
	problems []Problem
	left     map[string]bool // interfaces that are somebody else's
	hooked   map[string]int  // ifindexes of those that have programs of ours
	counts   map[string]uint64
	react    map[string]reaction // by uplink; written by who works, too
	behind   bool                // the kernel is yet to follow it; the same
}

// Results of a reconcile, as counted.
const (
	Unchanged = "unchanged"
	Changed   = "changed"
	Failed    = "failed"
)

// NewReconciler opens the kernel, and reads what an earlier agent remembered. It changes nothing until Set.
func NewReconciler(log *slog.Logger, cfg ReconcilerConfig, programs Programs) (*Reconciler, error) {
	roots, err := loadRoots(cfg.StateDir)
	if err != nil {
		return nil, err
	}
	kernel, err := NewKernel(cfg.Netns, programs)
	if err != nil {
		return nil, err
	}
	watcher, err := tcnl.Listen(cfg.Netns, kernel.conn)
	if err != nil {
		return nil, errors.Join(err, kernel.Close())
	}
	if cfg.Drift == 0 {
		cfg.Drift = time.Minute
	}
	return &Reconciler{
		log: log, cfg: cfg, kernel: kernel, watcher: watcher, roots: roots, ready: make(chan struct{}), heard: newMailbox(),
		counts: map[string]uint64{Unchanged: 0, Changed: 0, Failed: 0},
	}, nil
}

// Close closes the sockets, after Run has ended or without it. Shaping goes on.
func (r *Reconciler) Close() error { return errors.Join(r.watcher.Close(), r.kernel.Close()) }

// Ready is closed when a first apply has succeeded. Uplinks that wait, or are somebody else's, do not hold it up.
func (r *Reconciler) Ready() <-chan struct{} { return r.ready }

// State tells how each uplink fares, in the configuration's order.
func (r *Reconciler) State() []UplinkState {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.states)
}

// Left reports whether an interface was left to somebody else at the last look.
func (r *Reconciler) Left(dev string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.left[dev]
}

// Problems are what stood in the way at the last look, and the tcx programs that do now: no event tells of these.
func (r *Reconciler) Problems() []Problem {
	r.mu.Lock()
	problems, hooked := slices.Clone(r.problems), r.hooked
	r.mu.Unlock()
	return append(problems, tcxProblems(r.cfg.Netns, hooked)...)
}

// Reconciles counts the looks at the kernel by what came of them: unchanged, changed, failed.
func (r *Reconciler) Reconciles() map[string]uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.counts)
}

// Set makes cfg the desired state, and brings the kernel there before it returns. An error says what the kernel refused; it is tried
// again, and cfg stays: it must not be written to afterwards.
func (r *Reconciler) Set(ctx context.Context, cfg Config) error {
	r.working.Lock()
	defer r.working.Unlock()
	_, err := r.setLocked(ctx, cfg)
	return err
}

// Apply is Set after Resume, in one: it shapes whatever was paused or torn down, and says what it truly did, also with an error.
func (r *Reconciler) Apply(ctx context.Context, cfg Config) (Result, error) {
	r.working.Lock()
	defer r.working.Unlock()
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	r.paused = false
	return r.setLocked(ctx, cfg)
}

func (r *Reconciler) setLocked(ctx context.Context, cfg Config) (Result, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	r.want = &cfg
	return r.demandLocked(ctx, onDemand)
}

// demandLocked reconciles for a caller who does not try again: what fails is left to Run.
func (r *Reconciler) demandLocked(ctx context.Context, why reason) (Result, error) {
	// Once begun it is not left half done because somebody does not wait any longer. It takes milliseconds.
	did, err := r.reconcileLocked(context.WithoutCancel(ctx), why)
	if err != nil || r.untold {
		r.heard.retry()
	}
	return did, err
}

// Plan tells what Apply would do now.
func (r *Reconciler) Plan(ctx context.Context, cfg Config) (Plan, error) {
	r.working.Lock()
	defer r.working.Unlock()
	observed, err := r.kernel.Observe(ctx)
	if err != nil {
		return Plan{}, err
	}
	p, j, err := r.planLocked(r.reacted(cfg), observed)
	if err != nil {
		return Plan{}, err
	}
	_, back, notRestored := r.roots.givenUp(observed.Interfaces, cfg.keepsRoot)
	p.Steps = append(p.Steps, back...)
	p.Problems = r.shortcomings(cfg, observed, j, notRestored)
	return p, nil
}

// Pause removes all that is ours, and keeps away until Resume or Apply. What Teardown puts back stays remembered. Before the first Set
// it changes nothing, and keeps that from shaping.
func (r *Reconciler) Pause(ctx context.Context) error {
	r.working.Lock()
	defer r.working.Unlock()
	r.paused = true
	if _, err := r.demandLocked(ctx, onDemand); err != nil {
		return fmt.Errorf("pause: %w", err)
	}
	return nil
}

// Teardown removes all that is ours, puts back what was there before, and keeps away until Resume or Apply. What could not be put
// back is named.
func (r *Reconciler) Teardown(ctx context.Context) (notRestored []string, err error) {
	r.working.Lock()
	defer r.working.Unlock()
	if r.want == nil { // what an agent before us left is there all the same
		r.want = &Config{}
	}
	r.paused = true
	if _, err := r.demandLocked(ctx, onDemand); err != nil {
		return nil, fmt.Errorf("tear down: %w", err)
	}
	observed, err := r.kernel.Observe(ctx)
	if err != nil {
		return nil, fmt.Errorf("tear down: %w", err)
	}
	_, notRestored, err = r.roots.release(r.kernel, observed.Interfaces, func(string) bool { return false })
	return notRestored, err
}

// Resume shapes again after Pause or Teardown.
func (r *Reconciler) Resume(ctx context.Context) error {
	r.working.Lock()
	defer r.working.Unlock()
	r.paused = false
	_, err := r.demandLocked(ctx, onDemand)
	return err
}

// planLocked compares what was observed with what cfg asks for.
func (r *Reconciler) planLocked(cfg Config, observed State) (Plan, judgement, error) {
	desired, j, err := r.desiredLocked(cfg, observed)
	if err != nil {
		return Plan{}, j, err
	}
	return Diff(observed, desired), j, nil
}

// desiredLocked is what cfg asks for where things are as observed.
func (r *Reconciler) desiredLocked(cfg Config, observed State) (State, judgement, error) {
	j := judge(cfg, observed, r.roots)
	env := r.kernel.env(observed)
	env.Leave = j.leave
	desired, err := Desired(cfg, env)
	return desired, j, err
}

// targetLocked is the configuration in force: none while paused.
func (r *Reconciler) targetLocked() Config {
	if r.paused || r.want == nil {
		return Config{}
	}
	return r.reacted(*r.want)
}
