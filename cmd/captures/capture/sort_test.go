package capture

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/internal/replay/corpus"
	"github.com/slicegate/slicegate/internal/replay/pcapfile"
	"github.com/slicegate/slicegate/internal/slice"
)

// datagram makes an IPv4 packet of UDP from 10.7.1.2 to 192.0.2.2, or back.
func datagram(from, to uint16, back bool, payload []byte) pcapfile.Packet {
	b := make([]byte, 28, 28+len(payload))
	b[0], b[9] = 0x45, byte(slice.UDP)
	binary.BigEndian.PutUint16(b[2:], uint16(28+len(payload)))
	near, far := []byte{10, 7, 1, 2}, []byte{192, 0, 2, 2}
	if back {
		near, far = far, near
	}
	copy(b[12:], near)
	copy(b[16:], far)
	binary.BigEndian.PutUint16(b[20:], from)
	binary.BigEndian.PutUint16(b[22:], to)
	b = append(b, payload...)
	return pcapfile.Packet{Time: time.Unix(0, 0).UTC(), Link: pcapfile.Raw, Data: b, Length: len(b)}
}

// Payloads, as they begin.
var (
	stunBytes = []byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	dtlsBytes = []byte{22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0}
	rtpBytes  = []byte{0x80, 111, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 1, 2, 3}
	rtcpBytes = []byte{0x80, 200, 0, 1, 0, 0, 0, 7}
)

func flowOf(t *testing.T, port uint16, payloads ...[]byte) *corpus.Seen {
	t.Helper()
	var packets []pcapfile.Packet
	for _, b := range payloads {
		packets = append(packets, datagram(1000, port, false, b))
	}
	flows := corpus.Split(packets)
	if len(flows) != 1 {
		t.Fatalf("%d flows", len(flows))
	}
	return flows[0]
}

func channel(inner []byte) []byte {
	return append([]byte{0x40, 0, byte(len(inner) >> 8), byte(len(inner))}, inner...)
}

func TestJudges(t *testing.T) {
	for _, test := range []struct {
		name     string
		judge    func(*corpus.Seen) label
		payloads [][]byte
		want     label
	}{
		{"a call", call("rtp-audio", "c"), [][]byte{stunBytes, dtlsBytes, rtcpBytes, rtpBytes, rtpBytes}, label{slice.Realtime, "rtp-audio", "c", 4}},
		{"a call of data", call("rtp-audio", "c"), [][]byte{stunBytes, dtlsBytes}, label{slice.Signalling, "dtls", "c, data alone", 1}},
		{"a call's checks", call("rtp-audio", "c"), [][]byte{stunBytes, stunBytes}, label{slice.Signalling, "stun", "c, checks alone", 1}},
		{"a call that must carry media", mustCarry(slice.Realtime, call("rtp-audio", "c")), [][]byte{stunBytes},
			label{slice.Signalling, "stun", "c, checks alone", 0}},
		{"turn with media", turn("t"), [][]byte{stunBytes, channel(stunBytes), channel(dtlsBytes), channel(rtcpBytes), channel(rtpBytes)},
			label{slice.Realtime, "turn", "t", 5}},
		{"turn with control of media", turn("t"), [][]byte{stunBytes, channel(rtcpBytes)}, label{slice.Signalling, "turn", "t, rtcp", 2}},
		{"turn with something", turn("t"), [][]byte{stunBytes, channel([]byte("hello"))}, label{media, "turn", "t, opaque data", 2}},
		{"turn with nothing", turn("t"), [][]byte{stunBytes, channel(stunBytes)}, label{slice.Signalling, "turn", "t, control alone", 1}},
		{"turn with what looks like media", opaque("t"), [][]byte{stunBytes, channel(rtpBytes)}, label{media, "turn", "t", 2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := test.judge(flowOf(t, 3478, test.payloads...))
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(label{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestRelayedTCP has messages that are cut anywhere, padded, and sent twice.
func TestRelayedTCP(t *testing.T) {
	text := strings.Join([]string{string(stunBytes), string(channel([]byte("a"))) + "\x00\x00\x00", string(channel([]byte("four")))}, "")
	flow := &corpus.Seen{Proto: slice.TCP}
	at := uint32(0xfffffff0) // sequence numbers wrap
	for i := 0; i < len(text); i += 7 {
		part := []byte(text[i:min(i+7, len(text))])
		d := corpus.Datagram{Proto: slice.TCP, Payload: part, Size: len(part), Seq: at + uint32(i)}
		flow.Packets = append(flow.Packets, corpus.Sighting{Datagram: d, Forward: true}, corpus.Sighting{Datagram: d, Forward: true})
	}
	var got []string
	relayed(flow, func(_ int, inner []byte) bool {
		got = append(got, string(inner))
		return true
	})
	if diff := cmp.Diff([]string{"a", "four"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestSort(t *testing.T) {
	var packets []pcapfile.Packet
	for range 300 {
		packets = append(packets,
			datagram(1000, 53, false, make([]byte, 500)),
			datagram(1000, 9999, false, nil), // nobody's
			datagram(53, 1000, true, make([]byte, 20)))
	}
	dns := rule{match: ports(slice.UDP, 53), judge: always(slice.Signalling, "dns", "dns")}
	flows, kept, err := sort(packets, []rule{dns})
	if err != nil {
		t.Fatal(err)
	}
	want := []corpus.Flow{{
		Proto: "udp", Src: "10.7.1.2:1000", Dst: "192.0.2.2:53", Slice: slice.Signalling, Kind: "dns", Traffic: "dns", TellsAt: 1, Packets: keptPackets,
	}}
	if diff := cmp.Diff(want, flows); diff != "" {
		t.Error(diff)
	}
	if len(kept) != keptPackets {
		t.Fatalf("%d packets are kept", len(kept))
	}
	for i, p := range kept {
		size := p.Length
		if i >= wholePackets && p.Length > worthIt {
			size = shortened
		}
		if len(p.Data) != size {
			t.Errorf("packet %d has %d bytes of %d, want %d", i+1, len(p.Data), p.Length, size)
		}
	}
	if _, _, err := sort(packets, []rule{dns, {match: ports(slice.UDP, 80), judge: dns.judge}}); err == nil {
		t.Error("a rule that fits nothing is no error")
	}
	failing := dns
	failing.judge = func(*corpus.Seen) label { return label{} }
	if _, _, err := sort(packets, []rule{failing}); err == nil {
		t.Error("a flow that does not show what it is is no error")
	}
}
