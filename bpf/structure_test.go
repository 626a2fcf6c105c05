package bpf

import (
	"encoding/binary"
	"testing"
)

// judgement is what a flow is thought to be.
type judgement struct {
	slice uint8
	rank  Rank
	kind  string
}

var nothing = judgement{media, RankDefault, "unknown"}

// learned says what the venue's side made of a flow's packets.
func (p *plane) learned(key FlowKey) judgement {
	p.t.Helper()
	f := p.flow("flows", key)
	if f == nil {
		f = p.flow("flows_new", key)
	}
	if f == nil {
		p.t.Fatalf("no entry of flow %+v", key)
	}
	if f.Learned.Rank == 0 {
		return nothing
	}
	return judgement{f.Learned.Slice, Rank(f.Learned.Rank), KindName(Kind(f.Learned.Kind))}
}

// row is a flow of datagrams, in the order sent, from local to remote port.
type row struct {
	name          string
	local, remote uint16
	payloads      [][]byte
	want          judgement
}

func provisional(kind string) judgement { return judgement{signalling, RankProvisional, kind} }
func structure(kind string) judgement   { return judgement{signalling, RankStructure, kind} }
func one(payload []byte) [][]byte       { return [][]byte{payload} }

var audio, video = judgement{realtime, RankStructure, "rtp-audio"}, judgement{realtime, RankStructure, "rtp-video"}

// stream is n RTP packets whose sequence number grows by step.
func stream(n int, from, step uint16, size int) (payloads [][]byte) {
	for i := range uint16(n) {
		payloads = append(payloads, rtp(0x51ce6a7e, from+i*step, size))
	}
	return payloads
}

// clocked is a packet of a stream at a time of its clock.
func clocked(time uint32, seq uint16, size int) []byte {
	p := rtp(0x51ce6a7e, seq, size)
	binary.BigEndian.PutUint32(p[4:], time)
	return p
}

// pictures is video of one packet a picture, 30 a second.
func pictures(n uint16, size int) (payloads [][]byte) {
	for i := range n {
		payloads = append(payloads, clocked(3000*uint32(i), i, size))
	}
	return payloads
}

// interleaved is RTP of several sources in turn.
func interleaved(sources uint32, rounds uint16) (payloads [][]byte) {
	for seq := range rounds {
		for source := range sources {
			payloads = append(payloads, rtp(0xa0000000+source, 100*uint16(source)+seq, 100))
		}
	}
	return payloads
}

func structureRows() []row {
	s := func(name string, payload []byte, want judgement) row {
		return row{name, 40000, 50000, one(payload), want}
	}
	rtpOf := func(name string, want judgement, payloads ...[]byte) row {
		return row{name, 40000, 50000, payloads, want}
	}
	return []row{
		s("stun", stun(0), provisional("stun")),
		s("stun with attributes", stun(8), provisional("stun")),
		s("stun allocate", change(stun(8), 0, 0, 3), provisional("stun")),
		s("stun error response", change(stun(4), 0, 1, 0x11), provisional("stun")),
		s("dtls 1.2", dtls(0xfefd, 60), provisional("dtls")),
		s("dtls 1.0", dtls(0xfeff, 0), provisional("dtls")),
		s("dtls change cipher spec", change(dtls(0xfefd, 1), 0, 20), provisional("dtls")),
		s("dtls acknowledgement", change(dtls(0xfefd, 10), 0, 26), provisional("dtls")),
		s("two dtls records", append(dtls(0xfefd, 20), dtls(0xfefd, 20)...), provisional("dtls")),
		s("rtcp", rtcp(0), provisional("rtcp")),
		s("srtcp", rtcp(14), provisional("rtcp")),
		s("dtls 1.3", dtls13(0x2e, 40), provisional("dtls")),
		s("dtls 1.3, short sequence number", dtls13(0x25, 16), provisional("dtls")),
		s("rtcp sender report", senderReport(0, 0), provisional("rtcp")),
		s("srtcp sender report with a block", senderReport(1, 14), provisional("rtcp")),
		s("rtcp compound", append(senderReport(1, 0), 0x81, 202, 0, 3, 1, 2, 3, 4, 1, 2, 'a', 'b', 0, 0, 0, 0), provisional("rtcp")),
		s("rtcp feedback alone", feedback(0), provisional("rtcp")),
		s("srtcp feedback alone", feedback(14), provisional("rtcp")),
		s("srtcp feedback alone, gcm", feedback(20), provisional("rtcp")),
		s("rtcp receiver report of nobody", []byte{0x80, 201, 0, 1, 1, 2, 3, 4}, provisional("rtcp")),
		s("rtcp extended report", change(rtcp(0), 1, 207), provisional("rtcp")),
		s("rtcp of eight bytes", []byte{0x80, 203, 0, 1, 1, 2, 3, 4}, provisional("rtcp")),
		rtpOf("audio", audio, stream(2, 7, 1, 160)...),
		rtpOf("audio at the sequence's end", audio, clocked(1<<32-960, 0xffff, 160), clocked(0, 0, 160)),
		rtpOf("audio with loss", audio, stream(2, 7, 16, 160)...),
		rtpOf("audio that is small", audio, stream(2, 7, 1, 12)...),
		rtpOf("video", video, pictures(2, 1200)...),
		rtpOf("video that is large", video, pictures(2, 1334)...),
		rtpOf("video of which two packets make a picture", video, clocked(90, 1, 300), clocked(90, 2, 300)),
		rtpOf("video that is padding", video, clocked(3000, 1, 1100), clocked(3000, 2, 1100)),
		rtpOf("audio of large packets", audio, clocked(0, 1, 1036), clocked(960, 2, 1036)),
		rtpOf("audio of large packets, off the grid", audio, clocked(0, 1, 1036), clocked(1024, 2, 1036)),
		rtpOf("audio by its payload type", audio, change(clocked(0, 1, 900), 1, 8), change(clocked(6000, 2, 900), 1, 8)),
		rtpOf("video by its payload type", video, change(clocked(0, 1, 200), 1, 34), change(clocked(960, 2, 200), 1, 34)),
		rtpOf("video that is small", video, clocked(0, 1, 95), clocked(6000, 2, 78)),
		rtpOf("video at 60 pictures a second", video, clocked(0, 1, 95), clocked(1500, 2, 78)),
		rtpOf("video whose pictures go back", video, clocked(9000, 1, 700), clocked(3000, 2, 700)),
		rtpOf("a stream after a silence of a minute", video, clocked(0, 1, 80), clocked(48000*60, 2, 80)),
		rtpOf("padding, extension and two sources", audio, change(rtp(1, 1, 60), 0, 0xb2), change(rtp(1, 2, 60), 0, 0xb2)),
		rtpOf("marker bit and payload type 0", audio, change(rtp(1, 1, 60), 1, 0x80), change(rtp(1, 2, 60), 1, 0)),
		rtpOf("payload type 63", audio, change(rtp(1, 1, 60), 1, 0xbf), change(rtp(1, 2, 60), 1, 63)),
		rtpOf("after a packet that came late", audio, rtp(1, 20, 60), rtp(1, 10, 60), rtp(1, 11, 60)),
		rtpOf("four sources in turn", audio, interleaved(4, 2)...),
		rtpOf("nine sources in turn", audio, interleaved(9, 40)...),
		{"dns query", 40000, 53, one(dnsQuery()), structure("dns")},
		{"dns answer", 53, 40000, one(change(dnsQuery(), 2, 0x81, 0x80)), structure("dns")},
		{"ntp request", 40000, 123, one(ntp()), structure("ntp")},
		{"ntp version 1 server", 123, 123, one(change(ntp(), 0, 1<<3|4)), structure("ntp")},
		{"dhcp discover", 68, 67, one(make([]byte, 300)), structure("dhcp")},
		{"dhcp offer", 67, 68, one(make([]byte, 300)), structure("dhcp")},
		{"dhcpv6 solicit", 546, 547, one([]byte{1}), structure("dhcp")},
		{"dhcpv6 reply", 547, 546, one(nil), structure("dhcp")},
		{"dhcp relay", 67, 67, one(make([]byte, 300)), structure("dhcp")},
		{"dhcpv6 relay", 547, 547, one([]byte{12}), structure("dhcp")},
	}
}

func nearMisses() []row {
	s := func(name string, payload []byte) row { return row{name, 40000, 50000, one(payload), nothing} }
	rtpOf := func(name string, payloads ...[]byte) row { return row{name, 40000, 50000, payloads, nothing} }
	at := func(name string, local, remote uint16, payload []byte) row {
		return row{name, local, remote, one(payload), nothing}
	}
	return []row{
		s("stun of 19 bytes", stun(0)[:19]),
		s("stun without the cookie", change(stun(0), 7, 0x43)),
		s("stun of the future", change(stun(0), 0, 4)),
		s("stun that says too much", change(stun(8), 3, 12)),
		s("stun that says too little", change(stun(8), 3, 4)),
		s("stun of odd length", change(stun(2), 3, 2)),
		s("dtls of type 19", change(dtls(0xfefd, 20), 0, 19)),
		s("dtls of type 27", change(dtls(0xfefd, 20), 0, 27)),
		s("dtls 1.1", dtls(0xfefe, 20)),
		s("tls", dtls(0x0303, 20)),
		s("dtls that says too much", change(dtls(0xfefd, 20), 12, 21)),
		s("dtls of 12 bytes", dtls(0xfefd, 0)[:12]),
		s("rtcp of type 199", change(rtcp(0), 1, 199)),
		s("rtcp of type 208", change(rtcp(0), 1, 208)),
		s("rtcp that says too much", change(rtcp(0), 3, 8)),
		s("rtcp of version 1", change(rtcp(0), 0, 0x41)),
		s("rtcp of seven bytes", rtcp(0)[:7]),
		s("rtcp report longer than its blocks", change(rtcp(0), 0, 0x80)),
		s("rtcp report shorter than its blocks", change(rtcp(0), 0, 0x82)),
		s("rtcp sender report of a receiver's length", change(rtcp(0), 1, 200)),
		s("rtcp feedback with something behind", feedback(7)),
		s("rtcp goodbye of more than it holds", change(feedback(0), 0, 0x84, 203)),
		s("dtls 1.3 that says too much", change(dtls13(0x2c, 40), 4, 41)),
		s("dtls 1.3 that says too little", change(dtls13(0x2c, 40), 4, 39)),
		s("dtls 1.3 too short for its tag", dtls13(0x2c, 15)),
		s("dtls 1.3 without a length", change(dtls13(0x2c, 40), 0, 0x28)),
		rtpOf("one rtp packet", rtp(1, 1, 60)),
		rtpOf("rtp that repeats", rtp(1, 1, 60), rtp(1, 1, 60)),
		rtpOf("rtp that goes back", rtp(1, 2, 60), rtp(1, 1, 60)),
		rtpOf("rtp that jumps", stream(20, 1, 17, 60)[:12]...),
		rtpOf("rtp of two sources", rtp(1, 1, 60), rtp(2, 2, 60)),
		rtpOf("rtp whose clock is anywhere", clocked(0, 1, 60), clocked(1<<23+1, 2, 60), clocked(1<<31, 3, 60)),
		rtpOf("rtp of version 1", change(rtp(1, 1, 60), 0, 0x40), change(rtp(1, 2, 60), 0, 0x40)),
		rtpOf("rtp of type 192", change(rtp(1, 1, 60), 1, 192), change(rtp(1, 2, 60), 1, 192)),
		rtpOf("rtp of type 223", change(rtp(1, 1, 60), 1, 223), change(rtp(1, 2, 60), 1, 223)),
		rtpOf("rtp of 11 bytes", rtp(1, 1, 12)[:11], rtp(1, 2, 12)[:11]),
		rtpOf("rtp with sources past its end", change(rtp(1, 1, 60), 0, 0x8d), change(rtp(1, 2, 60), 0, 0x8d)),
		at("dns elsewhere", 40000, 5353, dnsQuery()),
		at("dns without a question", 40000, 53, change(dnsQuery(), 5, 0)),
		at("dns of two questions", 40000, 53, change(dnsQuery(), 5, 2)),
		at("dns update", 40000, 53, change(dnsQuery(), 2, 0x28)),
		at("dns of 16 bytes", 40000, 53, dnsQuery()[:16]),
		at("ntp elsewhere", 40000, 124, ntp()),
		at("ntp of 47 bytes", 40000, 123, ntp()[:47]),
		at("ntp with a trailer", 40000, 123, append(ntp(), 0)),
		at("ntp control", 40000, 123, change(ntp(), 0, 4<<3|6)),
		at("ntp of mode 0", 40000, 123, change(ntp(), 0, 4<<3)),
		at("ntp of version 0", 40000, 123, change(ntp(), 0, 3)),
		at("ntp of version 5", 40000, 123, change(ntp(), 0, 5<<3|3)),
		at("to a dhcp server's port", 40000, 67, make([]byte, 300)),
		at("across dhcp's versions", 68, 547, make([]byte, 300)),
		s("nothing", nil),
		s("seven bytes", make([]byte, 7)),
	}
}

func TestStructure(t *testing.T) { newPlane(t).checkRows(t, protoUDP, structureRows()) }

func TestNearMisses(t *testing.T) { newPlane(t).checkRows(t, protoUDP, nearMisses()) }

// checkRows sends each row in both versions of IP, and from both ends: a device's flow, and one that the outside began with the box.
func (p *plane) checkRows(t *testing.T, proto uint8, rows []row) {
	for _, r := range rows {
		for _, f := range families {
			t.Run(r.name+" "+f.name, func(t *testing.T) {
				p := p.in(t)
				pk := packet{from: port(f.from, r.local), to: port(f.to, r.remote), proto: proto}
				var up, down skBuff
				for _, payload := range r.payloads {
					up = p.sent(pk.with(payload))
				}
				if got := p.learned(pk.key()); got != r.want {
					t.Errorf("up: %+v, want %+v", got, r.want)
				}
				p.forget()
				for _, payload := range r.payloads {
					down = p.received(pk.with(payload))
				}
				if got := p.learned(pk.back().key()); got != r.want {
					t.Errorf("down: %+v, want %+v", got, r.want)
				}
				if sliceOf(up) != r.want.slice || sliceOf(down) != r.want.slice || classOf(down) != r.want.slice {
					t.Errorf("slices %d and %d, class %d; want %d", sliceOf(up), sliceOf(down), classOf(down), r.want.slice)
				}
			})
		}
	}
}

// ICMP, ICMPv6 and IGMP need no look inside; TCP is looked into for what it may carry.
func TestByProtocol(t *testing.T) {
	p := newPlane(t)
	for _, test := range []struct {
		name   string
		family int
		proto  uint8
		want   judgement
	}{
		{"icmp", 0, protoICMP, structure("icmp")},
		{"igmp", 0, protoIGMP, structure("igmp")},
		{"icmpv6", 1, protoICMPv6, structure("icmpv6")},
		{"esp", 0, protoESP, nothing},
		{"esp in ipv6", 1, protoESP, nothing},
		{"stun in tcp", 0, protoTCP, provisional("stun")},
		{"stun in tcp in ipv6", 1, protoTCP, provisional("stun")},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := p.in(t)
			pk := packet{from: families[test.family].from, to: families[test.family].to, proto: test.proto, payload: stun(0)}
			ctx := p.sent(pk)
			key := p.keys("flows_new")[0]
			if got := p.learned(key); got != test.want || sliceOf(ctx) != test.want.slice {
				t.Errorf("%+v in slice %d, want %+v", got, sliceOf(ctx), test.want)
			}
		})
	}
}
