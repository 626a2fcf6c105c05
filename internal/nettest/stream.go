package nettest

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Echo answers every datagram to addr in n until the test ends.
func Echo(t testing.TB, n *NS, addr string) {
	t.Helper()
	var server *net.UDPConn
	err := n.Do(func() (err error) {
		server, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	go func() {
		onOneCPU()
		b := make([]byte, 65536)
		for {
			n, from, err := server.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			_, _ = server.WriteToUDPAddrPort(b[:n], from) // a loss shows at the other end
		}
	}()
}

// onOneCPU keeps the calling goroutine on one processor; its thread ends with it. What passes a veth waits in a queue of the
// sender's processor: a sender that moves from a busy one to another overtakes itself, whatever is between the two ends.
func onOneCPU() {
	runtime.LockOSThread()
	var allowed, first unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		return
	}
	cpu := 0
	for !allowed.IsSet(cpu) {
		cpu++
	}
	first.Set(cpu)
	_ = unix.SchedSetaffinity(0, &first) // else the stream is as it was, and may overtake itself
}

// Stream is numbered datagrams of 100 bytes to an Echo and back, one a millisecond.
type Stream struct {
	conn *net.UDPConn
	stop chan struct{}
	sent chan int

	mu   sync.Mutex // guards back
	back []uint32   // numbers in the order in which they came back
}

// NewStream sends from n to addr until End.
func NewStream(t testing.TB, n *NS, addr string) *Stream {
	t.Helper()
	s := &Stream{stop: make(chan struct{}), sent: make(chan int, 1)}
	err := n.Do(func() (err error) {
		s.conn, err = net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.conn.Close() })
	go s.send()
	go s.receive()
	return s
}

func (s *Stream) send() {
	onOneCPU()
	n := 0
	defer func() { s.sent <- n }()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			b := make([]byte, 100)
			binary.BigEndian.PutUint32(b, uint32(n))
			if _, err := s.conn.Write(b); err == nil {
				n++
			}
		}
	}
}

func (s *Stream) receive() {
	b := make([]byte, 2048)
	for {
		n, err := s.conn.Read(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil && n >= 4 {
			s.mu.Lock()
			s.back = append(s.back, binary.BigEndian.Uint32(b))
			s.mu.Unlock()
		}
	}
}

// Count is how many came back so far.
func (s *Stream) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.back)
}

// End stops sending, waits for the last echo, and says what was lost or came out of order.
func (s *Stream) End() (sent, lost int, ordered bool) {
	close(s.stop)
	sent = <-s.sent
	for end := time.Now().Add(3 * time.Second); s.Count() < sent && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return sent, sent - len(s.back), slices.IsSorted(s.back)
}
