package replay

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/nettest"
	"github.com/slicegate/slicegate/internal/replay/pcapfile"
	"github.com/slicegate/slicegate/internal/slice"
)

var (
	query  = append([]byte{0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 7}, "example\x00\x00\x01\x00\x01"...)
	silent = make([]byte, 100)
)

// rtp is an audio packet (RFC 3550, section 5.1).
func rtp(seq int) []byte {
	b := make([]byte, 172)
	b[0], b[1] = 0x80, 111
	binary.BigEndian.PutUint16(b[2:], uint16(seq))
	binary.BigEndian.PutUint32(b[4:], uint32(seq*960))
	binary.BigEndian.PutUint32(b[8:], 0xfeedbeef)
	return b
}

// TestInTheKernel has the kernel's own programs judge both directions, on every link.
func TestInTheKernel(t *testing.T) {
	nettest.Require(t, "root", "bpf", "btf")
	for _, link := range []pcapfile.Link{0, pcapfile.Raw, pcapfile.Cooked, pcapfile.Cooked2} {
		for _, family := range []struct{ phone, server string }{{"10.9.4.7", "192.0.2.33"}, {"2001:db8:4::7", "2001:db8:ffff::33"}} {
			t.Run(fmt.Sprintf("%s %s", link, family.phone), func(t *testing.T) {
				judge, err := Load(slog.New(slog.DiscardHandler))
				if err != nil {
					t.Fatal(err)
				}
				defer judge.Close()
				phone, server := netip.MustParseAddr(family.phone), netip.MustParseAddr(family.server)
				up := func(from, to uint16, proto slice.Proto, payload []byte) packet {
					return packet{from: netip.AddrPortFrom(phone, from).String(), to: netip.AddrPortFrom(server, to).String(),
						proto: proto, payload: payload, link: link}
				}
				down := func(p packet) packet { p.from, p.to = p.to, p.from; return p }
				later := up(5004, 5004, slice.UDP, silent)
				later.fragment = &piece{7, 8, false}
				firstOf := up(5004, 5004, slice.UDP, rtp(4))
				firstOf.fragment = &piece{7, 0, true}
				packets := []packet{
					up(5001, 53, slice.UDP, query), down(up(5001, 53, slice.UDP, query)),
					up(5004, 5004, slice.UDP, silent), down(up(5004, 5004, slice.UDP, rtp(1))),
					up(5004, 5004, slice.UDP, silent), down(up(5004, 5004, slice.UDP, rtp(2))), firstOf, later,
					up(5005, 443, slice.TCP, make([]byte, 20_000)), down(up(5005, 443, slice.TCP, silent)),
				}
				for i := range packets {
					packets[i].at = time.Duration(i) * time.Millisecond
				}
				r, err := Run(judge, captureOf(packets...), Config{Venue: []netip.Prefix{netip.PrefixFrom(phone, 24)}})
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, f := range r.Flows {
					got = append(got, fmt.Sprintln(f.Dst.Port(), SliceName(f.Verdict), bpf.KindName(bpf.Kind(f.Verdict.Kind)),
						bpf.Reason(bpf.Rank(f.Verdict.Rank)), f.Packets, f.SettledAt))
				}
				want := []string{"53 signalling dns structure 2 1\n", "5004 realtime rtp-audio structure 6 4\n", "443 media unknown default 2 1\n"}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}
