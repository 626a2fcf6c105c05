package demo

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"
)

// The shape of a call: an audio packet every 20 ms, a video frame every 40, a larger one every 2 s, a STUN consent check
// (RFC 7675) every second, all on one 5-tuple.
const (
	tick          = 20 * time.Millisecond
	videoEvery    = 2   // ticks
	keyFrameEvery = 100 // ticks
	consentEvery  = 50  // ticks

	audioPayload, audioStep = 160, 960 // 48 kHz clock
	videoPayload, videoStep = 1100, 3600
	framePackets            = 2
	keyFramePackets         = 8
)

// call is one attendee's conversation with the far side, which sends everything back.
type call struct {
	host  *Host
	peer  netip.AddrPort
	media *media
	trips *Trips // round trips
}

// Run talks until ctx is done.
func (c *call) Run(ctx context.Context) error {
	conn, err := c.host.DialUDP(c.peer)
	if err != nil {
		return err
	}
	in, err := newReceiver(conn)
	if err != nil {
		conn.Close()
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	defer untilDone(ctx, conn)()
	g.Go(func() error { return ended(ctx, c.talk(ctx, conn)) })
	g.Go(func() error { return ended(ctx, logArrivals(in, c.trips)) })
	return g.Wait()
}

func (c *call) talk(ctx context.Context, conn *net.UDPConn) error {
	send := func(b []byte) error { return write(conn, b) }
	return every(ctx, tick, func(n int) error {
		if n%consentEvery == 0 {
			if err := send(bindingRequest(time.Now())); err != nil {
				return fmt.Errorf("send consent check: %w", err)
			}
		}
		return c.media.play(n, c.trips, send)
	})
}

// logArrivals notes when the RTP packets of a socket came in.
func logArrivals(in *receiver, trips *Trips) error {
	for {
		b, at, err := in.next()
		if err != nil {
			return err
		}
		if kindOf(b) != kindRTP {
			continue
		}
		if sent, ok := stampOf(b); ok {
			trips.Done(sent, at)
		}
	}
}

// media is what one end of a call sends.
type media struct {
	audio, video stream
	hasVideo     bool
	buf          [1500]byte
}

// newMedia makes the streams of source number n.
func newMedia(n int, video bool) *media {
	return &media{
		audio:    stream{ssrc: uint32(0x1000 + n), payloadType: 111},
		video:    stream{ssrc: uint32(0x2000 + n), payloadType: 96},
		hasVideo: video,
	}
}

// play sends what is due at a tick.
func (m *media) play(n int, trips *Trips, send func([]byte) error) error {
	if err := m.emit(&m.audio, audioPayload, n == 0, trips, send); err != nil {
		return err
	}
	m.audio.mediaTime += audioStep
	if !m.hasVideo || n%videoEvery != 0 {
		return nil
	}
	packets := framePackets
	if n%keyFrameEvery == 0 {
		packets = keyFramePackets
	}
	for i := range packets {
		if err := m.emit(&m.video, videoPayload, i == packets-1, trips, send); err != nil {
			return err
		}
	}
	m.video.mediaTime += videoStep
	return nil
}

func (m *media) emit(s *stream, payload int, marked bool, trips *Trips, send func([]byte) error) error {
	now := time.Now()
	if err := send(s.next(m.buf[:], payload, marked, now)); err != nil {
		return fmt.Errorf("send media: %w", err)
	}
	trips.Sent(now)
	return nil
}

// every calls fn with 0, 1, 2 … at an interval until ctx is done. A late call is not made up for.
func every(ctx context.Context, interval time.Duration, fn func(n int) error) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for n := 0; ; n++ {
		if err := fn(n); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
