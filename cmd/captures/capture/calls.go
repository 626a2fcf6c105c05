package capture

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/slicegate/slicegate/internal/replay/corpus"
	"github.com/slicegate/slicegate/internal/slice"
)

// through makes a plan go by the TURN server: the ends that are named use nothing else.
func (p plan) through(servers []string, ends ...string) plan {
	p.Servers, p.User, p.Password, p.Relayed = servers, turnUser, turnPassword, ends
	return p
}

// turnURLs are the TURN server's, of each family.
func turnURLs(transport string) [2]string {
	var urls [2]string
	for i, address := range []string{networks[serverNetwork].v4 + "2", "[" + networks[serverNetwork].v6 + "2]"} {
		urls[i] = fmt.Sprintf("turn:%s:%d?transport=%s", address, turnPort, transport)
	}
	return urls
}

// turnCallRuns are calls of a browser through a TURN server.
func turnCallRuns() []run {
	full := plan{Audio: true, Videos: 1, Both: true, Bundle: true}
	udp, tcp := turnURLs("udp"), turnURLs("tcp")
	one := func(url string) []string { return []string{url} }
	toServer := func(proto slice.Proto, flows int) rule {
		return rule{match: ports(proto, turnPort), judge: turn("browser call through turn"), realtime: flows, whole: true}
	}
	fromRelay := rule{match: relayedPorts, judge: call("rtp-video", "browser call from turn"), realtime: 1}
	tools := []tool{chromium, coturn}
	return []run{
		{
			name: "call-turn", about: "one end behind a TURN server, over UDP of either family", programs: tools,
			act: turnCalls(full.through(one(udp[0]), "a"), full.through(one(udp[1]), "a")), rules: []rule{toServer(slice.UDP, 2), fromRelay},
		},
		{
			name: "call-turn-both", about: "audio, both ends behind a TURN server, over UDP", programs: tools,
			act:   turnCalls(plan{Audio: true, Both: true, Bundle: true}.through(one(udp[0]), "a", "b")),
			rules: []rule{toServer(slice.UDP, 2)},
		},
		{
			name: "call-turn-tcp", about: "both ends behind a TURN server, over TCP of either family", programs: tools, format: pcapng,
			act: turnCalls(full.through(one(tcp[0]), "a", "b"), full.through(one(tcp[1]), "a", "b")), rules: []rule{toServer(slice.TCP, 4)},
		},
		{
			name: "call-turn-idle", about: "calls that could use a TURN server and need not: its allocations stay empty", programs: tools,
			act: turnCalls(full.through(one(udp[0])), full.through(one(tcp[1]))),
			rules: []rule{
				{match: ports(slice.UDP, turnPort), judge: mustCarry(slice.Signalling, turn("browser call, turn not needed")), atLeast: 2},
				{match: ports(slice.TCP, turnPort), judge: mustCarry(slice.Signalling, turn("browser call, turn not needed"))},
			},
		},
	}
}

// relayedPorts matches flows of a TURN server's relayed addresses.
func relayedPorts(f *corpus.Seen) bool {
	relayed := func(end netip.AddrPort) bool {
		return within(serverNetwork, end) && end.Port() >= relayFrom && end.Port() <= relayTo
	}
	return f.Proto == slice.UDP && (relayed(f.Src) || relayed(f.Dst))
}

func turnCalls(plans ...plan) func(context.Context, *place) error {
	return func(ctx context.Context, p *place) error {
		if err := startTURN(ctx, p); err != nil {
			return err
		}
		return calls(plans...)(ctx, p)
	}
}

var chromium = tool{"chromium", "chromium"}

// callRuns are calls of a browser.
func callRuns() []run {
	direct := func(name, about, kind string, plans ...plan) run {
		return run{
			name: name, about: about, programs: []tool{chromium}, point: atAttendee, act: calls(plans...),
			rules: []rule{{match: betweenGuests, judge: mustCarry(slice.Realtime, call(kind, "browser call")), atLeast: 2}},
		}
	}
	data := direct("call-data", "data channels alone", "dtls", bothFamilies(plan{Data: true, Bundle: true})...)
	data.rules[0].judge = mustCarry(slice.Signalling, call("dtls", "browser call"))
	return []run{
		direct("call-audio", "audio both ways", "rtp-audio", bothFamilies(plan{Audio: true, Both: true, Bundle: true})...),
		direct("call-video", "audio and video both ways, in one 5-tuple", "rtp-video",
			bothFamilies(plan{Audio: true, Videos: 1, Both: true, Bundle: true})...),
		direct("call-oneway", "H.264 video one way: the other end has nothing but RTCP to say", "rtp-video",
			bothFamilies(plan{Videos: 1, Codec: "H264", Bundle: true})...),
		direct("call-many", "audio and three videos one way, and a data channel, in one 5-tuple", "rtp-video",
			bothFamilies(plan{Audio: true, Videos: 3, Codec: "VP9", Data: true, Bundle: true})...),
		unbundled(bothFamilies(plan{Audio: true, Videos: 1, Both: true})...),
		data,
	}
}

// unbundled are calls with a 5-tuple for each stream; the smaller packets are audio's.
func unbundled(plans ...plan) run {
	return run{
		name: "call-unbundled", about: "audio and video both ways, in a 5-tuple each", programs: []tool{chromium}, point: atAttendee,
		act: calls(plans...),
		rules: []rule{{match: betweenGuests, atLeast: 4, judge: func(f *corpus.Seen) label {
			kind := "rtp-audio"
			if largest(f) > 500 {
				kind = "rtp-video"
			}
			return mustCarry(slice.Realtime, call(kind, "browser call"))(f)
		}}},
	}
}

// largest is the size of a flow's largest RTP packet.
func largest(f *corpus.Seen) int {
	size := 0
	for _, s := range f.Packets {
		if isRTP(s.Payload) {
			size = max(size, s.Size)
		}
	}
	return size
}

func bothFamilies(p plan) []plan {
	p4, p6 := p, p
	p4.Family, p6.Family = 4, 6
	return []plan{p4, p6}
}

func calls(plans ...plan) func(context.Context, *place) error {
	return func(ctx context.Context, p *place) error {
		for _, plan := range plans {
			if err := browserCall(ctx, p, plan); err != nil {
				return err
			}
		}
		return nil
	}
}

// betweenGuests matches what the two venue hosts send each other by UDP.
func betweenGuests(f *corpus.Seen) bool {
	venue := func(n int) bool { return within(n, f.Src) || within(n, f.Dst) }
	return f.Proto == slice.UDP && venue(attendeeNetwork) && venue(guestNetwork)
}
