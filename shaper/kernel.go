package shaper

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/tcnl"
)

// Programs hands out descriptors of the data plane's programs; they stay its own.
type Programs interface {
	ProgramFD(v bpf.Variant) (int, error)
}

// Kernel observes and changes traffic control in one network namespace. It is for one goroutine at a time.
type Kernel struct {
	conn     *tcnl.Conn
	links    *netlink.Handle
	programs Programs

	fqCodel, cake bool
	noSplitter    error // why no ifb could be made that splits; nil while that was not tried in vain

	// bursts are those that this process wrote into tbfs: the kernel rounds them in a dump, mostly to 0.
	bursts map[burstKey]uint32
	// current says of the programs that were attached at the last look whether they are what their filters' names say, on our maps.
	current map[attachedProgram]bool
	shared  []ebpf.MapID // those maps; nil until asked for
	// fault, in tests, fails a step.
	fault func(Step) error
}

type attachedProgram struct {
	id     ebpf.ProgramID
	filter string // its name
}

type burstKey struct {
	ifindex int
	handle  tcnl.Handle
}

// NewKernel opens sockets in the namespace that the descriptor stands for; 0 for the current one.
func NewKernel(netnsFd int, programs Programs) (*Kernel, error) {
	k := &Kernel{programs: programs, bursts: make(map[burstKey]uint32), current: make(map[attachedProgram]bool)}
	if err := k.open(netnsFd); err != nil {
		return nil, errors.Join(err, k.Close())
	}
	return k, nil
}

func (k *Kernel) open(netnsFd int) (err error) {
	if k.conn, err = tcnl.Dial(netnsFd); err != nil {
		return err
	}
	if netnsFd == 0 {
		k.links, err = netlink.NewHandle(unix.NETLINK_ROUTE)
	} else {
		k.links, err = netlink.NewHandleAt(netns.NsHandle(netnsFd), unix.NETLINK_ROUTE)
	}
	if err != nil {
		return fmt.Errorf("open link netlink: %w", err)
	}
	if k.fqCodel, err = k.conn.HasQdisc("fq_codel"); err != nil {
		return err
	}
	k.cake, err = k.conn.HasQdisc("cake")
	return err
}

// Close closes the sockets. What is in the kernel stays.
func (k *Kernel) Close() error {
	if k.links != nil {
		k.links.Close()
	}
	if k.conn != nil {
		return k.conn.Close()
	}
	return nil
}

// env is what Desired needs to know of an observed state.
func (k *Kernel) env(observed State) Env {
	return Env{Interfaces: observed.Interfaces, Leave: make(map[string]bool), FQCoDel: k.fqCodel, Cake: k.cake, NoSplitter: k.noSplitter != nil}
}

// forget drops what this process remembers of the qdiscs of an interface, since somebody else touched one; 0 for all interfaces.
func (k *Kernel) forget(ifindex int) {
	for key := range k.bursts {
		if ifindex == 0 || key.ifindex == ifindex {
			delete(k.bursts, key)
		}
	}
}

// isWhatItSays reports whether an attached program is the one that its filter's name says, and works on the maps of the programs that
// we hand out. An agent that could not find the maps of the one before it has other maps, under the same names. What is seen of it
// holds as long as it is attached; an error is of this look alone.
func (o *observer) isWhatItSays(p attachedProgram) (bool, error) {
	current, known := o.current[p]
	if !known {
		err := o.compare(p)
		switch {
		case errors.Is(err, errNotLoaded), errors.Is(err, os.ErrNotExist): // what comes of it is the plan's to say
			return false, nil
		case err != nil && !errors.Is(err, errOtherMaps) && !errors.Is(err, errOtherProgram):
			return false, fmt.Errorf("look at program %s: %w", p.filter, err)
		}
		current = err == nil
	}
	o.attached[p] = current
	return current, nil
}

var (
	errOtherMaps    = errors.New("program works on other maps")
	errOtherProgram = errors.New("program is another than its filter says")
	errNotLoaded    = errors.New("there is no program of ours to compare with")
)

func (k *Kernel) compare(p attachedProgram) error {
	if k.shared == nil {
		// Every program holds every map; this one is the smallest.
		fd, err := k.programs.ProgramFD(bpf.Variant{Role: bpf.VenueEgress, Hook: 1})
		if err != nil {
			return fmt.Errorf("%w: %w", errNotLoaded, err)
		}
		if k.shared, err = sharedMaps(fd); err != nil {
			return err
		}
	}
	attached, err := ebpf.NewProgramFromID(p.id)
	if err != nil {
		return err
	}
	defer attached.Close()
	info, err := attached.Info()
	if err != nil {
		return err
	}
	if !bpf.Named(p.filter, info.Name) {
		return errOtherProgram
	}
	have, err := mapsOf(attached)
	if err != nil {
		return err
	}
	for _, m := range k.shared {
		if !slices.Contains(have, m) {
			return errOtherMaps
		}
	}
	return nil
}

func mapsOf(p *ebpf.Program) ([]ebpf.MapID, error) {
	info, err := p.Info()
	if err != nil {
		return nil, err
	}
	ids, ok := info.MapIDs()
	if !ok {
		return nil, errOtherMaps
	}
	return ids, nil
}

// sharedMaps lists the maps of the program behind a descriptor, which stays its owner's, but for those with its constants.
func sharedMaps(fd int) ([]ebpf.MapID, error) {
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("duplicate program: %w", err)
	}
	p, err := ebpf.NewProgramFromFD(own)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	ids, err := mapsOf(p)
	if err != nil {
		return nil, err
	}
	shared := make([]ebpf.MapID, 0, len(ids))
	for _, id := range ids {
		m, err := ebpf.NewMapFromID(id)
		if err != nil {
			return nil, err
		}
		info, err := m.Info()
		m.Close()
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(info.Name, ".") {
			shared = append(shared, id)
		}
	}
	return shared, nil
}
