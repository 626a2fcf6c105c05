package shaper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/slice"
	"github.com/slicegate/slicegate/internal/tcnl"
)

// Shaper is the data plane of one box: one network namespace.
type Shaper struct {
	log       *slog.Logger
	set       *bpf.Set
	conn      *tcnl.Conn
	links     *netlink.Handle
	netns     netns.NsHandle // the network namespace in which Open was called
	inode     uint32         // of netns
	rec       *Reconciler
	box       *boxConfig
	pins      *pins
	names     names
	counters  *counters
	delays    *delays
	devices   devices
	history   history
	silence   silence
	explainer explainer

	telling sync.Mutex // the order in which programs are told of interfaces

	mu      sync.Mutex // guards what follows
	cfg     Config
	isSet   bool // cfg is what was Set
	highest int  // number of an experience that was ever counted
}

// Open finds the data plane that an agent left behind, or makes a new one, and sweeps the pins of agents before. stateDir is a
// directory that can be written; it keeps what teardown puts back. It shapes nothing yet.
func Open(log *slog.Logger, stateDir string) (*Shaper, error) {
	s := &Shaper{log: log, netns: netns.None()}
	if err := s.open(stateDir); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Shaper) open(stateDir string) (err error) {
	if s.netns, err = netns.Get(); err != nil {
		return fmt.Errorf("open network namespace: %w", err)
	}
	if s.inode, err = netnsInode(s.netns); err != nil {
		return err
	}
	if s.conn, err = tcnl.Dial(int(s.netns)); err != nil {
		return err
	}
	if s.links, err = netlink.NewHandleAt(s.netns, unix.NETLINK_ROUTE); err != nil {
		return fmt.Errorf("open route netlink: %w", err)
	}
	attached, err := AttachedPrograms(s.conn)
	if err != nil {
		return err
	}
	if s.set, err = bpf.Open(s.log, attached); err != nil {
		return err
	}
	if s.box, err = newBoxConfig(s.set); err != nil {
		return err
	}
	if s.counters, err = newCounters(s.set); err != nil {
		return err
	}
	s.names = names{s.set.Maps["names"]}
	if s.highest, err = s.names.highest(experienceSection); err != nil {
		return err
	}
	s.devices = newDevices(s.set, s.counters.cpus)
	s.delays = newDelays(s.log, s.set)
	s.explainer = explainer{set: s.set, links: s.links}
	s.pins = newPins(s.set, s.box.pinned, s.experienceNumber)
	if err := s.startPins(); err != nil {
		return err
	}
	s.rec, err = NewReconciler(s.log, ReconcilerConfig{
		StateDir: stateDir, Netns: int(s.netns), OnChange: s.interfacesChanged, BeforeApply: s.bookDrops,
	}, s.set)
	return err
}

func (s *Shaper) startPins() error {
	swept, err := s.pins.sweep()
	if err != nil {
		return err
	}
	if swept > 0 {
		s.log.Info("pins_swept", "pins", swept)
	}
	return s.readAddresses()
}

// netnsInode is what the delay program knows a network namespace by.
func netnsInode(ns netns.NsHandle) (uint32, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(ns), &st); err != nil {
		return 0, fmt.Errorf("identify network namespace: %w", err)
	}
	return uint32(st.Ino), nil
}

// Close lets go of the kernel objects. Shaping goes on without an agent.
func (s *Shaper) Close() error {
	var errs []error
	if s.rec != nil {
		errs = append(errs, s.rec.Close())
	}
	if s.delays != nil {
		errs = append(errs, s.delays.close())
	}
	if s.set != nil {
		errs = append(errs, s.set.Close())
	}
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	if s.links != nil {
		s.links.Close()
	}
	if s.netns.IsOpen() {
		errs = append(errs, s.netns.Close())
	}
	return errors.Join(errs...)
}

// ErrUnfinished marks a configuration that is in force, but which the kernel refused in part. It is tried again, and Problems name
// what is missing.
var ErrUnfinished = errors.New("not all of it could be applied yet")

// Set makes cfg the desired state, and reconciles before it returns. With an error that is not ErrUnfinished, the old one stays.
func (s *Shaper) Set(ctx context.Context, cfg Config) error {
	_, err := s.enforce(ctx, cfg, func(ctx context.Context, cfg Config) (Result, error) { return Result{}, s.rec.Set(ctx, cfg) })
	return err
}

// Apply is Set, also while shaping is paused or was torn down, and says what it truly did.
func (s *Shaper) Apply(ctx context.Context, cfg Config) (Result, error) {
	return s.enforce(ctx, cfg, s.rec.Apply)
}

func (s *Shaper) enforce(ctx context.Context, cfg Config, reconcile func(context.Context, Config) (Result, error)) (Result, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	if err := s.box.configure(cfg); err != nil {
		return Result{}, errors.Join(err, s.restore())
	}
	s.mu.Lock()
	s.cfg, s.isSet = cfg, true
	for _, e := range cfg.Experiences {
		s.highest = max(s.highest, int(e.Number))
	}
	s.mu.Unlock()
	if s.set.TakingOver() { // our programs come to where others are at work: they must know the venue from their first packet on
		if err := s.interfacesChanged(); err != nil {
			s.log.Error("interfaces_not_written", "error", err)
		}
	}
	did, err := reconcile(context.WithoutCancel(ctx), cfg) // the programs follow cfg by now: the trees must, too
	if err != nil {
		return did, fmt.Errorf("%w: %w", ErrUnfinished, err)
	}
	if err := s.set.CarryOver(); err != nil { // the books go on; keepBooks tries again
		s.log.Error("counters_not_taken_over", "error", err)
	}
	return did, nil
}

// restore has the programs follow the configuration from before. Where there is none they follow the agent's before us, as far as it
// is there yet.
func (s *Shaper) restore() error {
	s.mu.Lock()
	cfg, isSet := s.cfg, s.isSet
	s.mu.Unlock()
	if !isSet {
		return nil
	}
	return s.box.configure(cfg)
}

func (s *Shaper) config() Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cfg
}

// highestExperience is the number up to which there are counters: also those of experiences that are configured no more.
func (s *Shaper) highestExperience() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.highest
}

func (s *Shaper) experienceNumber(tag slice.Tag) uint8 {
	for _, e := range s.config().Experiences {
		if e.Name == string(tag) {
			return e.Number
		}
	}
	return 0
}

// Pin implements slice.Pinner.
func (s *Shaper) Pin(f slice.Flow, id slice.ID, tag slice.Tag) (release func(), err error) {
	return s.pins.Pin(f, id, tag)
}

// Explain says why a flow of the venue's is in its slice. Local is the venue's end, before NAT.
func (s *Shaper) Explain(f slice.Flow) (Explanation, error) {
	v := s.config().Venue
	return s.explainer.explain(f, bpf.Variant{ByAddress: v.ByAddress, MarkMask: v.MarkMask})
}

// Reconciler is what keeps the kernel as configured: its states and problems, Plan, Pause, Resume and Teardown.
func (s *Shaper) Reconciler() *Reconciler { return s.rec }

// Run keeps the data plane as it was Set until ctx ends.
func (s *Shaper) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.rec.Run(ctx) })
	g.Go(func() error { return s.followAddresses(ctx) })
	g.Go(func() error { return s.keepBooks(ctx) })
	g.Go(func() error { return s.adapt(ctx) })
	return g.Wait()
}
