package nettest

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// TestRouterHidesItsVenue wires client – bridge – router – server, and asks whom the server sees, in both families.
func TestRouterHidesItsVenue(t *testing.T) {
	Require(t, "root", "netns", "veth", "bridge", "nft")
	client, router, server := NewT(t), NewT(t), NewT(t)
	steps := []error{
		Veth(client, "eth0", router, "port0"),
		Veth(router, "wan", server, "eth0"),
		router.Bridge("br0", "port0"),
		router.Addr("br0", "10.9.0.1/24", "fd09::1/64"),
		router.Addr("wan", "192.0.2.1/24", "2001:db8::1/64"),
		client.Addr("eth0", "10.9.0.2/24", "fd09::2/64"),
		server.Addr("eth0", "192.0.2.2/24", "2001:db8::2/64"),
		client.Route("default", "10.9.0.1"),
		client.Route("default", "fd09::1"),
		router.Forward(),
		router.Masquerade("wan"),
	}
	for i, err := range steps {
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	tests := []struct {
		name, server, seen string
	}{
		{"IPv4", "192.0.2.2", "192.0.2.1"},
		{"IPv6", "2001:db8::2", "2001:db8::1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := seenBy(t, client, server, netip.MustParseAddr(tt.server)); got.String() != tt.seen {
				t.Errorf("the server saw %s, want %s", got, tt.seen)
			}
		})
	}
}

// seenBy sends a datagram from client to an address of server and gives the source address that arrived.
func seenBy(t *testing.T, client, server *NS, addr netip.Addr) netip.Addr {
	t.Helper()
	at := net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 7))
	var listener, conn *net.UDPConn
	if err := server.Do(func() (err error) { listener, err = net.ListenUDP("udp", at); return err }); err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := client.Do(func() (err error) { conn, err = net.DialUDP("udp", nil, at); return err }); err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("who am I")); err != nil {
		t.Fatal(err)
	}
	listener.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, from, err := listener.ReadFromUDPAddrPort(make([]byte, 64))
	if err != nil {
		t.Fatal(err)
	}
	return from.Addr().Unmap()
}
