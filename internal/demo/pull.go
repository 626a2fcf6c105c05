package demo

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Pull is a flood that comes down: its Host asks for it, so that NAT lets it in, and From sends. Peer is not used.
type Pull struct {
	Flood
	From *Host

	got atomic.Uint64
}

// Bytes is what the flood has brought so far, in bytes of UDP payload.
func (p *Pull) Bytes() uint64 { return p.got.Load() }

// Run asks, and takes what comes until ctx is done.
func (p *Pull) Run(ctx context.Context) error {
	source, err := p.From.ListenUDP(0)
	if err != nil {
		return err
	}
	defer untilDone(ctx, source)()
	taker, err := p.Host.DialUDP(p.From.At(V4, uint16(source.LocalAddr().(*net.UDPAddr).Port)))
	if err != nil {
		return err
	}
	defer untilDone(ctx, taker)()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return ended(ctx, p.serve(ctx, source)) })
	g.Go(func() error { return ended(ctx, p.ask(ctx, taker)) })
	g.Go(func() error { return ended(ctx, p.take(taker)) })
	return g.Wait()
}

// serve waits to be asked, and floods who did.
func (p *Pull) serve(ctx context.Context, source *net.UDPConn) error {
	if err := markDSCP(source, p.DSCP); err != nil {
		return err
	}
	_, asker, err := source.ReadFromUDPAddrPort(make([]byte, p.Size))
	if err != nil {
		return err
	}
	return p.pour(ctx, func(b []byte) error {
		_, err := source.WriteToUDPAddrPort(b, asker)
		return err
	})
}

// askEvery is how long an answer may take.
const askEvery = time.Second

// ask sends a datagram of the flood's own kind until something comes.
func (p *Pull) ask(ctx context.Context, taker *net.UDPConn) error {
	for packet := p.packets(); p.got.Load() == 0; {
		if err := write(taker, packet()); err != nil {
			return err
		}
		if !pause(ctx, askEvery) {
			return nil
		}
	}
	return nil
}

func (p *Pull) take(taker *net.UDPConn) error {
	for buf := make([]byte, p.Size); ; {
		n, err := taker.Read(buf)
		if err != nil {
			return err
		}
		p.got.Add(uint64(n))
	}
}
