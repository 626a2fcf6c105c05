package demo

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// Ports of the far side.
const (
	portDNS    = 53
	PortWeb    = 443
	PortBackup = 873
	portSTUN   = 3478
	portCalls  = 5004
	portStage  = 5006
	portEcho   = 5010
	PortSink   = 5012
)

// Far is the rest of the Internet on one host: the other end of every call, a stage's stream, DNS, STUN, and a web server.
type Far struct {
	Uploaded atomic.Uint64 // bytes taken over TCP
	Sunk     Sink          // what floods brought

	services []service
}

// service is a socket and what answers on it.
type service struct {
	socket interface{ Close() error }
	serve  func(ctx context.Context) error
}

// NewFar opens the services' sockets on host. Run serves and closes them. The stage logs what it sends to played.
func NewFar(host *Host, played *Trips) (*Far, error) {
	f, stage := &Far{}, newStage(played)
	for port, answer := range map[uint16]responder{
		portDNS:   answerDNS,
		portSTUN:  answerSTUN,
		portCalls: answerCall,
		portStage: stage.answer,
		portEcho:  func(b []byte, _ netip.AddrPort) []byte { return b },
		PortSink:  f.Sunk.take,
	} {
		conn, err := host.ListenUDP(port)
		if err != nil {
			return nil, errors.Join(err, f.close())
		}
		f.services = append(f.services, service{conn, func(context.Context) error { return respond(conn, answer) }})
		if port == portStage {
			f.services = append(f.services, service{conn, func(ctx context.Context) error { return stage.play(ctx, conn) }})
		}
	}
	for _, port := range []uint16{PortWeb, PortBackup} {
		listener, err := host.ListenTCP(port)
		if err != nil {
			return nil, errors.Join(err, f.close())
		}
		f.services = append(f.services, service{listener, func(ctx context.Context) error { return f.accept(ctx, listener) }})
	}
	return f, nil
}

// MarkCalls has the far side mark what it sends in calls and to STUN with a DSCP, as a sender does who knows its packets matter.
func (f *Far) MarkCalls(dscp int) error {
	for _, s := range f.services {
		conn, ok := s.socket.(*net.UDPConn)
		if !ok {
			continue
		}
		switch conn.LocalAddr().(*net.UDPAddr).Port {
		case portCalls, portSTUN:
			if err := markDSCP(conn, dscp); err != nil {
				return err
			}
		}
	}
	return nil
}

// Run serves until ctx is done.
func (f *Far) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, s := range f.services {
		defer untilDone(ctx, s.socket)()
		g.Go(func() error { return ended(ctx, s.serve(ctx)) })
	}
	return g.Wait()
}

func (f *Far) close() error {
	var errs []error
	for _, s := range f.services {
		errs = append(errs, s.socket.Close())
	}
	return errors.Join(errs...)
}

// responder gives the answer to a datagram, nil for none. It may be made in place.
type responder func(datagram []byte, from netip.AddrPort) []byte

func respond(conn *net.UDPConn, answer responder) error {
	buf := make([]byte, 2048)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return err
		}
		reply := answer(buf[:n], from)
		if reply == nil {
			continue
		}
		if _, err := conn.WriteToUDPAddrPort(reply, from); err != nil {
			return fmt.Errorf("answer %s: %w", from, err)
		}
	}
}

// A TCP conversation begins with how many bytes the client wants. What it sends afterwards is counted and thrown away.
const wantSize = 8

func (f *Far) accept(ctx context.Context, listener *net.TCPListener) error {
	g, ctx := errgroup.WithContext(ctx)
	for {
		conn, err := listener.AcceptTCP()
		if err != nil {
			return errors.Join(ended(ctx, err), g.Wait())
		}
		g.Go(func() error {
			defer untilDone(ctx, conn)()
			f.serveTCP(conn)
			return nil
		})
	}
}

// serveTCP serves one client. That clients hang up in the middle is their way of ending a bulk transfer.
func (f *Far) serveTCP(conn *net.TCPConn) {
	var want [wantSize]byte
	if _, err := io.ReadFull(conn, want[:]); err != nil {
		return
	}
	if n := binary.BigEndian.Uint64(want[:]); n > 0 {
		_, _ = io.CopyN(onlyWriter{conn}, zeros{}, int64(n))
		return
	}
	_, _ = io.Copy(counter{&f.Uploaded}, onlyReader{conn})
}
