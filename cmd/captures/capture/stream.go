package capture

import (
	"cmp"
	"encoding/binary"

	"github.com/slicegate/slicegate/internal/replay/corpus"
	"github.com/slicegate/slicegate/internal/slice"
)

// isChannelData is a TURN channel's message (RFC 8656, section 12.4; RFC 5766 for the upper channels).
func isChannelData(b []byte) bool { return len(b) >= 4 && b[0]>>6 == 1 }

// relayed calls each with what a TURN flow carries in channels: the inner payload, as far as captured, and the number of its
// packet. It ends when each returns false.
func relayed(f *corpus.Seen, each func(packet int, inner []byte) bool) {
	if f.Proto == slice.TCP {
		relayedTCP(f, each)
		return
	}
	for i, s := range f.Packets {
		if isChannelData(s.Payload) && !each(i+1, s.Payload[4:]) {
			return
		}
	}
}

// stream is one direction of a TCP flow, as far as it was read.
type stream struct {
	begun bool
	next  uint32 // sequence number
	rest  []byte // of a message that is not whole
}

// relayedTCP reads both directions as TURN frames them over TCP: STUN messages, and channel data padded to four bytes.
func relayedTCP(f *corpus.Seen, each func(packet int, inner []byte) bool) {
	streams := make(map[bool]*stream)
	for i, s := range f.Packets {
		if s.Size == 0 || len(s.Payload) < s.Size {
			continue
		}
		from := streams[s.Forward]
		if from == nil {
			from = &stream{}
			streams[s.Forward] = from
		}
		if from.begun && int32(s.Seq-from.next) < 0 {
			continue // sent again
		}
		from.begun, from.next = true, s.Seq+uint32(s.Size)
		from.rest = append(from.rest, s.Payload...)
		for {
			message := from.take()
			if message == nil {
				break
			}
			if isChannelData(message) && !each(i+1, message[4:]) {
				return
			}
		}
	}
}

// take gives the next whole message, nil when there is none.
func (s *stream) take() []byte {
	if len(s.rest) < 4 {
		return nil
	}
	length := 20 + int(binary.BigEndian.Uint16(s.rest[2:])) // STUN's, a multiple of four
	if isChannelData(s.rest) {
		length -= 16
	}
	padded := (length + 3) &^ 3
	if len(s.rest) < padded {
		return nil
	}
	message := s.rest[:length]
	s.rest = s.rest[padded:]
	return message
}

// turn labels a flow between a client and a TURN server by what goes through its channels: media, or something that nobody
// can tell. One whose channels carry nothing stays control.
func turn(traffic string) func(*corpus.Seen) label {
	return func(f *corpus.Seen) label {
		rtp, control, opaque := 0, 0, 0
		relayed(f, func(packet int, inner []byte) bool {
			switch {
			case isRTP(inner):
				rtp = packet
			case isRTCP(inner):
				control = cmp.Or(control, packet)
			case !isDTLS(inner) && !isSTUN(inner):
				opaque = cmp.Or(opaque, packet)
			}
			return rtp == 0
		})
		switch {
		case rtp > 0:
			return label{slice.Realtime, "turn", traffic, rtp}
		case control > 0:
			return label{slice.Signalling, "turn", traffic + ", rtcp", control}
		case opaque > 0:
			return label{media, "turn", traffic + ", opaque data", opaque}
		}
		return label{slice.Signalling, "turn", traffic + ", control alone", firstPayload(f)}
	}
}

// opaque labels a flow between a client and a TURN server whose channels carry what is no media, whatever it looks like.
// One whose channels carry nothing is control.
func opaque(traffic string) func(*corpus.Seen) label {
	return func(f *corpus.Seen) label {
		l := label{media, "turn", traffic, 0}
		relayed(f, func(packet int, _ []byte) bool {
			l.tellsAt = packet
			return false
		})
		if l.tellsAt == 0 {
			return label{slice.Signalling, "turn", traffic + ", control alone", firstPayload(f)}
		}
		return l
	}
}

// isSTUN is told by the cookie.
func isSTUN(b []byte) bool {
	const cookie = 0x2112A442
	return len(b) >= 8 && b[0]>>6 == 0 && binary.BigEndian.Uint32(b[4:]) == cookie
}
