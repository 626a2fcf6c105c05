package bpf

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slicegate/slicegate/internal/nettest"
)

// connect makes a TCP connection between namespaces, from and to ports that are given. It is closed with the test.
func (p *plane) connect(from, to *nettest.NS, local, remote netip.AddrPort) (client, server *net.TCPConn) {
	p.t.Helper()
	var l net.Listener
	p.must(to.Do(func() (err error) {
		l, err = net.Listen("tcp", remote.String())
		return err
	}))
	defer l.Close()
	p.must(from.Do(func() error {
		d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(local), Timeout: 10 * time.Second}
		conn, err := d.Dial("tcp", remote.String())
		if err == nil {
			client = conn.(*net.TCPConn)
		}
		return err
	}))
	conn, err := l.Accept()
	p.must(err)
	server = conn.(*net.TCPConn)
	// No port waits for a minute: the next connection has the same.
	p.t.Cleanup(func() {
		client.SetLinger(0)
		client.Close()
		server.Close()
	})
	return client, server
}

// Every row of TCP, by a stack's own segments: what they carry lies in pages, where the programs' direct access does not reach. The
// venue's hook sees them leave a device, the uplink's sees them come in.
func TestSegmentsOfSockets(t *testing.T) {
	nettest.Require(t, "netns", "veth", "clsact")
	p := newPlane(t)
	device, box, far := nettest.NewT(t), nettest.NewT(t), nettest.NewT(t)
	p.must(nettest.Veth(device, "eth0", box, "venue0"))
	p.must(nettest.Veth(far, "eth0", box, "wan0"))
	p.must(device.Addr("eth0", "10.9.4.7/24", "2001:db8:4::7/64"))
	p.must(box.Addr("venue0", "10.9.4.1/24", "2001:db8:4::1/64"))
	p.must(far.Addr("eth0", "192.0.2.33/24", "2001:db8:ffff::33/64"))
	p.must(box.Addr("wan0", "192.0.2.1/24", "2001:db8:ffff::1/64"))
	p.attach(box, "venue0", venueIn)
	p.attach(box, "wan0", uplinkIn)
	for _, end := range []struct {
		name     string
		from     *nettest.NS
		src, dst netip.Addr
		inbound  bool
	}{
		{"ipv4 up", device, netip.MustParseAddr("10.9.4.7"), netip.MustParseAddr("10.9.4.1"), false},
		{"ipv6 up", device, netip.MustParseAddr("2001:db8:4::7"), netip.MustParseAddr("2001:db8:4::1"), false},
		{"ipv4 down", far, netip.MustParseAddr("192.0.2.33"), netip.MustParseAddr("192.0.2.1"), true},
		{"ipv6 down", far, netip.MustParseAddr("2001:db8:ffff::33"), netip.MustParseAddr("2001:db8:ffff::1"), true},
	} {
		for _, r := range segmentRows() {
			t.Run(r.name+" "+end.name, func(t *testing.T) {
				p := p.in(t)
				pk := packet{from: netip.AddrPortFrom(end.src, r.local), to: netip.AddrPortFrom(end.dst, r.remote), proto: protoTCP}
				client, server := p.connect(end.from, box, pk.from, pk.to)
				for _, payload := range r.payloads {
					_, err := client.Write(payload)
					p.must(err)
					// When it has arrived it has passed the hook, and the next is a segment of its own.
					p.must(server.SetReadDeadline(time.Now().Add(10 * time.Second)))
					_, err = io.ReadFull(server, make([]byte, len(payload)))
					p.must(err)
				}
				key := pk.key()
				if end.inbound {
					key = pk.back().key()
				}
				if got := p.learned(key); got != r.want {
					t.Errorf("learned %+v, want %+v", got, r.want)
				}
			})
		}
	}
}

// A stack obeys the clamp in both directions, and the connection works: an offload's unfinished checksum is still one.
func TestClampOfSockets(t *testing.T) {
	nettest.Require(t, "netns", "veth", "clsact")
	p := newPlane(t)
	p.set(func(s *Settings) { s.BestEffort = 1 << media })
	device, box := nettest.NewT(t), nettest.NewT(t)
	p.must(nettest.Veth(device, "eth0", box, "wan0"))
	p.must(device.Addr("eth0", "192.0.2.33/24", "2001:db8:ffff::33/64"))
	p.must(box.Addr("wan0", "192.0.2.1/24", "2001:db8:ffff::1/64"))
	in, out := uplinkIn, uplinkOut
	in.Clamp, out.Clamp = 500, 400
	p.attach(box, "wan0", in)
	p.attach(box, "wan0", out)
	for _, ends := range [][2]string{{"192.0.2.33:40000", "192.0.2.1:50000"}, {"[2001:db8:ffff::33]:40000", "[2001:db8:ffff::1]:50000"}} {
		client, server := p.connect(device, box, addr(ends[0]), addr(ends[1]))
		for _, way := range []struct {
			name     string
			from, to *net.TCPConn
			most     uint32
		}{{"what the box sends", server, client, 500}, {"what it is sent", client, server, 400}} {
			if got := segmentSize(t, way.from); got > way.most || got < way.most-12 { // time stamps take twelve
				t.Errorf("%s, %s: segments of %d bytes, want %d less options", ends[0], way.name, got, way.most)
			}
			go way.from.Write(make([]byte, 20_000))
			p.must(way.to.SetReadDeadline(time.Now().Add(10 * time.Second)))
			_, err := io.ReadFull(way.to, make([]byte, 20_000))
			p.must(err)
		}
	}
}

// segmentSize is what a connection puts into a segment, by what the other end offered.
func segmentSize(t *testing.T, conn *net.TCPConn) uint32 {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var info *unix.TCPInfo
	err = raw.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) })
	if err != nil || info == nil {
		t.Fatalf("TCP_INFO: %v, %v", info, err)
	}
	return info.Snd_mss
}
