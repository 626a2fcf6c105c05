package shaper

import (
	"errors"
	"fmt"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/slicegate/slicegate/internal/slice"
	"github.com/slicegate/slicegate/internal/tcnl"
)

// shaped gives the devices with a tree of ours, by ifindex.
func (s *Shaper) shaped() map[uint32]Key {
	devices := make(map[uint32]Key)
	for _, u := range s.config().Uplinks {
		for _, state := range s.rec.State() {
			if state.Name != u.Name || state.State != StateShaped {
				continue
			}
			if state.Ifindex != 0 && u.Upload > 0 {
				devices[uint32(state.Ifindex)] = Key{Uplink: u.Index, Direction: slice.Up}
			}
			if state.IfbIndex != 0 && u.Download > 0 {
				devices[uint32(state.IfbIndex)] = Key{Uplink: u.Index, Direction: slice.Down}
			}
		}
	}
	return devices
}

// interfacesChanged tells the programs which interfaces are the venue's, and which devices' delays to measure.
func (s *Shaper) interfacesChanged() error {
	s.telling.Lock()
	defer s.telling.Unlock()
	venues, err := s.venues()
	if err == nil {
		err = s.box.interfaces(venues)
	}
	return errors.Join(err, s.delays.measure(s.inode, s.shaped()))
}

// venues gives the ifindexes of the venue's interfaces that are there and ours to work on.
func (s *Shaper) venues() (indexes []uint32, err error) {
	for _, name := range s.config().Venue.Interfaces {
		if s.rec.Left(name) {
			continue // the reconciler says so
		}
		link, err := s.links.LinkByName(name)
		if errors.As(err, &netlink.LinkNotFoundError{}) {
			continue // this too
		}
		if err != nil {
			return nil, fmt.Errorf("look up interface %s: %w", name, err)
		}
		indexes = append(indexes, uint32(link.Attrs().Index))
	}
	return indexes, nil
}

// leaves reads what the slices' queues show, with one dump, and books their drops: one reader at a time, since one with an older
// dump would take a counter that grew for one that went back. It says when, since it may have to wait.
func (s *Shaper) leaves() (leaves map[Key]leafStats, at time.Time, err error) {
	s.counters.booking.Lock()
	defer s.counters.booking.Unlock()
	shaped := s.shaped()
	qdiscs, err := s.conn.Qdiscs()
	at = time.Now()
	if err != nil {
		return nil, at, err
	}
	leaves = make(map[Key]leafStats)
	for _, q := range qdiscs {
		k, ok := shaped[uint32(q.Ifindex)]
		if !ok {
			continue
		}
		if id, ok := sliceOfQueue(q.Handle); ok {
			k.Slice = id
			leaf := leaves[k]
			leaf.queues = min(q.Stats.Queues, q.Stats.QueuedPackets)
			leaves[k] = leaf
		}
		if id, ok := sliceOfLeaf(q.Handle); ok {
			k.Slice = id
			leaf := leaves[k]
			leaf.backlog, leaf.sent = uint64(q.Stats.BacklogBytes), Count{q.Stats.Bytes, q.Stats.Packets}
			if leaf.drops, err = s.counters.bookLocked(k, uint64(q.Stats.Drops)); err != nil {
				return nil, at, err
			}
			leaves[k] = leaf
		}
	}
	return leaves, at, nil
}

// sliceOfLeaf is the slice whose outermost leaf has this handle.
func sliceOfLeaf(h tcnl.Handle) (slice.ID, bool) { return sliceAbove(leafMajor, h) }

// sliceOfQueue is the slice that has this handle inside its leaf.
func sliceOfQueue(h tcnl.Handle) (slice.ID, bool) { return sliceAbove(queueMajor, h) }

func sliceAbove(major uint16, h tcnl.Handle) (slice.ID, bool) {
	n := h.Major() - major
	return slice.ID(n), n <= uint16(slice.MaxID) && slice.ID(n).Valid() && h.Minor() == 0
}

// bookDrops reads the drops of qdiscs that may be replaced in a moment.
func (s *Shaper) bookDrops() {
	if _, _, err := s.leaves(); err != nil {
		s.log.Error("drops_not_booked", "error", err)
	}
}
