package main

import (
	"strings"
	"syscall"
	"testing"

	"github.com/slicegate/slicegate/internal/api"
	"github.com/slicegate/slicegate/internal/lab/built"
	"github.com/slicegate/slicegate/internal/nettest"
)

// offered adds up what all slices were offered in one direction.
func offered(st api.Status, direction string) (packets uint64) {
	for _, s := range st.Slices {
		if s.Direction == direction {
			packets += s.Packets
		}
	}
	return packets
}

// An agent of another layout is replaced while packets pass: none is lost, each is counted once, and the trees stay.
func TestTakeoverBetweenVersions(t *testing.T) {
	b := newBox(t)
	attendee := nettest.NewT(t)
	must(t, nettest.Veth(attendee, "eth0", b.ns, "lan0"))
	must(t, attendee.Addr("eth0", "10.0.0.2/24"))
	must(t, attendee.Route("default", "10.0.0.1"))
	must(t, b.ns.Addr("lan0", "10.0.0.1/24"))
	must(t, b.ns.Addr("wan0", "198.51.100.2/24"))
	must(t, b.ns.Forward())
	must(t, b.ns.Masquerade("wan0"))
	must(t, b.peer.Addr("wan0", "198.51.100.1/24"))
	nettest.Echo(t, b.peer, "198.51.100.1:7")
	b.write(strings.Replace(oneUplink, "venue0", "lan0", 1))

	b.startProgram(built.Program(t, built.OtherSliced))
	s := nettest.NewStream(t, attendee, "198.51.100.1:7")
	b.until("counting", func(st api.Status) bool { return s.Count() > 1000 && offered(st, api.Down) > 1000 })
	must(t, b.client.SetSlice(t.Context(), api.SliceChange{Name: "media", Max: "90%"}))
	before := b.shownQdisc("wan0", "5c1e:").Packets
	b.kill(syscall.SIGKILL)
	b.start()
	if !strings.Contains(b.log.String(), "taking_over") {
		t.Error("nothing was taken over")
	}
	st := b.status()
	for _, dir := range []string{api.Up, api.Down} {
		if n := offered(st, dir); n < 1000 {
			t.Errorf("%s: %d packets counted, want those of before among them", dir, n)
		}
	}
	back := s.Count()
	b.until("passing packets", func(api.Status) bool { return s.Count() >= back+500 })
	sent, lost, ordered := s.End()
	if lost != 0 || !ordered {
		t.Errorf("of %d datagrams %d were lost, in order %v", sent, lost, ordered)
	}
	if after := b.shownQdisc("wan0", "5c1e:").Packets; after < before+500 {
		t.Errorf("the tree sent %d packets before and %d after: it is another one", before, after)
	}
	b.until("let go", func(api.Status) bool { return strings.Contains(b.log.String(), "taken_over") })
	st = b.status()
	for _, dir := range []string{api.Up, api.Down} {
		if n := offered(st, dir); n < uint64(sent) || n > uint64(sent)+50 { // neighbours look for each other meanwhile
			t.Errorf("%s: %d packets counted, %d sent", dir, n, sent)
		}
	}
}
