package demo

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// Probe is a conversation that measures: a small packet in each interval, which the far side sends back. It leaves at a random moment of
// its interval. At a steady pace probes would beat against what is steady too, such as the departures of full-size packets from a
// shaper, and meet always the same part of it; so they meet every part alike.
type Probe struct {
	Trips Trips // round trips

	host    *Host
	peer    netip.AddrPort
	every   time.Duration
	moments *rand.Rand
	dscp    int
	packet  func(now time.Time) []byte
	stampOf func(answer []byte) (time.Time, bool)
}

// probePayload is the size of a call's probe, a narrow-band audio packet's (G.729). 200 larger ones a second, beside as many of STUN, would
// be more than cake keeps for calls at 1 Mbit/s, and the comparison one of overload.
const probePayload = 20

// NewCallProbe makes a probe of one audio stream. dscp is what the sender marks its packets with; 0 is best effort.
func (v *Venue) NewCallProbe(host *Host, every time.Duration, dscp int) *Probe {
	voice := &stream{ssrc: 0x4000, payloadType: 111}
	buf := make([]byte, rtpHeader+probePayload)
	return &Probe{
		host: host, peer: v.Server.At(V4, portCalls), every: every, moments: v.moments(), dscp: dscp, stampOf: stampOf,
		packet: func(now time.Time) []byte {
			voice.mediaTime += audioStep
			return voice.next(buf, probePayload, false, now)
		},
	}
}

// NewSTUNProbe makes a probe of STUN Binding requests.
func (v *Venue) NewSTUNProbe(host *Host, every time.Duration, dscp int) *Probe {
	return &Probe{
		host: host, peer: v.Server.At(V4, portSTUN), every: every, moments: v.moments(), dscp: dscp, packet: bindingRequest,
		stampOf: func(answer []byte) (time.Time, bool) {
			if kindOf(answer) != kindSTUN {
				return time.Time{}, false
			}
			return time.Unix(0, int64(binary.BigEndian.Uint64(answer[8:]))), true
		},
	}
}

// NewPlainProbe makes a probe of datagrams that are like nothing in particular, and best effort to everybody.
func (v *Venue) NewPlainProbe(host *Host, every time.Duration) *Probe {
	buf := make([]byte, rtpHeader+probePayload)
	buf[0] = plain
	return &Probe{
		host: host, peer: v.Server.At(V4, portEcho), every: every, moments: v.moments(), stampOf: stampOf,
		packet: func(now time.Time) []byte {
			stamp(buf, now)
			return buf
		},
	}
}

// moments is a source of its own for each probe, since probes run at the same time.
func (v *Venue) moments() *rand.Rand {
	v.probes++
	return rand.New(rand.NewPCG(v.Seed, v.probes))
}

// Run probes until ctx is done.
func (p *Probe) Run(ctx context.Context) error {
	conn, err := p.host.DialUDP(p.peer)
	if err != nil {
		return err
	}
	in, err := newReceiver(conn)
	if err == nil {
		err = markDSCP(conn, p.dscp)
	}
	if err != nil {
		conn.Close()
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	defer untilDone(ctx, conn)()
	g.Go(func() error { return ended(ctx, p.send(ctx, conn)) })
	g.Go(func() error { return ended(ctx, p.receive(in)) })
	return g.Wait()
}

func (p *Probe) send(ctx context.Context, conn *net.UDPConn) error {
	return scattered(ctx, p.every, p.moments, func() error {
		now := time.Now()
		if _, err := conn.Write(p.packet(now)); err != nil {
			return fmt.Errorf("send probe: %w", err)
		}
		p.Trips.Sent(now)
		return nil
	})
}

// scattered calls fn at a random moment of each interval until ctx is done. An interval that has gone by is not made up for.
func scattered(ctx context.Context, interval time.Duration, moments *rand.Rand, fn func() error) error {
	for begin := time.Now(); ; begin = begin.Add(interval) {
		if now := time.Now(); now.Sub(begin) > interval {
			begin = now
		}
		moment := time.Duration(moments.Int64N(int64(interval)))
		if !pause(ctx, time.Until(begin.Add(moment))) {
			return nil
		}
		if err := fn(); err != nil {
			return err
		}
	}
}

func (p *Probe) receive(in *receiver) error {
	for {
		b, at, err := in.next()
		if err != nil {
			return err
		}
		if sent, ok := p.stampOf(b); ok {
			p.Trips.Done(sent, at)
		}
	}
}

// markDSCP has a socket send its IPv4 packets with a DSCP (RFC 2474).
func markDSCP(conn syscall.Conn, dscp int) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var option error
	err = raw.Control(func(fd uintptr) {
		option = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_TOS, dscp<<2)
	})
	if err = errors.Join(err, option); err != nil {
		return fmt.Errorf("mark with DSCP %d: %w", dscp, err)
	}
	return nil
}
