package capture

import (
	"github.com/slicegate/slicegate/internal/replay/corpus"
	"github.com/slicegate/slicegate/internal/replay/pcapfile"
	"github.com/slicegate/slicegate/internal/slice"
)

// media is the default slice of the default configuration.
const media = "media"

// unknown is the kind of what structure does not tell.
const unknown = "unknown"

// pcapng is the format of the captures that show that it is read, too.
const pcapng = pcapfile.Pcapng

// always labels flows that are one thing from their first payload on.
func always(slice, kind, traffic string) func(*corpus.Seen) label {
	return func(f *corpus.Seen) label { return label{slice, kind, traffic, firstPayload(f)} }
}

// firstPayload is the first packet that says anything: a TCP flow's first ones do not.
func firstPayload(f *corpus.Seen) int {
	if f.Proto != slice.TCP {
		return 1
	}
	return first(f, func(s corpus.Sighting) bool { return s.Size > 0 })
}

// first gives the number of the first packet that is so, 0 for none.
func first(f *corpus.Seen, is func(corpus.Sighting) bool) int {
	for i, s := range f.Packets {
		if is(s) {
			return i + 1
		}
	}
	return 0
}

// isRTP, isRTCP and isDTLS tell apart what a flow of WebRTC mixes (RFC 7983, RFC 5761). They hold only where it is known that the flow
// is one.
func isRTP(b []byte) bool {
	return len(b) >= 12 && b[0]>>6 == 2 && (b[1] < 192 || b[1] > 223)
}

func isRTCP(b []byte) bool { return len(b) >= 8 && b[0]>>6 == 2 && b[1] >= 192 && b[1] <= 223 }

func isDTLS(b []byte) bool { return len(b) > 0 && b[0] >= 20 && b[0] <= 63 }

// call labels a flow of a call by what it came to carry: media, data alone, or nothing but checks.
func call(kind, traffic string) func(*corpus.Seen) label {
	return func(f *corpus.Seen) label {
		if n := first(f, func(s corpus.Sighting) bool { return isRTP(s.Payload) }); n > 0 {
			return label{slice.Realtime, kind, traffic, n}
		}
		if n := first(f, func(s corpus.Sighting) bool { return isDTLS(s.Payload) }); n > 0 {
			return label{slice.Signalling, "dtls", traffic + ", data alone", 1}
		}
		return label{slice.Signalling, "stun", traffic + ", checks alone", 1}
	}
}

// mustCarry makes a flow that did not get the slice an error.
func mustCarry(id string, judge func(*corpus.Seen) label) func(*corpus.Seen) label {
	return func(f *corpus.Seen) label {
		l := judge(f)
		if l.slice != id {
			l.tellsAt = 0
		}
		return l
	}
}
