package capture

import (
	"context"

	"github.com/slicegate/slicegate/internal/replay/corpus"
	"github.com/slicegate/slicegate/internal/slice"
)

var chromium = tool{"chromium", "chromium"}

// callRuns are calls of a browser.
func callRuns() []run {
	direct := func(name, about, kind string, flows int, plans ...plan) run {
		return run{
			name: name, about: about, programs: []tool{chromium}, point: atAttendee, act: calls(plans...),
			rules: []rule{{match: betweenGuests, judge: mustCarry(slice.Realtime, call(kind, "browser call")), atLeast: flows}},
		}
	}
	data := direct("call-data", "data channels alone", "dtls", 2, bothFamilies(plan{Data: true, Bundle: true})...)
	data.rules[0].judge = mustCarry(slice.Signalling, call("dtls", "browser call"))
	return []run{
		direct("call-audio", "audio both ways", "rtp-audio", 2, bothFamilies(plan{Audio: true, Both: true, Bundle: true})...),
		direct("call-video", "audio and video both ways, in one 5-tuple", "rtp-video", 2,
			bothFamilies(plan{Audio: true, Videos: 1, Both: true, Bundle: true})...),
		direct("call-oneway", "H.264 video one way: the other end has nothing but RTCP to say", "rtp-video", 2,
			bothFamilies(plan{Videos: 1, Codec: "H264", Bundle: true})...),
		direct("call-many", "audio and three videos one way, and a data channel, in one 5-tuple", "rtp-video", 2,
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
	return f.Proto == slice.UDP && venue(0) && venue(1)
}
