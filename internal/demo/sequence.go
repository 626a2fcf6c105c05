package demo

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// A sequence is an RTP packet a millisecond, in both directions of one 5-tuple.
const (
	portSequence  = 7000
	sequenceEvery = time.Millisecond

	// stampsBegin is when the kernel surely stamps what it receives. It begins a while after it was asked, and says of what came before
	// that it was received when it was read.
	stampsBegin = 100 * time.Millisecond
)

// Sequence is what became of numbered packets in one direction. The kernel says when each was sent and received, so that only the
// path between is judged.
type Sequence struct {
	sent []time.Time // by number; the zero time where the kernel did not say
	got  []arrival   // in the order of arrival
}

type arrival struct {
	number uint32
	at     time.Time
}

// Sent is how many packets were sent.
func (s *Sequence) Sent() int { return len(s.sent) }

// Lost is how many of them did not arrive.
func (s *Sequence) Lost() int { return len(s.sent) - len(s.got) }

// Reordered is how many arrived after one that was sent later.
func (s *Sequence) Reordered() int {
	n, highest := 0, uint32(0)
	for _, a := range s.got {
		if a.number < highest {
			n++
		}
		highest = max(highest, a.number)
	}
	return n
}

// Growth is what a share q of the packets took at most beyond the median; with 1 it is the one that was longest under way. Each is judged
// by when it was sent itself: that the sender had to wait, then or at another moment, hides nothing.
func (s *Sequence) Growth(q float64) time.Duration {
	var took []time.Duration
	for _, a := range s.got {
		if sent := s.sent[a.number]; !sent.IsZero() {
			took = append(took, a.at.Sub(sent))
		}
	}
	slices.Sort(took)
	return quantile(took, q) - quantile(took, 0.50)
}

// SenderGap is the longest time in which the sender sent nothing, so that nothing was judged.
func (s *Sequence) SenderGap() (gap time.Duration) {
	var last time.Time
	for _, at := range s.sent {
		if at.IsZero() {
			continue
		}
		if !last.IsZero() {
			gap = max(gap, at.Sub(last))
		}
		last = at
	}
	return gap
}

// stamped is an error where the kernel did not say when packets were sent: their delays would be missing.
func (s *Sequence) stamped() error {
	unknown := 0
	for _, at := range s.sent {
		if at.IsZero() {
			unknown++
		}
	}
	if unknown > 0 {
		return fmt.Errorf("read send times: the kernel has none of %d of %d packets", unknown, len(s.sent))
	}
	return nil
}

// Sequences sends a sequence from the first attendee to the server, and one back, while fn runs.
func (v *Venue) Sequences(ctx context.Context, fn func(ctx context.Context) error) (up, down *Sequence, err error) {
	far, err := v.Server.ListenUDP(portSequence)
	if err != nil {
		return nil, nil, err
	}
	defer far.Close()
	near, err := v.Attendees[0].DialUDP(v.Server.At(V4, portSequence))
	if err != nil {
		return nil, nil, err
	}
	defer near.Close()
	back, err := introduce(near, far, bindingRequest(time.Now()))
	if err != nil {
		return nil, nil, err
	}

	up, down = &Sequence{}, &Sequence{}
	receivers, _ := errgroup.WithContext(ctx)
	for conn, s := range map[*net.UDPConn]*Sequence{far: up, near: down} {
		if err := holdAll(conn); err != nil {
			return nil, nil, err
		}
		in, err := newReceiver(conn)
		if err != nil {
			return nil, nil, err
		}
		receivers.Go(func() error { return s.receive(in) })
	}
	pause(ctx, stampsBegin)
	sendCtx, stop := context.WithCancel(ctx)
	senders, sendCtx := errgroup.WithContext(sendCtx)
	senders.Go(func() error { return up.send(sendCtx, near, netip.AddrPort{}, 1) })
	senders.Go(func() error { return down.send(sendCtx, far, back, 2) })
	senders.Go(func() error { defer stop(); return fn(sendCtx) })
	err = senders.Wait()
	time.Sleep(comeHome)
	err = errors.Join(err, withFD(near, up.readSendTimes), withFD(far, down.readSendTimes))
	far.Close()
	near.Close()
	return up, down, errors.Join(err, receivers.Wait(), up.stamped(), down.stamped())
}

// holdAll gives a socket room for seconds of probes: a reader that a busy machine keeps waiting loses none, and is not the path.
func holdAll(conn *net.UDPConn) error {
	const room = 8 << 20 // bytes, as the kernel accounts for packets
	return withFD(conn, func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, room) })
}

// withFD runs fn with a socket's descriptor.
func withFD(conn *net.UDPConn, fn func(fd int) error) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var failure error
	err = raw.Control(func(fd uintptr) { failure = fn(int(fd)) })
	return errors.Join(err, failure)
}

// introduce lets the far end know where the near end's packets come from after NAT, by a datagram that it takes.
func introduce(near, far *net.UDPConn, datagram []byte) (netip.AddrPort, error) {
	if _, err := near.Write(datagram); err != nil {
		return netip.AddrPort{}, err
	}
	if err := far.SetReadDeadline(time.Now().Add(lookupTimeout)); err != nil {
		return netip.AddrPort{}, err
	}
	_, from, err := far.ReadFromUDPAddrPort(make([]byte, 64))
	return from, errors.Join(err, far.SetReadDeadline(time.Time{}))
}

func (s *Sequence) receive(in *receiver) error {
	for {
		b, at, err := in.next()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		if kindOf(b) == kindRTP {
			s.got = append(s.got, arrival{binary.BigEndian.Uint32(b[rtpHeader:]), at})
		}
	}
}

// send sends until ctx is done, on a thread of its own that sleeps by the kernel's clock: a Go timer is too coarse.
func (s *Sequence) send(ctx context.Context, conn *net.UDPConn, to netip.AddrPort, ssrc uint32) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var address unix.Sockaddr
	if to.IsValid() {
		address = &unix.SockaddrInet6{Addr: to.Addr().As16(), Port: int(to.Port())}
	}
	return withFD(conn, func(fd int) error { return s.sendOn(ctx, fd, address, ssrc) })
}

func (s *Sequence) sendOn(ctx context.Context, fd int, to unix.Sockaddr, ssrc uint32) error {
	if err := askSendTimes(fd); err != nil {
		return err
	}
	packets := &stream{ssrc: ssrc, payloadType: 111}
	buf := make([]byte, 64)
	next := time.Now()
	for ctx.Err() == nil {
		b := packets.next(buf, stampSize, false, next)
		binary.BigEndian.PutUint32(b[rtpHeader:], uint32(len(s.sent)))
		s.sent = append(s.sent, time.Time{})
		if err := unix.Sendto(fd, b, 0, to); err != nil {
			return fmt.Errorf("send probe: %w", err)
		}
		if err := s.readSendTimes(fd); err != nil {
			return err
		}
		next = next.Add(sequenceEvery)
		wait := unix.NsecToTimespec(max(0, time.Until(next).Nanoseconds()))
		_ = unix.Nanosleep(&wait, nil) // one that is cut short sends a little early
	}
	return nil
}
