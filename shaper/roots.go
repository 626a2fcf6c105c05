package shaper

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/slicegate/slicegate/internal/statefile"
	"github.com/slicegate/slicegate/internal/tcnl"
)

// roots remembers, until teardown, on which interfaces we took the root's place, and what was there; and under clsactOf the interface,
// where we took that of clsact. It outlives the agent: what is not ours in a place that was taken is drift, in another it is
// somebody's.
type roots struct {
	path    string
	taken   map[string]*SavedRoot // by interface; nil for the kernel's default
	unsaved bool                  // the file has what was given up since
}

// clsactOf stands for an interface's clsact. No interface has a name with a space.
func clsactOf(dev string) string { return dev + " clsact" }

// SavedRoot is a root qdisc that somebody else had made.
type SavedRoot struct {
	Kind     string      `json:"kind"`
	Handle   tcnl.Handle `json:"handle"`
	Options  []byte      `json:"options"`
	Classful bool        `json:"classful"` // can't be put back: its classes are gone
}

// String names it as tc does.
func (s SavedRoot) String() string { return fmt.Sprintf("%s %s", s.Kind, s.Handle) }

type rootsFile struct {
	Version int                   `json:"version"`
	Taken   map[string]*SavedRoot `json:"taken"`
}

const rootsVersion = 1

func loadRoots(dir string) (*roots, error) {
	r := &roots{path: filepath.Join(dir, "roots.json"), taken: make(map[string]*SavedRoot)}
	b, err := os.ReadFile(r.path)
	if errors.Is(err, os.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read taken roots: %w", err)
	}
	var f rootsFile
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, fmt.Errorf("read taken roots: %s: %w (remove the file; what it remembers won't be put back)", r.path, err)
	}
	if f.Version != rootsVersion {
		return nil, fmt.Errorf("read taken roots: %s: version %d, want %d", r.path, f.Version, rootsVersion)
	}
	if f.Taken != nil {
		r.taken = f.Taken
	}
	return r, nil
}

func (r *roots) isTaken(dev string) bool {
	_, ok := r.taken[dev]
	return ok
}

// take remembers dev and what is at its root, before that is replaced.
func (r *roots) take(dev string, was *SavedRoot) error {
	if r.isTaken(dev) {
		return nil
	}
	r.taken[dev] = was
	if err := r.save(); err != nil {
		delete(r.taken, dev)
		return err
	}
	return nil
}

func (r *roots) save() error {
	b, err := json.MarshalIndent(rootsFile{rootsVersion, r.taken}, "", "\t")
	if err != nil {
		return fmt.Errorf("%w: %w", errUnwritten, err)
	}
	r.unsaved = true
	if err := statefile.Replace(r.path, append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("%w: %w", errUnwritten, err)
	}
	r.unsaved = false
	return nil
}

// errUnwritten is a state directory that does not take what is to be remembered.
var errUnwritten = errors.New("write taken roots")

// classfulKinds are those whose options are not the whole of them.
var classfulKinds = []string{"htb", "hfsc", "prio", "multiq", "mq", "mqprio", "taprio", "drr", "qfq", "ets", "cbq", "dsmark", "atm"}

// savedRoot is what is to be remembered of a foreign root.
func savedRoot(q Qdisc) *SavedRoot {
	return &SavedRoot{
		Kind: q.kind(), Handle: q.Handle, Options: []byte(q.raw), Classful: slices.Contains(classfulKinds, q.kind()),
	}
}

// givenUp tells what becomes of the roots of interfaces that are not to be kept: the steps put back what was there before, and what
// can't be put back is named.
func (r *roots) givenUp(interfaces map[string]Interface, keep func(dev string) bool) (devs []string, back []Step, lost []string) {
	for _, dev := range slices.Sorted(maps.Keys(r.taken)) {
		if keep(dev) {
			continue
		}
		devs = append(devs, dev)
		was := r.taken[dev]
		if was == nil {
			continue
		}
		if err := was.lost(interfaces[dev]); err != nil {
			lost = append(lost, was.notRestored(dev, err))
			continue
		}
		back = append(back, Step{Op: Add, Group: dev, Want: Qdisc{
			Dev: dev, Handle: was.Handle, Parent: tcnl.Root, Options: tcnl.Raw{Name: was.Kind, Data: string(was.Options)}, Foreign: true,
		}})
	}
	return devs, back, lost
}

// release gives up the roots of interfaces that are not to be kept: what was there is put back, and what can't be is named.
func (r *roots) release(
	k *Kernel, interfaces map[string]Interface, keep func(dev string) bool,
) (done []Step, notRestored []string, err error) {
	devs, back, notRestored := r.givenUp(interfaces, keep)
	if len(devs) == 0 {
		if r.unsaved {
			err = r.save()
		}
		return nil, nil, err
	}
	w := writer{Kernel: k, index: make(map[string]int)}
	for _, s := range back {
		w.index[s.Dev()] = interfaces[s.Dev()].Index
		if err := w.step(s); err != nil {
			err = fmt.Errorf("was not taken by the kernel, whose default is there now: %w", err)
			notRestored = append(notRestored, r.taken[s.Dev()].notRestored(s.Dev(), err))
			continue
		}
		done = append(done, s)
	}
	slices.Sort(notRestored)
	for _, dev := range devs {
		delete(r.taken, dev) // even if it can't be written: what was put back is not ours to put back again
	}
	return done, notRestored, r.save()
}

// Why a root is not put back; the kernel's default is there instead.
var (
	errNoInterface = errors.New("went with its interface")
	errHadClasses  = errors.New("had classes, which are gone: the kernel's default takes its place")
)

// lost says why s can't be put back on its interface; nil if it can.
func (s SavedRoot) lost(link Interface) error {
	switch {
	case link.Index == 0:
		return errNoInterface
	case s.Classful:
		return errHadClasses
	}
	return nil
}

func (s SavedRoot) notRestored(dev string, why error) string {
	return fmt.Sprintf("%s: root qdisc %s %v", dev, s, why)
}
