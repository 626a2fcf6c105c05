package demo

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// viewerTimeout is how long the stage plays to a viewer that it does not hear from.
const viewerTimeout = 5 * time.Second

// stage is the far side of a stream that is only watched: it plays to whoever sends it STUN.
type stage struct {
	trips *Trips // departures

	mu       sync.Mutex // guards audience
	audience map[netip.AddrPort]*seat
}

// seat is one viewer, as the stage knows it.
type seat struct {
	seen  time.Time
	media *media
}

func newStage(trips *Trips) *stage {
	return &stage{trips: trips, audience: make(map[netip.AddrPort]*seat)}
}

// answer keeps a viewer's seat, and answers STUN.
func (s *stage) answer(b []byte, from netip.AddrPort) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.audience[from]; ok {
		known.seen = time.Now()
	} else if kindOf(b) == kindSTUN {
		s.audience[from] = &seat{seen: time.Now(), media: newMedia(0x800+len(s.audience), true)}
	}
	return answerSTUN(b, from)
}

// play sends audio and video to the audience until ctx is done.
func (s *stage) play(ctx context.Context, conn *net.UDPConn) error {
	return every(ctx, tick, func(n int) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		for viewer, its := range s.audience {
			if time.Since(its.seen) > viewerTimeout {
				delete(s.audience, viewer)
				continue
			}
			send := func(b []byte) error {
				_, err := conn.WriteToUDPAddrPort(b, viewer)
				return err
			}
			if err := its.media.play(n, s.trips, send); err != nil {
				return err
			}
		}
		return nil
	})
}

// viewer is an attendee who only watches: all that it ever sends is STUN and RTCP.
type viewer struct {
	host  *Host
	peer  netip.AddrPort
	trips *Trips // arrivals, one way
}

// Run watches until ctx is done.
func (v *viewer) Run(ctx context.Context) error {
	conn, err := v.host.DialUDP(v.peer)
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
	g.Go(func() error { return ended(ctx, logArrivals(in, v.trips)) })
	g.Go(func() error {
		return ended(ctx, every(ctx, time.Second, func(n int) error {
			if err := write(conn, bindingRequest(time.Now())); err != nil {
				return err
			}
			return write(conn, receiverReport(0x3000, 0x1000))
		}))
	})
	return g.Wait()
}
