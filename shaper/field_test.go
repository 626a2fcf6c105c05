package shaper

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netlink"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/nettest"
	"github.com/slicegate/slicegate/internal/slice"
)

// field is a venue in namespaces: a guest, the box and the Internet, with NAT in between.
type field struct {
	guest, box, internet *nettest.NS
	set                  *bpf.Set
	dir                  string
	log                  *slog.Logger
}

const (
	guestAddr    = "10.0.0.2"
	internetAddr = "192.0.2.1"
)

func newField(t testing.TB) *field {
	t.Helper()
	nettest.Require(t, "root", "netns", "veth", "htb", "tbf", "ifb", "clsact", "bpf", "nft")
	f := &field{
		guest: nettest.NewT(t), box: nettest.NewT(t), internet: nettest.NewT(t), dir: t.TempDir(),
		log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, err := range []error{
		nettest.Veth(f.guest, "eth0", f.box, "lan0"),
		nettest.Veth(f.box, "wan0", f.internet, "eth0"),
		f.guest.Addr("eth0", guestAddr+"/24"),
		f.box.Addr("lan0", "10.0.0.1/24"),
		f.box.Addr("wan0", "192.0.2.2/24"),
		f.internet.Addr("eth0", internetAddr+"/24"),
		f.guest.Route("default", "10.0.0.1"),
		f.box.Forward(),
		f.box.Masquerade("wan0"),
	} {
		must(t, err)
	}
	f.set = f.programs(t, nil)
	nettest.Echo(t, f.internet, internetAddr+":7")
	return f
}

// programs opens a set on the maps of attached programs; on new ones if there are none.
func (f *field) programs(t testing.TB, attached []ebpf.ProgramID) *bpf.Set {
	t.Helper()
	set, err := bpf.Open(f.log, attached)
	must(t, err)
	t.Cleanup(func() { set.Close() })
	return set
}

// share reads a percentage or a rate.
func share(t testing.TB, s string) slice.Share {
	t.Helper()
	sh, err := slice.ParseShare(s)
	must(t, err)
	return sh
}

// fourSlices are those of the reference configuration.
func fourSlices(t testing.TB) []Slice {
	t.Helper()
	return []Slice{
		{Name: "signalling", ID: 1, Priority: 0, Min: share(t, "5%"), Max: share(t, "20%")},
		{Name: "realtime", ID: 2, Priority: 1, Min: share(t, "50%"), Max: share(t, "80%")},
		{Name: "media", ID: 3, Priority: 2, Min: share(t, "30%"), Max: share(t, "100%"), Default: true},
		{Name: "telemetry", ID: 4, Priority: 2, Min: share(t, "5%"), Max: share(t, "100%")},
	}
}

func fieldConfig(t testing.TB) Config {
	t.Helper()
	return Config{
		Venue:   Venue{Interfaces: []string{"lan0"}, MarkMask: 0xff000000},
		Uplinks: []Uplink{{Name: "fibre", Interface: "wan0", Download: 50 * slice.Mbit, Upload: 20 * slice.Mbit}},
		Slices:  fourSlices(t),
	}
}

// settings are what the programs read of the box; without them they leave packets alone.
func (f *field) settings(t testing.TB, cfg Config) {
	t.Helper()
	box, err := newBoxConfig(f.set)
	must(t, err)
	must(t, box.configure(cfg))
	var venues []uint32
	for _, dev := range cfg.Venue.Interfaces {
		if link, err := f.box.Links().LinkByName(dev); err == nil {
			venues = append(venues, uint32(link.Attrs().Index))
		}
	}
	must(t, box.interfaces(venues))
}

func (f *field) reconciler(t testing.TB, change ...func(*ReconcilerConfig)) *Reconciler {
	t.Helper()
	cfg := ReconcilerConfig{StateDir: f.dir, Netns: f.box.Fd(), Drift: time.Hour} // no test is to pass by that
	for _, fn := range change {
		fn(&cfg)
	}
	r, err := NewReconciler(f.log, cfg, f.set)
	must(t, err)
	t.Cleanup(func() { r.Close() })
	return r
}

// run follows the kernel until the test ends.
func run(t testing.TB, r *Reconciler) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

// await polls for a condition; the machines are slow and shared. Of a time in which they stand still hardly any counts: what should come
// about had none of it, either.
func await(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for waited := time.Duration(0); waited < 20*time.Second; {
		began := time.Now()
		if cond() {
			return
		}
		time.Sleep(2 * time.Millisecond)
		waited += min(time.Since(began), 250*time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

func (f *field) tc(t testing.TB, args ...string) string {
	t.Helper()
	out, err := f.box.Output("tc", args...)
	must(t, err)
	return out
}

func (f *field) link(t testing.TB, dev string) netlink.Link {
	t.Helper()
	link, err := f.box.Links().LinkByName(dev)
	must(t, err)
	return link
}

func (f *field) stream(t testing.TB) *nettest.Stream {
	t.Helper()
	return nettest.NewStream(t, f.guest, internetAddr+":7")
}

// ns finds a namespace by its name in field.
func (f *field) ns(name string) *nettest.NS {
	return map[string]*nettest.NS{"guest": f.guest, "box": f.box, "internet": f.internet}[name]
}

// echoes reports whether a datagram of n bytes comes back whole within a while; it may take a few.
func (f *field) echoes(t testing.TB, n int, within time.Duration) bool {
	t.Helper()
	var conn *net.UDPConn
	must(t, f.guest.Do(func() (err error) {
		conn, err = net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(netip.MustParseAddrPort(internetAddr+":7")))
		return err
	}))
	defer conn.Close()
	b := make([]byte, n+1)
	for end := time.Now().Add(within); time.Now().Before(end); {
		conn.Write(b[:n])
		conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if got, err := conn.Read(b); err == nil && got == n {
			return true
		}
	}
	return false
}

// flows says that packets pass both ways, and none is lost once neighbours know each other.
func (f *field) flows(t testing.TB) {
	t.Helper()
	if !f.echoes(t, 100, 10*time.Second) {
		t.Error("nothing passes")
		return
	}
	s := f.stream(t)
	await(t, "an echo comes back", func() bool { return s.Count() > 20 })
	if _, lost, ordered := s.End(); lost > 0 || !ordered {
		t.Errorf("%d datagrams lost, in order %v", lost, ordered)
	}
}

// planIsEmpty says that the kernel is as cfg wants it.
func planIsEmpty(t testing.TB, r *Reconciler, cfg Config) {
	t.Helper()
	if p := left(t, r, cfg); !p.Empty() {
		t.Errorf("left to do:\n%s", p)
	}
}

// left is what a configuration would take yet.
func left(t testing.TB, r *Reconciler, cfg Config) Plan {
	t.Helper()
	p, err := r.Plan(t.Context(), cfg)
	must(t, err)
	return p
}
