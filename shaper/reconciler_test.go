package shaper

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/internal/slice"
	"github.com/slicegate/slicegate/internal/tcnl"
)

func TestFirstApplyShapesBothWays(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	r := f.reconciler(t)
	must(t, r.Set(t.Context(), cfg))
	f.settings(t, cfg)
	select {
	case <-r.Ready():
	default:
		t.Error("not ready after the first apply")
	}
	planIsEmpty(t, r, cfg)
	f.flows(t)

	want := []UplinkState{{
		Name: "fibre", Interface: "wan0", State: StateShaped,
		Ifindex: f.link(t, "wan0").Attrs().Index, IfbIndex: f.link(t, "ifb-fibre").Attrs().Index,
	}}
	if diff := cmp.Diff(want, r.State()); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	if p := r.Problems(); len(p) != 0 {
		t.Errorf("problems %+v", p)
	}
	for _, dev := range []string{"wan0", "ifb-fibre"} {
		if n := f.leaf(t, dev, 3).Stats.Packets; n < 20 { // datagrams that nothing recognises are media
			t.Errorf("%s: %d packets went through media's queue", dev, n)
		}
		classes := f.tc(t, "class", "show", "dev", dev)
		for _, line := range []string{
			"class htb 5c1e:1 root rate ",
			"class htb 5c1e:11 parent 5c1e:1 leaf 5c21: prio 0 ",
			"class htb 5c1e:12 parent 5c1e:1 leaf 5c22: prio 1 ",
			"class htb 5c1e:22 parent 5c1e:1 rate ",
			"class htb 5c1e:13 parent 5c1e:22 leaf 5c23: prio 2 rate 8Kbit ",
			"class htb 5c1e:14 parent 5c1e:22 leaf 5c24: prio 2 rate 8Kbit ",
		} {
			if !strings.Contains(classes, line) {
				t.Errorf("%s: no %q in\n%s", dev, line, classes)
			}
		}
	}
}

// leaf is a slice's queue on a device.
func (f *field) leaf(t testing.TB, dev string, id slice.ID) tcnl.Qdisc {
	t.Helper()
	for _, q := range f.qdiscs(t, dev) {
		if q.Handle == leafHandle(id) {
			return q
		}
	}
	t.Fatalf("%s has no queue of slice %d", dev, id)
	return tcnl.Qdisc{}
}

// qdiscs are those of a device.
func (f *field) qdiscs(t testing.TB, dev string) []tcnl.Qdisc {
	t.Helper()
	conn, err := tcnl.Dial(f.box.Fd())
	must(t, err)
	defer conn.Close()
	qdiscs, err := conn.Qdiscs()
	must(t, err)
	ifindex := f.link(t, dev).Attrs().Index
	return slices.DeleteFunc(qdiscs, func(q tcnl.Qdisc) bool { return q.Ifindex != ifindex })
}

func TestAnUnchangedSystemIsNotWritten(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	r := f.reconciler(t)
	must(t, r.Set(t.Context(), cfg))
	r.kernel.fault = func(s Step) error {
		t.Errorf("wrote: %s", s)
		return nil
	}
	must(t, r.Set(t.Context(), cfg))
	if got := r.Reconciles(); got[Unchanged] != 1 || got[Changed] != 1 || got[Failed] != 0 {
		t.Errorf("reconciles %v", got)
	}
}

// A retune under traffic loses nothing, reorders nothing and makes nothing anew.
func TestRetuneLosesNothing(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	r := f.reconciler(t)
	must(t, r.Set(t.Context(), cfg))
	f.settings(t, cfg)
	s := f.stream(t)
	await(t, "echoes", func() bool { return s.Count() > 50 })
	before := f.leaf(t, "ifb-fibre", 3).Stats.Packets
	r.kernel.fault = func(s Step) error {
		if s.Op != Change {
			t.Errorf("not in place: %s", s)
		}
		return nil
	}
	for i := range 40 {
		cfg.Uplinks[0].Download = slice.Rate(20+i) * slice.Mbit
		cfg.Uplinks[0].Upload = slice.Rate(60-i) * slice.Mbit
		cfg.Uplinks[0].Shares = map[slice.ID]Share{2: {Min: slice.Share{Percent: float64(10 + i)}}}
		must(t, r.Set(t.Context(), cfg))
	}
	sent, lost, ordered := s.End()
	if lost != 0 || !ordered {
		t.Errorf("of %d datagrams %d were lost, in order %v", sent, lost, ordered)
	}
	if after := f.leaf(t, "ifb-fibre", 3).Stats.Packets; after <= before {
		t.Errorf("the queue's counter went from %d to %d", before, after)
	}
	planIsEmpty(t, r, cfg)
}

// A new agent on the maps of the old one finds its programs as they should be; one that could not find the maps replaces them in
// place. Nothing is lost either way.
func TestRestartLosesNothing(t *testing.T) {
	for _, found := range []bool{true, false} {
		t.Run(map[bool]string{true: "maps found", false: "maps not found"}[found], func(t *testing.T) {
			f := newField(t)
			cfg := fieldConfig(t)
			must(t, f.reconciler(t).Set(t.Context(), cfg))
			f.settings(t, cfg)
			s := f.stream(t)
			await(t, "echoes", func() bool { return s.Count() > 50 })

			conn, err := tcnl.Dial(f.box.Fd())
			must(t, err)
			defer conn.Close()
			old, err := AttachedPrograms(conn)
			must(t, err)
			if len(old) != 5 {
				t.Fatalf("attached programs: %v", old)
			}
			if found {
				f.set = f.programs(t, old)
			} else {
				f.set = f.programs(t, nil)
				f.settings(t, cfg)
			}
			r := f.reconciler(t)
			must(t, r.Set(t.Context(), cfg))
			now, err := AttachedPrograms(conn)
			must(t, err)
			if same := cmp.Equal(old, now); same != found {
				t.Errorf("programs were %v, are %v", old, now)
			}
			if sent, lost, ordered := s.End(); lost != 0 || !ordered {
				t.Errorf("of %d datagrams %d were lost, in order %v", sent, lost, ordered)
			}
			planIsEmpty(t, r, cfg)
		})
	}
}

func TestDirectionsGoOffAndOn(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	r := f.reconciler(t)
	for _, tt := range []struct {
		name     string
		down, up slice.Rate
	}{
		{"both", 50 * slice.Mbit, 20 * slice.Mbit},
		{"upload", 0, 20 * slice.Mbit},
		{"none", 0, 0},
		{"download", 50 * slice.Mbit, 0},
		{"both again", 50 * slice.Mbit, 20 * slice.Mbit},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg.Uplinks[0].Download, cfg.Uplinks[0].Upload = tt.down, tt.up
			must(t, r.Set(t.Context(), cfg))
			f.settings(t, cfg)
			f.flows(t)
			planIsEmpty(t, r, cfg)
			_, err := f.box.Links().LinkByName("ifb-fibre")
			if there := err == nil; there != (tt.down > 0) {
				t.Errorf("ifb there: %v", there)
			}
			if there := strings.Contains(f.tc(t, "qdisc", "show", "dev", "wan0"), "htb 5c1e: root"); there != (tt.up > 0) {
				t.Errorf("upload's tree there: %v", there)
			}
		})
	}
}

func TestMTUIsFollowed(t *testing.T) {
	f := newField(t)
	for _, end := range [][2]string{{"guest", "eth0"}, {"internet", "eth0"}, {"box", "lan0"}} {
		links := f.ns(end[0]).Links()
		link, err := links.LinkByName(end[1])
		must(t, err)
		must(t, links.LinkSetMTU(link, 9000))
	}
	cfg := fieldConfig(t)
	r := f.reconciler(t)
	run(t, r)
	must(t, r.Set(t.Context(), cfg))
	f.settings(t, cfg)
	if f.link(t, "ifb-fibre").Attrs().MTU != 1500 {
		t.Fatal("the test begins with what it should lead to")
	}
	must(t, f.box.Links().LinkSetMTU(f.link(t, "wan0"), 9000))
	await(t, "the ifb's MTU follows", func() bool { return f.link(t, "ifb-fibre").Attrs().MTU == 9000 })
	await(t, "the plan is empty", func() bool { p, err := r.Plan(t.Context(), cfg); return err == nil && p.Empty() })
	if !f.echoes(t, 8900, 10*time.Second) {
		t.Error("a datagram of 8900 bytes does not pass both trees")
	}
}

func TestBrokenMemoryIsRefused(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "roots.json"), []byte("{"), 0o644))
	_, err := NewReconciler(nil, ReconcilerConfig{StateDir: dir}, nil)
	if err == nil || !strings.Contains(err.Error(), "roots.json") {
		t.Errorf("got %v", err)
	}
}
