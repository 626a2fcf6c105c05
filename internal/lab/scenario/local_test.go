package scenario

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/slicegate/slicegate/internal/demo"
)

// portLocal is where the box itself serves.
const portLocal = 8080

// TestLocal asks what shaping a 20 Mbit/s uplink costs a viewer who pulls from the box itself, while uploads fill that uplink: at
// 200 Mbit/s, as a stream is sent, and at whatever TCP reaches on this processor, which all ends share.
func TestLocal(t *testing.T) {
	seed := begin(t)
	const length = 5 * time.Second
	for _, pull := range []struct {
		name string
		pace int // bit/s; 0 for none
	}{{"200 Mbit", 200e6}, {"unpaced", 0}} {
		for _, treatment := range Treatments {
			t.Run(pull.name+"/"+treatment.Name, func(t *testing.T) {
				site := newShaped(t, treatment, 20, seed)
				r := newReporter(t, "local", "pull from the box, "+pull.name+", beneath a full uplink of 20 Mbit/s", treatment.Name, seed)
				viewer := &demo.Transfer{Host: site.venue.Attendees[0], Peer: site.venue.Box.At(demo.V4, portLocal), Direction: demo.Down}
				err := site.act(t.Context(), func(s *stage) error {
					s.start(0, func(ctx context.Context) error { return serveZeros(ctx, s.venue.Box, pull.pace) })
					pause(s.ctx, settle)
					s.start(0, viewer.Run)
					up, _ := s.fill(bulk(demo.Up))
					w, err := s.watch(length, sum(viewer), up)
					if err != nil {
						return err
					}
					r.figure("pulled", "Mbit/s", w.rates[0]/1e6)
					r.figure("uploads", "Mbit/s", w.rates[1]/1e6)
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

// serveZeros sends zeros to whoever connects to the host, no faster than pace, until ctx is done.
func serveZeros(ctx context.Context, host *demo.Host, pace int) error {
	listener, err := host.ListenTCP(portLocal)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { listener.Close() })()
	g, ctx := errgroup.WithContext(ctx)
	for {
		conn, err := listener.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return g.Wait()
		}
		if err != nil {
			return err
		}
		g.Go(func() error {
			defer context.AfterFunc(ctx, func() { conn.Close() })()
			if err := setPace(conn, pace); err != nil {
				return err
			}
			_, _ = io.Copy(conn, zeros{}) // ends when either side hangs up
			return nil
		})
	}
}

// setPace bounds what TCP sends on a connection, in bit/s; 0 for no bound.
func setPace(conn *net.TCPConn, pace int) error {
	if pace == 0 {
		return nil
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var option error
	err = raw.Control(func(fd uintptr) {
		option = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MAX_PACING_RATE, pace/8)
	})
	return errors.Join(err, option)
}

// zeros is a file without end.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }
