package shaper

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/slice"
)

// charged is what a frame of n bytes costs on a link, as the link's standard has it.
func (o Overhead) charged(n int) int {
	n = max(n+o.Bytes, o.MinFrame)
	if o.ATM {
		n = (n + 47) / 48 * 53
	}
	return n
}

// HTB charges frames what they cost on the link, in both directions, whatever their size: the rate at which they come out says so.
func TestOverheadIsCharged(t *testing.T) {
	const rate = 160 * slice.Kbit // slow, so that a timer's lateness is nothing against a frame's time
	f := newField(t)
	r := f.reconciler(t)
	cfg := fieldConfig(t)
	cfg.Uplinks[0].Download, cfg.Uplinks[0].Upload = rate, rate
	cfg.Uplinks[0].Leaf = LeafFIFO // CoDel would drop what waits so long
	for _, link := range []struct {
		name     string
		overhead Overhead
		frame    int // with its Ethernet header
	}{
		{"nothing", Overhead{}, 100},
		{"ethernet", Overhead{Bytes: 24, MinFrame: 84}, 200},
		{"docsis, smallest frame", Overhead{Bytes: 4, MinFrame: 64}, 43},
		{"pppoe", Overhead{Bytes: 16, MinFrame: 68}, 100},
		{"a smallest frame of its own", Overhead{Bytes: 16, MinFrame: 300}, 100},
		{"atm, last cell full", Overhead{Bytes: 26, ATM: true}, 3*48 - 26},
		{"atm, one byte more", Overhead{Bytes: 26, ATM: true}, 3*48 - 26 + 1},
	} {
		t.Run(link.name, func(t *testing.T) {
			cfg.Uplinks[0].Overhead = link.overhead
			must(t, r.Set(t.Context(), cfg))
			planIsEmpty(t, r, cfg) // the kernel tells of it as it was told
			f.settings(t, cfg)
			want := time.Duration(link.overhead.charged(link.frame)) * 8 * time.Second / time.Duration(rate)
			for _, dir := range []slice.Direction{slice.Up, slice.Down} {
				f.spacing(t, dir.String(), want, func() time.Duration { return f.timeOfFrame(t, dir, link.frame, 1) })
			}
			if link.overhead == (Overhead{}) {
				return // what leaves in one piece is charged right
			}
			f.spacing(t, "up in superpackets", want, func() time.Duration { return f.timeOfFrame(t, slice.Up, link.frame, 4) })
		})
	}
}

// What is split keeps its slice, and is counted once: it passes the hook twice.
func TestWhatIsSplitKeepsItsSlice(t *testing.T) {
	const together, batches, size = 4, 10, 100
	f := newField(t)
	cfg := fieldConfig(t)
	cfg.Uplinks[0].Overhead = Overhead{Bytes: 16}
	server := listen(t, f.internet, internetAddr+":0")
	defer server.Close()
	port := addrOf(server).Port()
	cfg.Rules = []Rule{{Slice: 4, Ports: []PortRange{{Proto: slice.UDP, From: port, To: port}}}}
	must(t, f.reconciler(t).Set(t.Context(), cfg))
	f.settings(t, cfg)
	guest := listen(t, f.guest, guestAddr+":0")
	defer guest.Close()
	segments(t, guest, size)
	var order []byte
	for i := range byte(batches) {
		batch, single := slices.Repeat([]byte{2 * i}, together*size), slices.Repeat([]byte{2*i + 1}, size)
		send(t, guest, addrOf(server), batch)
		send(t, guest, addrOf(server), single)
		order = append(order, append(slices.Repeat([]byte{2 * i}, together), 2*i+1)...)
	}
	var got []byte
	for range order {
		datagram, _ := receive(t, server)
		got = append(got, datagram[0])
	}
	if !bytes.Equal(got, order) {
		t.Errorf("arrived as %v, want %v", got, order)
	}
	if sent := f.link(t, "gso-fibre").Attrs().Statistics.TxPackets; sent != batches*(together+1) {
		t.Errorf("%d packets were split or went along, want %d", sent, batches*(together+1))
	}
	c, err := newCounters(f.set)
	must(t, err)
	offered, err := c.offered(0)
	must(t, err)
	want := Count{Packets: batches * (together + 1), Bytes: batches * (together + 1) * (size + 42)}
	if n := offered[0][Key{Direction: slice.Up, Slice: 4}.index()]; n != want {
		t.Errorf("%+v counted, want %+v", n, want)
	}
	var others uint64 // ARP, and what the box itself says
	for _, id := range []slice.ID{0, 1, 2, 3} {
		others += offered[0][Key{Direction: slice.Up, Slice: id}.index()].Packets
	}
	hooks, err := c.sum("hooks", bpf.MaxHooks)
	must(t, err)
	if others > 10 {
		t.Errorf("%d packets counted in other slices", others)
	}
	if seen := hooks[uplinkHooks]; seen != 2*batches+others {
		t.Errorf("the uplink's hook saw %d packets, want %d", seen, 2*batches+others)
	}
	if stats := f.leaf(t, "wan0", 4).Stats; stats.Packets != batches*(together+1) {
		t.Errorf("the slice's leaf sent %d packets", stats.Packets)
	}
}

// spacing says that frames which are sent all at once come out one by one, each after the time that it should take. Whatever else
// runs on the machine can make it longer, so the best of a few tries counts.
func (f *field) spacing(t *testing.T, how string, want time.Duration, measure func() time.Duration) {
	t.Helper()
	const tries, slack = 4, 0.03
	var seen []string
	for range tries {
		got := measure()
		seen = append(seen, fmt.Sprintf("%.2f ms", got.Seconds()*1e3))
		if ratio := float64(got) / float64(want); ratio > 1-slack && ratio < 1+slack {
			return
		}
	}
	t.Errorf("%s: a frame takes %v, want %.2f ms", how, seen, want.Seconds()*1e3)
}

// timeOfFrame is the mean time between the arrivals of frames that were sent at once, by one or by several in a superpacket.
func (f *field) timeOfFrame(t *testing.T, dir slice.Direction, frame, together int) time.Duration {
	t.Helper()
	const headers, frames, skipped = 14 + 20 + 8, 64, 8
	guest := listen(t, f.guest, guestAddr+":0")
	server := listen(t, f.internet, internetAddr+":0")
	defer guest.Close()
	defer server.Close()
	from, at, to := guest, server, addrOf(server)
	if dir == slice.Down { // the guest opens the way through the NAT
		send(t, guest, to, []byte{0})
		_, to = receive(t, server)
		from, at = server, guest
	}
	if together > 1 {
		segments(t, from, frame-headers)
	}
	for range frames / together {
		send(t, from, to, make([]byte, together*(frame-headers)))
	}
	var began time.Time
	for i := range frames {
		receive(t, at)
		if i == skipped {
			began = time.Now()
		}
	}
	return time.Since(began) / (frames - 1 - skipped)
}

// segments has what is sent from conn cut into datagrams of so many bytes, as late as the kernel can.
func segments(t *testing.T, conn *net.UDPConn, size int) {
	t.Helper()
	raw, err := conn.SyscallConn()
	must(t, err)
	must(t, raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, size) }))
	must(t, err)
}

func addrOf(conn *net.UDPConn) netip.AddrPort {
	return netip.MustParseAddrPort(conn.LocalAddr().String())
}
