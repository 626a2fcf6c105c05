package demo

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// Look is what a flood's datagrams look like.
type Look int

// Looks.
const (
	LooksPlain Look = iota // like nothing in particular
	LooksRTP               // like a stream of RTP
	LooksSTUN              // like Binding requests
)

// Flood sends datagrams at a rate that heeds nothing.
type Flood struct {
	Host   *Host
	Peer   netip.AddrPort
	Look   Look
	Number uint32 // by which the far side tells floods apart
	Rate   int    // bit/s of UDP payload
	Size   int    // of a payload, bytes; at least 20
	DSCP   int
}

// numberAt is where a datagram of any look has its flood's number: RTP's source, or STUN's transaction.
const numberAt = 8

// Run floods until ctx is done.
func (f Flood) Run(ctx context.Context) error {
	conn, err := f.Host.DialUDP(f.Peer)
	if err != nil {
		return err
	}
	defer untilDone(ctx, conn)()
	if err := markDSCP(conn, f.DSCP); err != nil {
		return ended(ctx, err)
	}
	return f.pour(ctx, func(b []byte) error {
		_, err := conn.Write(b)
		return err
	})
}

// pour sends until ctx is done.
func (f Flood) pour(ctx context.Context, send func([]byte) error) error {
	packet := f.packets()
	start, sent := time.Now(), 0
	return every(ctx, max(time.Millisecond, f.Gap()), func(int) error {
		for ; f.timeFor(sent) <= time.Since(start); sent++ {
			if err := send(packet()); err != nil {
				return ended(ctx, fmt.Errorf("flood: %w", err))
			}
		}
		return nil
	})
}

// Gap is the time from one datagram to the next.
func (f Flood) Gap() time.Duration { return f.timeFor(1) }

// timeFor is how long the flood takes for so many datagrams.
func (f Flood) timeFor(datagrams int) time.Duration {
	return time.Duration(float64(datagrams) * float64(f.Size) * 8 / float64(f.Rate) * float64(time.Second))
}

// packets gives a maker of one datagram after the other, all in one buffer.
func (f Flood) packets() func() []byte {
	buf := make([]byte, f.Size)
	switch f.Look {
	case LooksRTP:
		video := &stream{ssrc: f.Number, payloadType: 96}
		return func() []byte {
			video.mediaTime += videoStep
			return video.next(buf, f.Size-rtpHeader, false, time.Now())
		}
	case LooksSTUN:
		// What a request says beyond its header is in one attribute, which a server may ignore (RFC 8489, section 14).
		const ignorable, attribute = 0x8022, 4 // SOFTWARE
		binary.BigEndian.PutUint16(buf, stunBindingRequest)
		binary.BigEndian.PutUint16(buf[2:], uint16(f.Size-stunHeader))
		binary.BigEndian.PutUint32(buf[4:], stunCookie)
		if f.Size >= stunHeader+attribute {
			binary.BigEndian.PutUint16(buf[stunHeader:], ignorable)
			binary.BigEndian.PutUint16(buf[stunHeader+2:], uint16(f.Size-stunHeader-attribute))
		}
	default:
		buf[0] = plain
	}
	binary.BigEndian.PutUint32(buf[numberAt:], f.Number)
	return func() []byte { return buf }
}

// Sink takes floods and counts what they bring.
type Sink struct {
	mu    sync.Mutex // guards bytes
	bytes map[uint32]uint64
}

// Bytes is what a flood has brought so far, in bytes of UDP payload.
func (s *Sink) Bytes(number uint32) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes[number]
}

// take is the sink's responder: it has no answer.
func (s *Sink) take(b []byte, _ netip.AddrPort) []byte {
	if len(b) < numberAt+4 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bytes == nil {
		s.bytes = make(map[uint32]uint64)
	}
	s.bytes[binary.BigEndian.Uint32(b[numberAt:])] += uint64(len(b))
	return nil
}
