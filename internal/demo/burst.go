package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// Bursts is a flow of probes that go one way: so many at once, and none until they are through. So a queue builds and drains, in which
// each waits for those before it.
type Bursts struct {
	Trips Trips // one way

	Host      *Host
	Way       Direction
	Port      uint16 // of the server, which nothing else uses
	Look      Look
	Size      int // of a payload, bytes; at least 20
	Datagrams int // at once
	Every     time.Duration
	Calm      int // of the first bursts, which are of one datagram
}

// Bursts sends them until ctx is done, and waits for what is under way then.
func (v *Venue) Bursts(ctx context.Context, b *Bursts) error {
	far, err := v.Server.ListenUDP(b.Port)
	if err != nil {
		return err
	}
	defer far.Close()
	near, err := b.Host.DialUDP(v.Server.At(V4, b.Port))
	if err != nil {
		return err
	}
	defer near.Close()
	packet := Flood{Look: b.Look, Size: b.Size}.packets()
	to, write := far, near.Write
	if b.Way == Down {
		back, err := introduce(near, far, packet())
		if err != nil {
			return err
		}
		to, write = near, func(d []byte) (int, error) { return far.WriteToUDPAddrPort(d, back) }
	}
	in, err := newReceiver(to)
	if err == nil {
		err = holdAll(to)
	}
	if err != nil {
		return err
	}
	var g errgroup.Group
	g.Go(func() error { return ended(ctx, b.receive(in)) })
	err = every(ctx, b.Every, func(n int) error { return b.send(n, packet, write) })
	time.Sleep(comeHome)
	return errors.Join(err, far.Close(), near.Close(), g.Wait())
}

func (b *Bursts) send(n int, packet func() []byte, write func([]byte) (int, error)) error {
	datagrams := b.Datagrams
	if n < b.Calm {
		datagrams = 1
	}
	for range datagrams {
		d, now := packet(), time.Now()
		stamp(d, now)
		if _, err := write(d); err != nil {
			return fmt.Errorf("send burst: %w", err)
		}
		b.Trips.Sent(now)
	}
	return nil
}

func (b *Bursts) receive(in *receiver) error {
	for {
		d, at, err := in.next()
		if err != nil {
			return err
		}
		if sent, ok := stampOf(d); ok {
			b.Trips.Done(sent, at)
		}
	}
}
