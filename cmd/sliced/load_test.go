package main

import (
	"context"
	"encoding/json"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/api"
	"github.com/slicegate/slicegate/internal/nettest"
)

// flood sends 4.5 Mbit/s of no known kind over the uplink, both ways, until the test's end. What it was kept from sending, up to a
// second's, it sends afterwards: on a busy machine it would be less than the links carry.
func (b *box) flood() {
	b.t.Helper()
	must(b.t, b.ns.Addr("wan0", "198.51.100.2/24"))
	must(b.t, b.peer.Addr("wan0", "198.51.100.1/24"))
	near := listen(b.t, b.ns, "198.51.100.2:40000")
	far := listen(b.t, b.peer, "198.51.100.1:50000")
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan struct{})
	b.t.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		payload := []byte(strings.Repeat("x", 1400))
		const perSecond = 400
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		began, sent := time.Now(), 0
		for ctx.Err() == nil {
			<-tick.C
			due := int(time.Since(began) * perSecond / time.Second)
			for sent = max(sent, due-perSecond); sent < due; sent++ { // a full queue may or may not be an error; its drops are what the test counts
				_, _ = near.WriteTo(payload, far.LocalAddr())
				_, _ = far.WriteTo(payload, near.LocalAddr())
			}
		}
	}()
}

func listen(t *testing.T, ns *nettest.NS, addr string) *net.UDPConn {
	t.Helper()
	var conn *net.UDPConn
	must(t, ns.Do(func() (err error) {
		conn, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr)))
		return err
	}))
	t.Cleanup(func() { conn.Close() })
	return conn
}

// row gives a slice in one direction.
func row(st api.Status, direction, name string) (found api.SliceStatus) {
	for _, s := range st.Slices {
		if s.Direction == direction && s.Name == name {
			found = s
		}
	}
	return found
}

// shownQdisc is what the kernel itself has counted of a qdisc.
type shownQdisc struct {
	Handle         string
	Packets, Drops uint64
}

func (b *box) shownQdisc(dev, handle string) shownQdisc {
	b.t.Helper()
	out, err := b.ns.Output("tc", "-s", "-j", "qdisc", "show", "dev", dev)
	must(b.t, err)
	var qdiscs []shownQdisc
	must(b.t, json.Unmarshal([]byte(out), &qdiscs))
	for _, q := range qdiscs {
		if q.Handle == handle {
			return q
		}
	}
	b.t.Fatalf("%s has no qdisc %s:\n%s", dev, handle, out)
	return shownQdisc{}
}

// floodedConfig has slow links, so that a small flood is more than they carry. Media shares its priority with telemetry.
var floodedConfig = strings.ReplaceAll(oneUplink, `"20mbit"`, `"2mbit"`)

// ownPriority gives media a priority of its own: its class gets another parent, and so a new queue.
const ownPriority = `
[[slice]]
name = "signalling"
priority = 0
min = "5%"
max = "20%"
[[slice]]
name = "realtime"
priority = 1
min = "50%"
max = "80%"
[[slice]]
name = "media"
priority = 2
min = "30%"
max = "100%"
default = true
[[slice]]
name = "telemetry"
priority = 3
min = "5%"
max = "100%"
`

// Under load a slice shows delay, speed and drops, and drops never go back: neither when its class is changed in place, nor when its
// queue is replaced, nor those that no status has seen before the replacement.
func TestStatusUnderLoad(t *testing.T) {
	b := newBox(t)
	nettest.Require(t, "btf")
	b.write(floodedConfig)
	b.start()
	b.flood()
	last := make(map[string]uint64)
	// flooded waits until media dropped more packets than before, both ways, and also holds; fewer drops than before fail.
	flooded := func(when string, more uint64, also func(api.Status) bool) {
		t.Helper()
		want := map[string]uint64{api.Up: last[api.Up] + more, api.Down: last[api.Down] + more}
		b.until("dropping "+when, func(st api.Status) bool {
			for direction := range want {
				drops := row(st, direction, "media").Drops
				if drops < last[direction] {
					t.Errorf("%s, %s: drops went back from %d to %d", when, direction, last[direction], drops)
				}
				last[direction] = drops
			}
			return last[api.Up] >= want[api.Up] && last[api.Down] >= want[api.Down] && also(st)
		})
	}
	flooded("at first", 300, func(st api.Status) bool {
		up, down := row(st, api.Up, "media"), row(st, api.Down, "media")
		return up.DelayUS != nil && down.DelayUS != nil && up.DelayUS.P50 > 0 && down.DelayUS.P50 > 0 &&
			st.Uplinks[0].Upload.UsedBPS > 0 && st.Uplinks[0].Download.UsedBPS > 0
	})
	must(t, b.client.SetSlice(t.Context(), api.SliceChange{Name: "media", Max: "60%"}))
	flooded("after slice set", 100, func(st api.Status) bool { return row(st, api.Up, "media").MaxBPS == 1.2e6 })

	time.Sleep(time.Second) // drops that no status has seen must be booked, too
	before := b.shownQdisc("wan0", "5c23:").Drops
	last[api.Up], last[api.Down] = before, b.shownQdisc("ifb-fibre", "5c23:").Drops
	b.write(floodedConfig + ownPriority)
	must(t, b.cmd.Process.Signal(syscall.SIGHUP))
	flooded("after a reload", 100, func(api.Status) bool {
		out, err := b.ns.Output("tc", "class", "show", "dev", "wan0")
		must(t, err)
		return strings.Contains(classLine(out, "5c1e:13"), "parent 5c1e:1 ")
	})
	shown := b.shownQdisc("wan0", "5c23:").Drops
	if total := row(b.status(), api.Up, "media").Drops; total < before+shown {
		t.Errorf("the qdisc showed %d drops and shows %d, the status %d in all: it is still the same one, or they were not booked", before, shown, total)
	}
}
