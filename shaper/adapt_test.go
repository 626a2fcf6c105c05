package shaper

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/nettest"
	"github.com/slicegate/slicegate/internal/slice"
	"github.com/slicegate/slicegate/internal/tcnl"
)

// What leaves did is told from two looks at the same leaf; what is no download's has no part in it.
func TestViewComparesLeaves(t *testing.T) {
	cfg := Config{Slices: fourSlices(t), Uplinks: []Uplink{{Name: "fibre", Index: 2, Download: 100 * slice.Mbit}}}
	down, up := Key{2, slice.Down, 3}, Key{2, slice.Up, 3}
	leaf := func(drops, packets uint64) leafStats {
		return leafStats{drops: drops, sent: Count{packets * 1000, packets}}
	}
	second := 0
	var v view
	look := func(leaves map[Key]leafStats) slice.Rate {
		second++
		return v.see(cfg, leaves, time.Unix(int64(second), 0))["fibre"].narrowed
	}
	if got := look(map[Key]leafStats{down: leaf(1e6, 1e6)}); got != 0 {
		t.Errorf("the first look narrows by %s", got)
	}
	if got := look(map[Key]leafStats{down: leaf(1e6+2500, 1e6+10_000)}); got != 3*slice.Mbit { // 20 Mbit/s, a quarter of it as yet, and 2 are free
		t.Errorf("2500 drops of 1000 bytes narrow by %s", got)
	}
	for range 10 {
		look(map[Key]leafStats{down: leaf(1e6+2500, 1e6+10_000)})
	}
	other := Key{1, slice.Down, 3}
	for _, step := range []struct {
		name   string
		leaves map[Key]leafStats
	}{
		{"gone", map[Key]leafStats{}},
		{"new", map[Key]leafStats{down: leaf(5000, 100)}},
		{"counts go back", map[Key]leafStats{down: leaf(10, 100), up: leaf(1e7, 100), other: leaf(1e7, 100)}},
		{"others drop", map[Key]leafStats{down: leaf(10, 100), up: leaf(2e7, 200), other: leaf(2e7, 200)}},
	} {
		if got := look(step.leaves); got != 0 {
			t.Errorf("%s: narrows by %s", step.name, got)
		}
	}
	cfg.Uplinks[0].Name = "lte"
	if v.see(cfg, nil, time.Unix(1000, 0)); len(v.strains) != 1 {
		t.Errorf("an uplink that went is kept: %v", v.strains)
	}
}

// A queue that was seen empty was no queue to wait behind, and what is urgent is to wait in no case.
func TestQueuesThatWait(t *testing.T) {
	cfg := Config{Slices: fourSlices(t)}
	u := Uplink{Name: "fibre", Index: 2, Download: slice.Mbit}
	for _, test := range []struct {
		name      string
		id        slice.ID
		was, now  uint32
		wantQueue uint32
	}{
		{"a crowd that stays", 3, 500, 400, 400},
		{"a packet by itself", 3, 0, 1, 0},
		{"one that has gone", 3, 1, 0, 0},
		{"calls", 2, 500, 500, 0},
		{"signalling", 1, 500, 500, 0},
	} {
		k := Key{2, slice.Down, test.id}
		before := map[Key]leafStats{k: {queues: test.was}}
		now := map[Key]leafStats{k: {queues: test.now, sent: Count{1e5, 100}}}
		if got := ratesOf(cfg.Slices, u, before, now, time.Second)[test.id].queues; got != test.wantQueue {
			t.Errorf("%s: %d queues, want %d", test.name, got, test.wantQueue)
		}
	}
}

// What a link adds to frames has come down with them.
func TestOverheadComesDownToo(t *testing.T) {
	for _, test := range []struct {
		name     string
		overhead Overhead
		want     float64 // bit/s for 100 frames of 200 bytes each second, as many dropped and waiting
	}{
		{"none", Overhead{}, 300 * 200 * 8},
		{"PPPoE", Overhead{Bytes: 30}, 300 * 230 * 8},
		{"a smallest frame", Overhead{MinFrame: 250}, 300 * 250 * 8},
		{"ATM", Overhead{Bytes: 32, ATM: true}, 300 * 5 * 53 * 8},
	} {
		l := leafStats{drops: 100, backlog: 20_000, sent: Count{20_000, 100}}
		if got := l.since(leafStats{}, time.Second, test.overhead).arrived; got != test.want {
			t.Errorf("%s: %.0f bit/s came down, want %.0f", test.name, got, test.want)
		}
	}
}

// An agent that is told to stop leaves its trees as they are configured: nobody else would widen them.
func TestAStopWidensTheTree(t *testing.T) {
	b := newBox(t)
	cfg := b.config()
	cfg.Uplinks[0].Download, cfg.Uplinks[0].Leaf = 5*slice.Mbit, LeafFIFO
	b.start(cfg)
	server, nat := b.askedFor()
	await(t, "a download that drops is narrower", func() bool {
		for range 2000 {
			send(t, server, nat, make([]byte, 1000))
		}
		return b.linkRate("ifb-fibre") < 5*slice.Mbit
	})
	b.stop()
	out, err := b.box.Output("tc", "class", "show", "dev", "ifb-fibre")
	must(t, err)
	if !strings.Contains(out, "rate 5Mbit ceil 5Mbit") {
		t.Errorf("the tree stays narrow:\n%s", out)
	}
}

// A reaction goes with its uplink: one that comes back is as it is configured.
func TestReactionGoesWithItsUplink(t *testing.T) {
	b := newBox(t)
	cfg := b.config()
	b.open(cfg)
	var v view
	now := time.Now()
	look := func(leaves map[Key]leafStats) {
		now = now.Add(time.Second)
		b.shaper.rec.adapt(t.Context(), v.see(b.shaper.config(), leaves, now))
	}
	down := Key{cfg.Uplinks[0].Index, slice.Down, 3}
	look(map[Key]leafStats{down: {}})
	look(map[Key]leafStats{down: {drops: 5000, sent: Count{8e6, 8000}}})
	if rate := b.linkRate("ifb-fibre"); rate >= cfg.Uplinks[0].Download {
		t.Fatalf("the download is not narrower: %s", rate)
	}
	gone := cfg
	gone.Uplinks = nil
	must(t, b.shaper.Set(t.Context(), gone))
	look(nil)
	must(t, b.shaper.Set(t.Context(), cfg))
	look(nil)
	if rate := b.linkRate("ifb-fibre"); rate != cfg.Uplinks[0].Download {
		t.Errorf("the uplink that came back is at %s", rate)
	}
}

// A download that drops what comes is narrower, and stays so when it is healed or planned for; the upload is not. When nothing is dropped
// any more it has its rate again.
func TestDownloadCountsWhatItDrops(t *testing.T) {
	b := newBox(t)
	cfg := b.config()
	cfg.Uplinks[0].Download, cfg.Uplinks[0].Leaf = 5*slice.Mbit, LeafFIFO
	b.open(cfg) // Run would look for itself
	server, nat := b.askedFor()
	var v view
	began := time.Now()
	look := func(second int) {
		t.Helper()
		leaves, _, err := b.shaper.leaves()
		must(t, err)
		b.shaper.rec.adapt(t.Context(), v.see(b.shaper.config(), leaves, began.Add(time.Duration(second)*time.Second)))
	}
	look(0)
	before := left(t, b.shaper.Reconciler(), cfg)
	for range 5000 {
		send(t, server, nat, make([]byte, 1000))
	}
	look(1)
	down := func() LinkMeasurement {
		m, err := b.shaper.Measure(false)
		must(t, err)
		for _, l := range m.Links {
			if l.Direction == slice.Down {
				return l
			}
		}
		t.Fatal("no download is measured")
		return LinkMeasurement{}
	}
	if l := down(); l.Rate != 5*slice.Mbit || l.Narrowed != 2234*slice.Kbit { // all but what is urgent, and two floors
		t.Errorf("5000 packets a second on %s narrow it by %s", l.Rate, l.Narrowed)
	}
	if rate := b.linkRate("ifb-fibre"); rate != 2766*slice.Kbit {
		t.Errorf("the download's tree is at %s", rate)
	}
	if rate := b.linkRate("wan0"); rate != cfg.Uplinks[0].Upload {
		t.Errorf("the upload's tree is at %s", rate)
	}
	must(t, b.shaper.Reconciler().Set(t.Context(), cfg)) // a look
	if after := left(t, b.shaper.Reconciler(), cfg); before.String() != after.String() {
		t.Errorf("a narrower download is not as it is wanted:\n%s", after)
	}
	for second := range 20 {
		look(2 + second)
	}
	if l, rate := down(), b.linkRate("ifb-fibre"); rate != cfg.Uplinks[0].Download || l.Narrowed != 0 {
		t.Errorf("20 s later it is at %s, narrower by %s", rate, l.Narrowed)
	}
}

// askedFor gives what a device has asked to be sent something: a server's socket, and where to send it.
func (b *testBox) askedFor() (server *net.UDPConn, nat netip.AddrPort) {
	b.t.Helper()
	server = listen(b.t, b.server, "198.51.100.1:6000")
	send(b.t, listen(b.t, b.device, "10.9.4.7:5004"), netip.MustParseAddrPort("198.51.100.1:6000"), []byte("come"))
	_, nat = receive(b.t, server)
	return server, nat
}

// linkRate is that of a tree's top class.
func (b *testBox) linkRate(dev string) slice.Rate {
	b.t.Helper()
	link, err := b.shaper.links.LinkByName(dev)
	must(b.t, err)
	classes, err := b.shaper.conn.Classes(link.Attrs().Index)
	must(b.t, err)
	for _, c := range classes {
		if c.Handle == linkClass {
			return slice.Rate(c.HTB.Ceil.BytesPerSecond * 8)
		}
	}
	b.t.Fatalf("%s has no tree", dev)
	return 0
}

// On a slow link two packets of one device are a long queue already: CoDel leaves them where the provider's queue would have them else.
func TestSlowDownloadHasPatience(t *testing.T) {
	nettest.Require(t, "fq_codel")
	b := newBox(t)
	cfg := b.config()
	cfg.Uplinks[0].Download = 1 * slice.Mbit
	b.start(cfg)
	server, nat := b.askedFor()
	target := func() (longest uint32) {
		qdiscs, err := b.shaper.conn.Qdiscs()
		must(t, err)
		for _, q := range qdiscs {
			if leaf, ok := q.Options.(tcnl.FQCoDel); ok && q.Handle == queueHandle(3) {
				longest = max(longest, leaf.Target)
			}
		}
		return longest
	}
	own := target()
	for range 20 { // CoDel's list keeps a queue that ran empty
		send(t, server, nat, make([]byte, 1000))
		if time.Sleep(100 * time.Millisecond); target() != own {
			t.Fatal("a packet now and then has the leaf wait")
		}
	}
	for range 2000 { // for some seconds: Run looks four times in each
		send(t, server, nat, make([]byte, 1000))
		time.Sleep(time.Millisecond)
	}
	await(t, "a leaf that holds a queue has more patience", func() bool { return target() > own })
	await(t, "an empty one has its own again", func() bool { return target() == own })
}
