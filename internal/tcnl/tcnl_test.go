package tcnl_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"

	"github.com/slicegate/slicegate/internal/nettest"
	"github.com/slicegate/slicegate/internal/tcnl"
)

// bench is a namespace with a veth pair, and a socket in it.
type bench struct {
	*nettest.NS
	conn    *tcnl.Conn
	ifindex int // of "a"
}

func newBench(t *testing.T, features ...string) bench {
	t.Helper()
	nettest.Require(t, append(features, "root", "netns", "veth")...)
	ns := nettest.NewT(t)
	if err := nettest.Veth(ns, "a", ns, "b"); err != nil {
		t.Fatal(err)
	}
	conn, err := tcnl.Dial(ns.Fd())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	link, err := ns.Links().LinkByName("a")
	if err != nil {
		t.Fatal(err)
	}
	return bench{NS: ns, conn: conn, ifindex: link.Attrs().Index}
}

func (b bench) tc(t *testing.T, args ...string) string {
	t.Helper()
	out, err := b.Output("tc", args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// must fails the test over what has no business to fail.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const root = tcnl.Handle(0x5c1e0000)

func (b bench) root(def uint32) tcnl.Qdisc {
	return tcnl.Qdisc{Ifindex: b.ifindex, Handle: root, Parent: tcnl.Root, Options: tcnl.HTB{Default: def}}
}

func (b bench) class(minor, parent tcnl.Handle, bytesPerSecond uint64) tcnl.Class {
	rate := tcnl.Rate{BytesPerSecond: bytesPerSecond, LinkLayer: tcnl.Ethernet}
	return tcnl.Class{
		Ifindex: b.ifindex, Handle: root + minor, Parent: root + parent, Kind: "htb",
		HTB: tcnl.HTBClass{Rate: rate, Ceil: rate, Burst: 1562, CeilBurst: 3906, Quantum: 1514, Prio: 2},
	}
}

// written compares what was written with what is dumped back.
func (b bench) written(t *testing.T, qdiscs []tcnl.Qdisc, classes []tcnl.Class) {
	t.Helper()
	all, err := b.conn.Qdiscs()
	must(t, err)
	var here []tcnl.Qdisc
	for _, q := range all {
		if q.Ifindex == b.ifindex && q.Handle != 0 {
			here = append(here, q)
		}
	}
	order := cmpopts.SortSlices(func(x, y tcnl.Qdisc) bool { return x.Handle < y.Handle })
	if diff := cmp.Diff(qdiscs, here, order, cmpopts.IgnoreFields(tcnl.Qdisc{}, "Stats", "Data")); diff != "" {
		t.Errorf("qdiscs (-written +dumped):\n%s", diff)
	}
	have, err := b.conn.Classes(b.ifindex)
	must(t, err)
	classOrder := cmpopts.SortSlices(func(x, y tcnl.Class) bool { return x.Handle < y.Handle })
	htb := cmpopts.IgnoreFields(tcnl.HTBClass{}, "Level")
	var ours []tcnl.Class
	for _, c := range have {
		if c.Kind == "htb" {
			ours = append(ours, c)
		}
	}
	ignored := cmpopts.IgnoreFields(tcnl.Class{}, "Stats")
	if diff := cmp.Diff(classes, ours, classOrder, htb, ignored); diff != "" {
		t.Errorf("classes (-written +dumped):\n%s", diff)
	}
}

func TestTreeIsDumpedAsWritten(t *testing.T) {
	b := newBench(t, "htb", "tbf")
	q := b.root(0x13)
	leaf := tcnl.Qdisc{
		Ifindex: b.ifindex, Handle: 0x5c23 << 16, Parent: root + 0x13,
		Options: tcnl.TBF{Rate: tcnl.Rate{BytesPerSecond: 125e9, LinkLayer: tcnl.Ethernet}, Burst: 1600, Limit: 150_000},
	}
	link := b.class(1, 0, 2_500_000)
	link.Parent = tcnl.Root
	inner := b.class(0x13, 1, 1_000)
	must(t, b.conn.AddQdisc(q))
	must(t, b.conn.AddClass(link))
	must(t, b.conn.AddClass(inner))
	must(t, b.conn.AddQdisc(leaf))

	rounded := leaf
	rounded.Options = tcnl.TBF{Rate: tcnl.Rate{BytesPerSecond: 125e9, LinkLayer: tcnl.Ethernet}, Limit: 150_000}
	b.written(t, []tcnl.Qdisc{q, rounded}, []tcnl.Class{link, inner})

	inner.HTB.Rate = tcnl.Rate{BytesPerSecond: 6e9, Overhead: 22, MPU: 64, LinkLayer: tcnl.ATM} // above 32 bits
	inner.HTB.Ceil = tcnl.Rate{BytesPerSecond: 7e9, Overhead: 22, MPU: 64, LinkLayer: tcnl.ATM}
	inner.HTB.Prio, inner.HTB.Quantum = 0, 9084
	must(t, b.conn.ChangeClass(inner))
	slow := tcnl.TBF{Rate: tcnl.Rate{BytesPerSecond: 1_000_000, LinkLayer: tcnl.Ethernet}, Burst: 16_000, Limit: 200_000}
	leaf.Options = slow
	must(t, b.conn.ChangeQdisc(leaf))
	b.written(t, []tcnl.Qdisc{q, leaf}, []tcnl.Class{link, inner})
	t.Logf("%s%s", b.tc(t, "qdisc", "show", "dev", "a"), b.tc(t, "class", "show", "dev", "a"))

	must(t, b.conn.DeleteQdisc(leaf))
	must(t, b.conn.DeleteClass(inner))
	must(t, b.conn.DeleteQdisc(q))
	b.written(t, nil, nil)
}

func TestUnknownKindsAreDumpedRaw(t *testing.T) {
	b := newBench(t)
	b.tc(t, "qdisc", "add", "dev", "a", "root", "handle", "7:", "pfifo", "limit", "77")
	all, err := b.conn.Qdiscs()
	must(t, err)
	var found tcnl.Qdisc
	for _, q := range all {
		if q.Handle == 0x70000 {
			found = q
		}
	}
	if found.Kind() != "pfifo" {
		t.Fatalf("dumped %v", all)
	}
	must(t, b.conn.DeleteQdisc(found))
	must(t, b.conn.AddQdisc(found))
	if out := b.tc(t, "qdisc", "show", "dev", "a"); !strings.Contains(out, "pfifo 7: root") || !strings.Contains(out, "limit 77p") {
		t.Errorf("put back as %s", out)
	}
}

func TestErrorsSayWhatWasTried(t *testing.T) {
	b := newBench(t, "htb")
	q := b.root(0)
	must(t, b.conn.AddQdisc(q))
	for _, tt := range []struct {
		name  string
		err   error
		errno error
		says  []string
	}{
		{"already there", b.conn.AddQdisc(q), unix.EEXIST, []string{"add qdisc htb 5c1e: parent root", "Exclusivity"}},
		{"no such kind", b.conn.AddQdisc(tcnl.Qdisc{
			Ifindex: b.ifindex, Handle: 0x10000, Parent: root + 5, Options: tcnl.Raw{Name: "nonesuch"},
		}), unix.ENOENT, []string{"nonesuch 1:"}},
		{"no such class", b.conn.ChangeClass(b.class(0x11, 0x1, 1000)), unix.ENOENT, []string{"change class 5c1e:11"}},
		{"no such interface", b.conn.DeleteQdisc(tcnl.Qdisc{Ifindex: 4242, Parent: tcnl.Root}), unix.ENODEV, []string{"ifindex 4242"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !errors.Is(tt.err, tt.errno) {
				t.Fatalf("got %v, want %v", tt.err, tt.errno)
			}
			for _, s := range tt.says {
				if !strings.Contains(tt.err.Error(), s) {
					t.Errorf("%q does not say %q", tt.err, s)
				}
			}
		})
	}
}

// Of a batch the kernel does all that it does not refuse, and the socket is in step afterwards.
func TestChangeAll(t *testing.T) {
	b := newBench(t, "htb", "tbf")
	must(t, b.conn.AddQdisc(b.root(0)))
	link := b.class(1, 0, 2_000_000)
	link.Parent = tcnl.Root
	must(t, b.conn.AddClass(link))
	leaf := tcnl.Qdisc{
		Ifindex: b.ifindex, Handle: 0x5c23 << 16, Parent: root + 1,
		Options: tcnl.TBF{Rate: tcnl.Rate{BytesPerSecond: 125e9, LinkLayer: tcnl.Ethernet}, Burst: 1600, Limit: 150_000},
	}
	must(t, b.conn.AddQdisc(leaf))
	// The refused ones come first, in the middle and last, and there are more than fit one batch.
	missing := b.class(0x99, 1, 1_000_000)
	for _, n := range []int{0, 1, 50, 60, 61, 62, 63, 64, 200} {
		batch := []tcnl.Changeable{missing}
		for i := range n {
			link.HTB.Rate.BytesPerSecond = uint64(1_000_000 + i)
			batch = append(batch, link)
			if i%7 == 3 {
				batch = append(batch, missing)
			}
		}
		changed := leaf
		changed.Options = tcnl.TBF{Rate: tcnl.Rate{BytesPerSecond: 125e9, LinkLayer: tcnl.Ethernet}, Burst: 1600, Limit: uint32(100_000 + n)}
		batch = append(batch, missing, changed, missing)
		if err := b.conn.ChangeAll(batch); !errors.Is(err, unix.ENOENT) {
			t.Fatalf("%d objects: got %v, want ENOENT", len(batch), err)
		}
		must(t, b.conn.ChangeAll(nil))
		changed.Options = tcnl.TBF{Rate: tcnl.Rate{BytesPerSecond: 125e9, LinkLayer: tcnl.Ethernet}, Limit: uint32(100_000 + n)}
		b.written(t, []tcnl.Qdisc{b.root(0), changed}, []tcnl.Class{link})
	}
}

// A dump that takes more than one message comes whole, and leaves nothing for the next question.
func TestDumpInParts(t *testing.T) {
	b := newBench(t, "htb")
	must(t, b.conn.AddQdisc(b.root(0)))
	const count = 500 // of 200 bytes and more, where the kernel hands over at most 32 KiB at once
	for i := range tcnl.Handle(count) {
		must(t, b.conn.AddClass(b.class(1+i, 0, 1000)))
	}
	for range 2 {
		classes, err := b.conn.Classes(b.ifindex)
		must(t, err)
		seen := make(map[tcnl.Handle]bool)
		for _, c := range classes {
			seen[c.Handle] = true
		}
		if len(classes) != count || len(seen) != count {
			t.Errorf("%d classes are dumped as %d, %d of them different", count, len(classes), len(seen))
		}
	}
}

func TestGoneInterfaceDumpsNothing(t *testing.T) {
	b := newBench(t)
	classes, err := b.conn.Classes(4242)
	if err != nil || len(classes) != 0 {
		t.Errorf("classes: %v, %v", classes, err)
	}
	filters, err := b.conn.Filters(4242, tcnl.HookIngress)
	if err != nil || len(filters) != 0 {
		t.Errorf("filters: %v, %v", filters, err)
	}
	filters, err = b.conn.Filters(b.ifindex, tcnl.HookIngress)
	if err != nil || len(filters) != 0 {
		t.Errorf("filters without clsact: %v, %v", filters, err)
	}
}

func TestHasQdisc(t *testing.T) {
	b := newBench(t, "htb", "clsact")
	for _, occupied := range []bool{false, true} {
		for kind, want := range map[string]bool{
			"htb": true, "tbf": true, "bfifo": true, "nonesuch": false,
			"fq_codel": nettest.Have("fq_codel") == nil, "cake": nettest.Have("cake") == nil,
		} {
			if got, err := b.conn.HasQdisc(kind); got != want || err != nil {
				t.Errorf("%s, clsact on lo %v: %v, %v; want %v", kind, occupied, got, err, want)
			}
		}
		out := b.tc(t, "qdisc", "show", "dev", "lo")
		if occupied != strings.Contains(out, "clsact ffff:") || !strings.Contains(out, "noqueue 0: root") {
			t.Errorf("probing left %s", out)
		}
		if !occupied {
			b.tc(t, "qdisc", "add", "dev", "lo", "clsact")
		}
	}
}
