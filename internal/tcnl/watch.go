package tcnl

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// What an Event is about.
type What uint8

// Objects that events are about.
const (
	Lost         What = iota // events were lost: anything may have changed
	LinkChanged              // an interface came, went, or changed
	QdiscChanged             // a qdisc was made, changed or removed
	ClassChanged
	FilterChanged
	ActionChanged // a filter's action, by its own number: nobody says whose
)

// Event says that something changed; look at the kernel for what.
type Event struct {
	What    What
	Ifindex int // 0 for Lost and ActionChanged
	Removed bool
}

// Watcher hears of changes that others make.
type Watcher struct {
	nl  *netlink.Conn
	own map[uint32]bool
}

// Listen subscribes to changes of links, qdiscs, classes and filters in a namespace (0 for the current one), but for those that
// the given sockets' own requests cause in traffic control. Events queue from now on, for Run.
func Listen(netnsFd int, own ...*Conn) (*Watcher, error) {
	nl, err := netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{
		NetNS:  netnsFd,
		Groups: 1<<(unix.RTNLGRP_LINK-1) | 1<<(unix.RTNLGRP_TC-1),
	})
	if err != nil {
		return nil, fmt.Errorf("subscribe to traffic control events: %w", err)
	}
	// A burst that does not fit is reported as Lost, so a smaller buffer is no error.
	_ = nl.SetReadBuffer(1 << 20)
	w := &Watcher{nl: nl, own: make(map[uint32]bool)}
	for _, c := range own {
		w.own[c.PortID()] = true
	}
	if err := nl.SetBPF(notFrom(own)); err != nil {
		return nil, errors.Join(fmt.Errorf("leave out own traffic control events: %w", err), nl.Close())
	}
	return w, nil
}

// notFrom lets the kernel keep back what these sockets cause: a change of rates is a dozen events, 20 times a second.
func notFrom(own []*Conn) []bpf.RawInstruction {
	const portOffset = 12 // nlmsg_pid
	program := []bpf.Instruction{bpf.LoadAbsolute{Off: portOffset, Size: 4}}
	for _, c := range own {
		// The load takes network byte order, and netlink has the host's.
		port := binary.BigEndian.Uint32(native.AppendUint32(nil, c.PortID()))
		program = append(program, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: port, SkipTrue: 1}, bpf.RetConstant{Val: 0})
	}
	raw, _ := bpf.Assemble(append(program, bpf.RetConstant{Val: 1 << 30})) // of constants alone: it can't fail
	return raw
}

// Close ends the subscription.
func (w *Watcher) Close() error { return w.nl.Close() }

// Run calls fn for every event until ctx is done, which is no error.
func (w *Watcher) Run(ctx context.Context, fn func(Event)) error {
	stop := context.AfterFunc(ctx, func() { _ = w.nl.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	for {
		messages, err := w.nl.Receive()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, unix.ENOBUFS):
			fn(Event{What: Lost})
			continue
		case err != nil:
			return fmt.Errorf("receive traffic control events: %w", err)
		}
		for _, m := range messages {
			if e, ok := w.event(m); ok {
				fn(e)
			}
		}
	}
}

func (w *Watcher) event(m netlink.Message) (Event, bool) {
	switch m.Header.Type {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		if len(m.Data) < unix.SizeofIfInfomsg {
			return Event{}, false
		}
		ifindex := int(int32(native.Uint32(m.Data[4:])))
		return Event{What: LinkChanged, Ifindex: ifindex, Removed: m.Header.Type == unix.RTM_DELLINK}, true
	}
	if w.own[m.Header.PID] {
		return Event{}, false
	}
	if m.Header.Type == unix.RTM_NEWACTION || m.Header.Type == unix.RTM_DELACTION {
		return Event{What: ActionChanged, Removed: m.Header.Type == unix.RTM_DELACTION}, true
	}
	t, _, ok := parseTcmsg(m.Data)
	if !ok {
		return Event{}, false
	}
	e := Event{Ifindex: t.ifindex}
	switch m.Header.Type {
	case unix.RTM_NEWQDISC, unix.RTM_DELQDISC:
		e.What, e.Removed = QdiscChanged, m.Header.Type == unix.RTM_DELQDISC
	case unix.RTM_NEWTCLASS, unix.RTM_DELTCLASS:
		e.What, e.Removed = ClassChanged, m.Header.Type == unix.RTM_DELTCLASS
	case unix.RTM_NEWTFILTER, unix.RTM_DELTFILTER:
		e.What, e.Removed = FilterChanged, m.Header.Type == unix.RTM_DELTFILTER
	default:
		return Event{}, false
	}
	return e, true
}
