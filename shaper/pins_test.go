package shaper

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/slice"
)

func newTestPins(t *testing.T) (*pins, *bpf.Set) {
	t.Helper()
	set := newSet(t)
	box, err := newBoxConfig(set)
	if err != nil {
		t.Fatal(err)
	}
	return newPins(set, box.pinned, func(tag slice.Tag) uint8 { return uint8(len(tag)) }), set
}

func udp(local, remote string) slice.Flow {
	f := slice.Flow{Proto: slice.UDP, Local: netip.MustParseAddrPort(local)}
	if remote != "" {
		f.Remote = netip.MustParseAddrPort(remote)
	}
	return f
}

// kernelPins lists what the programs see.
func kernelPins(t testing.TB, set *bpf.Set) map[slice.Flow]bpf.Pin {
	t.Helper()
	var key bpf.FlowKey
	var value bpf.Pin
	got := make(map[slice.Flow]bpf.Pin)
	entries := set.Maps["pins"].Iterate()
	for entries.Next(&key, &value) {
		f := bpf.FlowOf(key)
		if f.Remote.Port() == 0 {
			f.Remote = netip.AddrPort{}
		}
		got[f] = value
	}
	if err := entries.Err(); err != nil {
		t.Fatal(err)
	}
	return got
}

func settings(t *testing.T, set *bpf.Set) (s bpf.Settings) {
	t.Helper()
	if err := set.Maps["box"].Lookup(uint32(0), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPinCountsItsHolders(t *testing.T) {
	p, set := newTestPins(t)
	f := udp("192.0.2.1:3478", "198.51.100.7:4000")
	first, err := p.Pin(f, 2, "ab")
	if err != nil {
		t.Fatal(err)
	}
	second, err := p.Pin(f, 2, "ab")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Pin(f, 1, ""); !errors.Is(err, slice.ErrConflict) {
		t.Errorf("pin to another slice: %v, want ErrConflict", err)
	}
	want := map[slice.Flow]bpf.Pin{f: {Slice: 2, Experience: 2, Start: set.Starts}}
	first()
	first() // a release counts once
	if diff := cmp.Diff(want, kernelPins(t, set)); diff != "" {
		t.Errorf("one holder left (-want +got)\n%s", diff)
	}
	before := settings(t, set)
	second()
	if got := kernelPins(t, set); len(got) != 0 {
		t.Errorf("no holder left, but %v", got)
	}
	if after := settings(t, set); after.Pins != 0 || after.Generation == before.Generation {
		t.Errorf("settings after the last release: %d pins, generation %d → %d", after.Pins, before.Generation, after.Generation)
	}
}

func TestPinOfAllAddressesFollowsThem(t *testing.T) {
	p, set := newTestPins(t)
	addrs := func(list ...string) (own []netip.Addr) {
		for _, a := range list {
			own = append(own, netip.MustParseAddr(a))
		}
		return own
	}
	locals := func() map[string]bool {
		m := make(map[string]bool)
		for f := range kernelPins(t, set) {
			m[f.Local.String()] = true
		}
		return m
	}
	if err := p.follow(addrs("192.0.2.1", "2001:db8::1")); err != nil {
		t.Fatal(err)
	}
	release4, err := p.Pin(udp("0.0.0.0:3478", ""), 1, "")
	if err != nil {
		t.Fatal(err)
	}
	release6, err := p.Pin(udp("[::]:3478", ""), 1, "")
	if err != nil {
		t.Fatal(err)
	}
	exact, err := p.Pin(udp("192.0.2.1:3478", ""), 1, "")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]bool{"192.0.2.1:3478": true, "[2001:db8::1]:3478": true}, locals()); diff != "" {
		t.Errorf("at first (-want +got)\n%s", diff)
	}
	if err := p.follow(addrs("192.0.2.9", "2001:db8::1")); err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{"192.0.2.1:3478": true, "192.0.2.9:3478": true, "[2001:db8::1]:3478": true}
	if diff := cmp.Diff(want, locals()); diff != "" {
		t.Errorf("after the address changed (-want +got)\n%s", diff)
	}
	for _, release := range []func(){release4, release6, exact} {
		release()
	}
	if got := locals(); len(got) != 0 {
		t.Errorf("all released, but %v", got)
	}
}

var errPublish = errors.New("not published")

// A pin that the programs could not be told of is nowhere.
func TestPinThatCanNotBePublished(t *testing.T) {
	p, set := newTestPins(t)
	publish := p.publish
	p.publish = func(int) error { return errPublish }
	f := udp("192.0.2.1:3478", "198.51.100.7:4000")
	if _, err := p.Pin(f, 2, ""); !errors.Is(err, errPublish) {
		t.Errorf("pin: %v", err)
	}
	if got := kernelPins(t, set); len(got) != 0 || len(p.entries) != 0 {
		t.Errorf("in the kernel %v, in the books %v", got, p.entries)
	}
	p.publish = publish
	if _, err := p.Pin(f, 1, ""); err != nil {
		t.Errorf("to another slice: %v", err)
	}
}

// A pin that can't follow the box's addresses stays where it was, is told of once, and catches up.
func TestPinCatchesUpWithAddresses(t *testing.T) {
	for name, hinder := range map[string]func(t *testing.T, p *pins) (end func()){
		"not published": func(_ *testing.T, p *pins) func() {
			publish := p.publish
			p.publish = func(int) error { return errPublish }
			return func() { p.publish = publish }
		},
		"conflict": func(t *testing.T, p *pins) func() {
			release, err := p.Pin(udp("192.0.2.9:3478", ""), 2, "")
			must(t, err)
			return release
		},
		"full": func(t *testing.T, p *pins) func() {
			var release func()
			for i := range bpf.MaxPins - 1 {
				f := udp("198.51.100.1:3478", "")
				f.Remote = netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}), 4000)
				var err error
				release, err = p.Pin(f, 2, "")
				must(t, err)
			}
			return release
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, set := newTestPins(t)
			was, is := udp("192.0.2.1:3478", ""), udp("192.0.2.9:3478", "")
			must(t, p.follow([]netip.Addr{was.Local.Addr()}))
			release, err := p.Pin(udp("0.0.0.0:3478", ""), 1, "")
			must(t, err)
			end := hinder(t, p)
			if err := p.follow([]netip.Addr{is.Local.Addr()}); err == nil {
				t.Fatal("nothing hinders it")
			}
			publish, published := p.publish, 0
			p.publish = func(n int) error { published++; return publish(n) }
			for range 3 {
				if p.catchUp() {
					t.Error("it says that it has caught up")
				}
			}
			p.publish = publish
			if name != "not published" && published > 0 {
				t.Errorf("flows looked at their pins again %d times, though none had changed", published)
			}
			if n := p.full.Load(); n != 0 {
				t.Errorf("counted %d refusals of what is pinned", n)
			}
			if got := kernelPins(t, set); got[was].Slice != 1 || got[is].Slice == 1 {
				t.Error("it moved")
			}
			end()
			if !p.catchUp() || p.catchUp() {
				t.Error("it does not say, once, that it has caught up")
			}
			if got := kernelPins(t, set); got[is].Slice != 1 || got[was].Slice != 0 {
				t.Error("it has not caught up")
			}
			release()
			if got := kernelPins(t, set); got[is].Slice != 0 {
				t.Error("it is there after its release")
			}
		})
	}
}

func TestFullPinTable(t *testing.T) {
	p, set := newTestPins(t)
	flow := func(i int) slice.Flow {
		return slice.Flow{
			Proto:  slice.UDP,
			Local:  netip.MustParseAddrPort("192.0.2.1:3478"),
			Remote: netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}), 4000),
		}
	}
	var last func()
	for i := range bpf.MaxPins {
		release, err := p.Pin(flow(i), 2, "")
		if err != nil {
			t.Fatalf("pin %d: %v", i, err)
		}
		last = release
	}
	if _, err := p.Pin(flow(bpf.MaxPins), 2, ""); !errors.Is(err, slice.ErrFull) {
		t.Errorf("one too many: %v, want ErrFull", err)
	}
	if n := p.full.Load(); n != 1 {
		t.Errorf("counted %d refusals, want 1", n)
	}
	if got := len(kernelPins(t, set)); got != bpf.MaxPins {
		t.Errorf("%d pins in the kernel, want %d", got, bpf.MaxPins)
	}
	last()
	if _, err := p.Pin(flow(bpf.MaxPins), 2, ""); err != nil {
		t.Errorf("after a release: %v", err)
	}
}

func TestSweepTakesPinsOfEarlierStarts(t *testing.T) {
	p, set := newTestPins(t)
	dead := bpf.KeyOf(udp("192.0.2.1:3478", "198.51.100.7:4000"))
	if err := set.Maps["pins"].Put(dead, bpf.Pin{Slice: 2, Start: set.Starts - 1}); err != nil {
		t.Fatal(err)
	}
	mine := udp("192.0.2.1:3478", "198.51.100.7:4001")
	if _, err := p.Pin(mine, 2, ""); err != nil {
		t.Fatal(err)
	}
	swept, err := p.sweep()
	if err != nil || swept != 1 {
		t.Errorf("swept %d, %v; want 1", swept, err)
	}
	if diff := cmp.Diff(map[slice.Flow]bpf.Pin{mine: {Slice: 2, Start: set.Starts}}, kernelPins(t, set)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestPinRefusesWhatIsNoFlow(t *testing.T) {
	p, _ := newTestPins(t)
	tests := map[string]struct {
		f  slice.Flow
		id slice.ID
	}{
		"no local end":         {slice.Flow{Proto: slice.UDP}, 1},
		"no local port":        {udp("192.0.2.1:0", ""), 1},
		"no such slice":        {udp("192.0.2.1:1", ""), 16},
		"no slice":             {udp("192.0.2.1:1", ""), 0},
		"protocol":             {slice.Flow{Proto: 1, Local: netip.MustParseAddrPort("192.0.2.1:1")}, 1},
		"remote without port":  {udp("192.0.2.1:1", "198.51.100.1:0"), 1},
		"unspecified remote":   {udp("192.0.2.1:1", "0.0.0.0:5"), 1},
		"unspecified remote 6": {udp("[2001:db8::1]:1", "[::]:5"), 1},
	}
	for name, tt := range tests {
		if _, err := p.Pin(tt.f, tt.id, ""); err == nil {
			t.Errorf("%s: pinned", name)
		}
	}
}
