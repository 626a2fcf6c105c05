package demo

import (
	"errors"
	"fmt"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Interfaces of the modem: towards the box, and towards the Internet.
const (
	modemLAN = "lan"
	modemNet = "net"
)

// Link is what the venue's contract says, and what the modem adds to it.
type Link struct {
	Rate  int           // each way, in bit/s
	Queue time.Duration // how long a packet waits in the modem when its queue is full
	Delay time.Duration // of the path, both ways together, where the kernel has netem
}

// DefaultLink is a 20/20 Mbit/s contract behind a modem that buffers generously, as most do.
var DefaultLink = Link{Rate: 20e6, Queue: 600 * time.Millisecond, Delay: 20 * time.Millisecond}

// timeFor is how long the link needs for so many bytes.
func (l Link) timeFor(bytes uint32) time.Duration {
	return time.Duration(float64(bytes) * 8 / float64(l.Rate) * float64(time.Second))
}

// Modem is the narrow place: a token bucket with a long first-in-first-out queue on each of its two sides.
type Modem struct {
	host *Host
	link Link
}

// burst is what the bucket lets through at once: two full packets, so that superpackets are split.
const burst = 2 * 1514

func newModem(host *Host, link Link) (*Modem, error) {
	m := &Modem{host: host, link: link}
	for _, side := range []string{modemLAN, modemNet} {
		if err := m.narrow(side); err != nil {
			return nil, fmt.Errorf("narrow modem's %s: %w", side, err)
		}
	}
	return m, nil
}

func (m *Modem) narrow(side string) error {
	dev, err := m.host.Links().LinkByName(side)
	if err != nil {
		return err
	}
	rate := uint64(m.link.Rate) / 8
	return m.host.Links().QdiscReplace(&netlink.Tbf{
		QdiscAttrs: netlink.QdiscAttrs{LinkIndex: dev.Attrs().Index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT},
		Rate:       rate,
		Buffer:     netlink.Xmittime(rate, burst),
		Limit:      uint32(float64(rate) * m.link.Queue.Seconds()),
	})
}

// Backlog is how many bytes wait in the modem, in the given direction.
func (m *Modem) Backlog(d Direction) (uint32, error) {
	side := modemNet
	if d == Down {
		side = modemLAN
	}
	dev, err := m.host.Links().LinkByName(side)
	if err != nil {
		return 0, fmt.Errorf("read modem's queue: %w", err)
	}
	qdiscs, err := m.host.Links().QdiscList(dev)
	if err != nil {
		return 0, fmt.Errorf("read modem's queue: %w", err)
	}
	for _, q := range qdiscs {
		if attrs := q.Attrs(); attrs.Parent == netlink.HANDLE_ROOT && attrs.Statistics != nil {
			return attrs.Statistics.Queue.Backlog, nil
		}
	}
	return 0, errors.New("read modem's queue: it has none")
}

// addDelay gives the server's side the path's delay. A kernel without netem has a demo without distance.
func addDelay(server *Host, delay time.Duration) error {
	dev, err := server.Links().LinkByName("eth0")
	if err != nil {
		return err
	}
	attrs := netlink.QdiscAttrs{LinkIndex: dev.Attrs().Index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT}
	netem := netlink.NewNetem(attrs, netlink.NetemQdiscAttrs{Latency: uint32(delay.Microseconds()), Limit: 10000})
	err = server.Links().QdiscReplace(netem)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}
