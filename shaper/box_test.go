package shaper

import (
	"context"
	"encoding/binary"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/nettest"
	"github.com/slicegate/slicegate/internal/slice"
)

// testBox is a venue's box between a device and a server, both families, with NAT.
type testBox struct {
	t                   testing.TB
	device, box, server *nettest.NS
	stateDir            string
	shaper              *Shaper
	stop                func()
}

// Addresses of the test's hosts. The box has the .1 of the venue's side and the .2 of the uplink's.
var (
	deviceAddr  = netip.MustParseAddr("10.9.4.7")
	deviceAddr6 = netip.MustParseAddr("fd09:4::7")
	boxAddr     = netip.MustParseAddr("198.51.100.2")
	serverAddr  = netip.MustParseAddr("198.51.100.1")
	serverAddr6 = netip.MustParseAddr("2001:db8::1")
)

func newBox(t testing.TB) *testBox {
	t.Helper()
	nettest.Require(t, "root", "netns", "veth", "htb", "tbf", "ifb", "clsact", "bpf", "nft")
	b := &testBox{t: t, device: nettest.NewT(t), box: nettest.NewT(t), server: nettest.NewT(t), stateDir: t.TempDir()}
	must(t, nettest.Veth(b.device, "eth0", b.box, "venue0"))
	must(t, nettest.Veth(b.box, "wan0", b.server, "eth0"))
	must(t, b.device.Addr("eth0", deviceAddr.String()+"/24", deviceAddr6.String()+"/64"))
	must(t, b.box.Addr("venue0", "10.9.4.1/24", "fd09:4::1/64"))
	must(t, b.box.Addr("wan0", boxAddr.String()+"/24", "2001:db8::2/64"))
	must(t, b.server.Addr("eth0", serverAddr.String()+"/24", serverAddr6.String()+"/64"))
	must(t, b.device.Route("default", "10.9.4.1"))
	must(t, b.device.Route("default", "fd09:4::1"))
	must(t, b.box.Forward())
	must(t, b.box.Masquerade("wan0"))
	return b
}

// config is a box with a fast uplink, so that nothing waits but where a test wants it to.
func (b *testBox) config() Config {
	return Config{
		Venue:       Venue{Interfaces: []string{"venue0"}, MarkMask: 0xff000000},
		Uplinks:     []Uplink{{Name: "fibre", Interface: "wan0", Download: 100 * slice.Mbit, Upload: 100 * slice.Mbit}},
		Slices:      fourSlices(b.t),
		Experiences: []Experience{{Name: "stall-4", Number: 4, Subnets: prefixes("10.9.4.0/24", "fd09:4::/64")}},
	}
}

// start runs an agent's shaper in the box until the test or stop ends it.
func (b *testBox) start(cfg Config) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan error)
	b.open(cfg)
	go func() { done <- b.shaper.Run(ctx) }()
	end := b.stop
	b.stop = sync.OnceFunc(func() {
		cancel()
		must(b.t, <-done)
		end()
	})
	b.t.Cleanup(b.stop)
	select {
	case <-b.shaper.Reconciler().Ready():
	case <-time.After(20 * time.Second):
		b.t.Fatal("the first apply is not done after 20 s")
	}
}

// open makes an agent's shaper, and has it shape the box once.
func (b *testBox) open(cfg Config) {
	b.t.Helper()
	var s *Shaper
	err := b.box.Do(func() (err error) {
		s, err = Open(slog.New(slog.DiscardHandler), b.stateDir)
		return err
	})
	must(b.t, err)
	_, err = s.Number(sliceNames(cfg), uplinkNames(cfg), []string{"stall-4"})
	must(b.t, err)
	must(b.t, s.Set(b.t.Context(), cfg))
	b.shaper = s
	b.stop = sync.OnceFunc(func() { must(b.t, s.Close()) })
	b.t.Cleanup(b.stop)
}

func sliceNames(cfg Config) (names []string) {
	for _, s := range cfg.Slices {
		names = append(names, s.Name)
	}
	return names
}

func uplinkNames(cfg Config) (names []string) {
	for _, u := range cfg.Uplinks {
		names = append(names, u.Name)
	}
	return names
}

// listen opens a UDP socket in a namespace.
func listen(t testing.TB, ns *nettest.NS, addr string) *net.UDPConn {
	t.Helper()
	var conn *net.UDPConn
	must(t, ns.Do(func() (err error) {
		conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr)))
		return err
	}))
	t.Cleanup(func() { conn.Close() })
	return conn
}

// send gives a datagram to the network, and receive waits for one at the other end: the test goes on when it has passed the box.
func send(t testing.TB, from *net.UDPConn, to netip.AddrPort, payload []byte) {
	t.Helper()
	_, err := from.WriteToUDPAddrPort(payload, to)
	must(t, err)
}

func receive(t testing.TB, at *net.UDPConn) (payload []byte, from netip.AddrPort) {
	t.Helper()
	must(t, at.SetReadDeadline(time.Now().Add(20*time.Second)))
	buf := make([]byte, 2048)
	n, from, err := at.ReadFromUDPAddrPort(buf)
	if err != nil {
		t.Fatalf("receive: %v", err)
	}
	return buf[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
}

// rtp is a small RTP packet (RFC 3550, section 5.1).
func rtp(seq uint16) []byte {
	p := binary.BigEndian.AppendUint16([]byte{0x80, 111}, seq)
	p = binary.BigEndian.AppendUint32(p, uint32(seq)*960)
	p = binary.BigEndian.AppendUint32(p, 0x51ce6a7e)
	return append(p, make([]byte, 100)...)
}

// stunBinding is a STUN Binding request (RFC 8489, section 5).
func stunBinding() []byte {
	return append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...)
}

// counts gives what each slice was offered in one direction of all uplinks.
func (b *testBox) counts(dir slice.Direction) map[string]uint64 {
	b.t.Helper()
	m, err := b.shaper.Measure(true)
	must(b.t, err)
	names := make(map[slice.ID]string)
	for _, s := range b.shaper.config().Slices {
		names[s.ID] = s.Name
	}
	got := make(map[string]uint64)
	for _, s := range m.Slices {
		if s.Direction == dir && s.Total.Packets > 0 {
			got[names[s.Slice]] += s.Total.Packets
		}
	}
	return got
}

// devices gives how many devices each slice saw lately.
func (b *testBox) devices() map[Key]int {
	b.t.Helper()
	m, err := b.shaper.Measure(true)
	must(b.t, err)
	got := make(map[Key]int)
	for _, s := range m.Slices {
		got[s.Key] = s.Devices
	}
	return got
}

// grown gives by how many packets each slice grew while fn ran, but for what the hosts say among themselves (ICMPv6).
func (b *testBox) grown(dir slice.Direction, fn func()) map[string]uint64 {
	b.t.Helper()
	before := b.counts(dir)
	fn()
	after := b.counts(dir)
	for name, n := range after {
		if after[name] = n - before[name]; after[name] == 0 {
			delete(after, name)
		}
	}
	return after
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var _ slice.Pinner = (*Shaper)(nil)

// explain explains a flow of the device's.
func (b *testBox) explain(local, remote netip.AddrPort) Explanation {
	b.t.Helper()
	x, err := b.shaper.Explain(slice.Flow{Proto: slice.UDP, Local: local, Remote: remote})
	must(b.t, err)
	return x
}
