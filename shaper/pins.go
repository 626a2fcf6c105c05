package shaper

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/cilium/ebpf"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/slice"
)

// pins is the Pinner. A pin with an unspecified Local is one kernel entry for each of the box's own addresses.
type pins struct {
	table            *ebpf.Map
	reverse          []*ebpf.Map // both tables of what the uplink saw
	start            uint32
	publish          func(pins int) error // tells the programs; boxConfig.pinned
	experienceNumber func(slice.Tag) uint8
	full             atomic.Uint64

	mu      sync.Mutex // guards what follows, and the order of writes to the table
	held    map[slice.Flow]*pinned
	own     []netip.Addr // the box's addresses
	behind  bool         // not all pins could follow them
	entries map[bpf.FlowKey]*pinEntry
}

// pinEntry is what this agent has in the table under one key: for a pin of that address, for one of all addresses, or for both.
type pinEntry struct {
	id   slice.ID
	pins int
}

// pinned is a flow that somebody holds.
type pinned struct {
	id      slice.ID
	tag     slice.Tag
	holders int
	keys    []bpf.FlowKey // in the kernel
}

func newPins(set *bpf.Set, publish func(int) error, number func(slice.Tag) uint8) *pins {
	return &pins{
		table:            set.Maps["pins"],
		reverse:          []*ebpf.Map{set.Maps["reverse"], set.Maps["reverse_new"]},
		start:            set.Starts,
		publish:          publish,
		experienceNumber: number,
		held:             make(map[slice.Flow]*pinned),
		entries:          make(map[bpf.FlowKey]*pinEntry),
	}
}

// Pin implements slice.Pinner.
func (p *pins) Pin(f slice.Flow, id slice.ID, tag slice.Tag) (release func(), err error) {
	f, err = checkFlow(f, id)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	held := p.held[f]
	if held != nil && held.id != id {
		return nil, fmt.Errorf("pin %s %s to slice %d, it is in %d: %w", f.Proto, f.Local, id, held.id, slice.ErrConflict)
	}
	if held == nil {
		held = &pinned{id: id, tag: tag}
		if held.keys, err = p.insertLocked(held, f, p.localsLocked(f)); err != nil {
			if errors.Is(err, slice.ErrFull) {
				p.full.Add(1)
			}
			return nil, err
		}
		p.held[f] = held
	}
	held.holders++
	return sync.OnceFunc(func() { p.release(f, held) }), nil
}

// checkFlow gives the one form of f that the tables know, with IPv4 unmapped.
func checkFlow(f slice.Flow, id slice.ID) (slice.Flow, error) {
	if !id.Valid() {
		return f, fmt.Errorf("pin flow: no slice %d", id)
	}
	if !f.Local.Addr().IsValid() || f.Local.Port() == 0 {
		return f, errors.New("pin flow: the local end needs an address (an unspecified one for all of the box's) and a port")
	}
	if f.Proto != slice.UDP && f.Proto != slice.TCP {
		return f, fmt.Errorf("pin flow: protocol %s has no ports", f.Proto)
	}
	f.Local = netip.AddrPortFrom(f.Local.Addr().Unmap().WithZone(""), f.Local.Port())
	if f.Remote.Addr().IsValid() {
		f.Remote = netip.AddrPortFrom(f.Remote.Addr().Unmap().WithZone(""), f.Remote.Port())
	}
	if f.Remote.Addr().IsValid() && (f.Remote.Addr().IsUnspecified() || f.Remote.Port() == 0) {
		return f, fmt.Errorf("pin flow: remote end %s is neither whole nor zero", f.Remote)
	}
	return f, nil
}

// localsLocked gives the addresses that f's local end stands for.
func (p *pins) localsLocked(f slice.Flow) []netip.Addr {
	local := f.Local.Addr()
	if !local.IsUnspecified() {
		return []netip.Addr{local}
	}
	var locals []netip.Addr
	for _, own := range p.own {
		if own.Is4() == local.Is4() {
			locals = append(locals, own)
		}
	}
	return locals
}

// insertLocked writes an entry for each local address, all or none, and lets every flow see them.
func (p *pins) insertLocked(held *pinned, f slice.Flow, locals []netip.Addr) (added []bpf.FlowKey, err error) {
	value := bpf.Pin{Slice: uint8(held.id), Experience: p.experienceNumber(held.tag), Start: p.start}
	defer func() {
		if err != nil {
			err = fmt.Errorf("pin %s %s: %w", f.Proto, f.Local, err)
			if len(added) > 0 { // else no flow has anything to look at again
				err = errors.Join(err, p.deleteLocked(added), p.changedLocked(added))
			}
			added = nil
		}
	}()
	for _, key := range keysOn(f, locals) {
		if err := p.addLocked(key, value); err != nil {
			return added, err
		}
		added = append(added, key)
	}
	return added, p.changedLocked(added)
}

func (p *pins) addLocked(key bpf.FlowKey, value bpf.Pin) error {
	e := p.entries[key]
	if e != nil && e.id != slice.ID(value.Slice) {
		return slice.ErrConflict
	}
	if e == nil {
		err := p.table.Put(key, value)
		if errors.Is(err, syscall.E2BIG) || errors.Is(err, syscall.ENOSPC) {
			return slice.ErrFull
		}
		if err != nil {
			return err
		}
		e = &pinEntry{id: slice.ID(value.Slice)}
		p.entries[key] = e
	}
	e.pins++
	return nil
}

func (p *pins) release(f slice.Flow, held *pinned) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if held.holders--; held.holders > 0 {
		return
	}
	delete(p.held, f)
	// A map of the kernel's own refuses a deletion only when the entry is not there.
	_ = p.deleteLocked(held.keys)
	_ = p.changedLocked(held.keys)
}

// deleteLocked removes entries, but for those that another pin has too.
func (p *pins) deleteLocked(keys []bpf.FlowKey) error {
	var errs []error
	for _, key := range keys {
		e := p.entries[key]
		if e.pins--; e.pins > 0 {
			continue
		}
		delete(p.entries, key)
		if err := p.table.Delete(key); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			errs = append(errs, fmt.Errorf("unpin: %w", err))
		}
	}
	return errors.Join(errs...)
}

// changedLocked makes flows look at the pins again. What the uplink's tables say of a flow that reaches it under these very
// tuples (routed without NAT, bridged, the box's own) goes, so that its download asks the pins too.
func (p *pins) changedLocked(keys []bpf.FlowKey) error {
	for _, key := range keys {
		for _, table := range p.reverse {
			if err := table.Delete(key); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
				return fmt.Errorf("forget flow: %w", err)
			}
		}
	}
	return p.publish(len(p.entries))
}

// follow tells the pins which addresses the box has: pins with an unspecified local end are on these. What can't follow stays where it
// was until catchUp or the next call; of failures in a row the first alone is returned.
func (p *pins) follow(own []netip.Addr) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if slices.Equal(p.own, own) && !p.behind {
		return nil
	}
	p.own = own
	return p.moveLocked()
}

// catchUp has pins that could not follow the addresses try again, and says whether they all could at last.
func (p *pins) catchUp() (caughtUp bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.behind && p.moveLocked() == nil && !p.behind
}

func (p *pins) moveLocked() error {
	var errs []error
	for f, held := range p.held {
		if !f.Local.Addr().IsUnspecified() {
			continue
		}
		locals := p.localsLocked(f)
		if slices.Equal(held.keys, keysOn(f, locals)) {
			continue // where it should be
		}
		keys, err := p.insertLocked(held, f, locals)
		if err != nil {
			errs = append(errs, err) // and the old entries stay
			continue
		}
		old := held.keys
		held.keys = keys
		errs = append(errs, p.deleteLocked(old), p.changedLocked(old))
	}
	err := errors.Join(errs...)
	known := p.behind
	p.behind = err != nil
	if known {
		return nil
	}
	return err
}

// keysOn are the entries of a flow on local addresses.
func keysOn(f slice.Flow, locals []netip.Addr) (keys []bpf.FlowKey) {
	for _, local := range locals {
		f.Local = netip.AddrPortFrom(local, f.Local.Port())
		keys = append(keys, bpf.KeyOf(f))
	}
	return keys
}

// sweep removes the pins of agents before this one, and says how many there were.
func (p *pins) sweep() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var key bpf.FlowKey
	var value bpf.Pin
	var stale []bpf.FlowKey
	entries := p.table.Iterate()
	for entries.Next(&key, &value) {
		if value.Start != p.start {
			stale = append(stale, key)
		}
	}
	if err := entries.Err(); err != nil {
		return 0, fmt.Errorf("list pins: %w", err)
	}
	for _, key := range stale {
		if err := p.table.Delete(key); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return 0, fmt.Errorf("sweep pin: %w", err)
		}
	}
	return len(stale), p.changedLocked(stale)
}
