package shaper

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/slice"
)

// unrun opens a shaper in the box, which nobody runs.
func (b *testBox) unrun() *Shaper {
	b.t.Helper()
	var s *Shaper
	must(b.t, b.box.Do(func() (err error) {
		s, err = Open(slog.New(slog.DiscardHandler), b.stateDir)
		return err
	}))
	b.t.Cleanup(func() { must(b.t, s.Close()) })
	return s
}

// Snapshots and recycling have clocks that strike together once a minute: devices have a speed then as well.
func TestSpeedsOutliveTheMinute(t *testing.T) {
	s := newBox(t).unrun()
	now, err := coarseNow() // long after a start of the machine, a device that was last seen then is away
	must(t, err)
	must(t, s.devices.table.Put(bpf.DeviceKey{Addr: bpf.Address(netip.MustParseAddr("10.9.4.7"))}, bpf.Device{Seen: now, Index: 1}))
	count := func(bytes uint64) {
		perCPU := make([]bpf.DirectionBytes, s.devices.cpus)
		perCPU[0].Bytes[slice.Up] = bytes
		must(t, s.devices.bytes.Put(uint32(1), perCPU))
	}
	count(1000)
	shots, recycles := make(chan time.Time), make(chan time.Time)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { s.bookTurns(ctx, shots, recycles); close(ended) }()
	shots <- time.Now()
	recycles <- time.Now()
	recycles <- time.Now() // heard when the turn before is over
	cancel()
	<-ended
	count(1000 + 10_000)
	got, err := s.heaviestDevices(s.history.shots[0].at.Add(time.Second), 1)
	must(t, err)
	if len(got) != 1 || got[0].Used[slice.Up] != 80_000 {
		t.Errorf("got %+v, want 10 kB in 1 s", got)
	}
}
