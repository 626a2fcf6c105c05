package bpf

import (
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/slicegate/slicegate/internal/nettest"
)

// attach puts v's program at an interface's hook, as the agent would; but uplink_in's packets go on.
func (p *plane) attach(ns *nettest.NS, ifname string, v Variant) {
	p.t.Helper()
	fd, err := p.ProgramFD(v)
	p.must(err)
	link, err := ns.Links().LinkByName(ifname)
	p.must(err)
	index := link.Attrs().Index
	p.must(ns.Links().QdiscReplace(&netlink.GenericQdisc{
		QdiscAttrs: netlink.QdiscAttrs{LinkIndex: index, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT},
		QdiscType:  "clsact",
	}))
	parent := uint32(netlink.HANDLE_MIN_INGRESS)
	if v.Role == UplinkEgress || v.Role == VenueEgress {
		parent = netlink.HANDLE_MIN_EGRESS
	}
	p.must(ns.Links().FilterAdd(&netlink.BpfFilter{
		FilterAttrs: netlink.FilterAttrs{LinkIndex: index, Parent: parent, Handle: 1, Priority: 1, Protocol: unix.ETH_P_ALL},
		Fd:          fd, Name: v.Name(), DirectAction: true,
	}))
}

// await gives a flow's entry when its packets, sent a moment ago, have come by.
func (p *plane) await(key FlowKey, packets uint16) *Flow {
	p.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		for _, table := range []string{"flows", "flows_new"} {
			if f := p.flow(table, key); f != nil && f.Packets >= packets {
				return f
			}
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("no entry of %d packets of flow %+v after 10 s; there are %+v", packets, key, p.keys("flows_new"))
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// A batch of datagrams (UDP_SEGMENT) arrives as one packet whose payload is not linear, and whose headers speak of the whole. It is
// looked into as its first datagram, and counts for all: the next batch's sequence number is the next, not 20 further.
func TestBatchOfDatagrams(t *testing.T) {
	nettest.Require(t, "netns", "veth", "clsact")
	p := newPlane(t)
	device, box := nettest.NewT(t), nettest.NewT(t)
	p.must(nettest.Veth(device, "eth0", box, "venue0"))
	p.must(device.Addr("eth0", "10.9.4.7/24", "2001:db8:4::7/64"))
	p.must(box.Addr("venue0", "10.9.4.1/24", "2001:db8:4::1/64"))
	p.attach(box, "venue0", venueIn)
	const size, segments = 300, 20
	for _, test := range []struct {
		name     string
		from, to string
		firsts   []uint16 // sequence numbers
		settled  uint16
	}{
		{"ipv4", "10.9.4.7:40000", "10.9.4.1:50000", []uint16{1, 21, 41}, 2},
		{"ipv6", "[2001:db8:4::7]:40000", "[2001:db8:4::1]:50000", []uint16{1, 21, 41}, 2},
		{"ipv4 after a gap", "10.9.4.7:40000", "10.9.4.1:50000", []uint16{1, 101, 121}, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := p.in(t)
			from, to := addr(test.from), addr(test.to)
			p.must(device.Do(func() error {
				conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(from))
				if err != nil {
					return err
				}
				defer conn.Close()
				if err := segment(conn, size); err != nil {
					return err
				}
				for _, first := range test.firsts {
					var batch []byte
					for _, payload := range stream(segments, first, 1, size) {
						batch = append(batch, payload...)
					}
					if _, err := conn.WriteToUDPAddrPort(batch, to); err != nil {
						return err
					}
				}
				return nil
			}))
			key := packet{from: from, to: to}.key()
			p.await(key, 3)
			if got := p.learned(key); got != audio {
				t.Errorf("learned %+v, want %+v", got, audio)
			}
			if f := p.flow("flows_new", key); f.SettledAt != test.settled || f.Packets != 3 {
				t.Errorf("settled at packet %d of %d, want %d of 3 batches", f.SettledAt, f.Packets, test.settled)
			}
		})
	}
}

// segment makes each write a batch of datagrams of so many bytes.
func segment(conn *net.UDPConn, size int) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), syscall.IPPROTO_UDP, unix.UDP_SEGMENT, size)
	})
	if err != nil {
		return err
	}
	return failed
}
