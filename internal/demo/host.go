package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/slicegate/slicegate/internal/nettest"
)

// Host is a machine of the venue: a namespace with an address of each family. Several hosts may share a namespace that has the
// addresses of all: each talks from its own.
type Host struct {
	*nettest.NS
	V4, V6 netip.Addr
}

// Family tells which addresses a conversation uses.
type Family int

// Families.
const (
	V4 Family = 4
	V6 Family = 6
)

// At gives the host's address of a family, with a port.
func (h *Host) At(family Family, port uint16) netip.AddrPort {
	if family == V6 {
		return netip.AddrPortFrom(h.V6, port)
	}
	return netip.AddrPortFrom(h.V4, port)
}

// towards is the host's own end of a conversation with a peer, on any port.
func (h *Host) towards(peer netip.AddrPort) netip.AddrPort {
	if peer.Addr().Is4() {
		return h.At(V4, 0)
	}
	return h.At(V6, 0)
}

// ListenUDP opens a socket on the host that takes both families. Port 0 takes a free one.
func (h *Host) ListenUDP(port uint16) (conn *net.UDPConn, err error) {
	err = h.Do(func() error {
		conn, err = net.ListenUDP("udp", &net.UDPAddr{Port: int(port)})
		return err
	})
	return conn, err
}

// DialUDP opens a socket on the host that talks to one peer.
func (h *Host) DialUDP(peer netip.AddrPort) (conn *net.UDPConn, err error) {
	err = h.Do(func() error {
		conn, err = net.DialUDP("udp", net.UDPAddrFromAddrPort(h.towards(peer)), net.UDPAddrFromAddrPort(peer))
		return err
	})
	return conn, err
}

// ListenTCP opens a listener on the host that takes both families.
func (h *Host) ListenTCP(port uint16) (listener *net.TCPListener, err error) {
	err = h.Do(func() error {
		config := net.ListenConfig{Control: congestion}
		config.SetMultipathTCP(false)
		l, err := config.Listen(context.Background(), "tcp", fmt.Sprintf(":%d", port))
		if err == nil {
			listener = l.(*net.TCPListener)
		}
		return err
	})
	return listener, err
}

// DialTCP connects from the host to a peer.
func (h *Host) DialTCP(ctx context.Context, peer netip.AddrPort) (conn net.Conn, err error) {
	err = h.Do(func() error {
		dialer := net.Dialer{Control: congestion, LocalAddr: net.TCPAddrFromAddrPort(h.towards(peer))}
		conn, err = dialer.DialContext(ctx, "tcp", peer.String())
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", peer, err)
	}
	return conn, nil
}

// congestion makes TCP of a socket what most servers and phones use, whatever this machine prefers.
func congestion(_, _ string, socket syscall.RawConn) error {
	var option error
	err := socket.Control(func(fd uintptr) {
		option = unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, "cubic")
		if errors.Is(option, unix.ENOENT) {
			option = unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, "reno")
		}
	})
	return errors.Join(err, option)
}
