package demo

import (
	"errors"
	"fmt"
	"math"
	"strings"
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

// Modem is the narrow place: a link with a long first-in-first-out queue on each of its two sides.
type Modem struct {
	host *Host
	link Link
}

// burst is what a modem without netem lets through at once: two full packets, so that superpackets are split.
const burst = 2 * fullFrame

const fullFrame = 1514

func newModem(host *Host, link Link) (*Modem, error) {
	m := &Modem{host: host, link: link}
	for _, side := range []string{modemLAN, modemNet} {
		err := m.emulate(side)
		if errors.Is(err, unix.ENOENT) {
			err = m.narrow(side)
		}
		if err != nil {
			return nil, fmt.Errorf("narrow modem's %s: %w", side, err)
		}
	}
	return m, nil
}

// emulate has netem hold each packet for as long as the link needs to send it. The bucket around it is wide, and there to split
// superpackets, which no link has.
func (m *Modem) emulate(side string) error {
	const wide = 1e9 / 8 // byte/s
	if err := m.bucket(side, wide, fullFrame+100); err != nil {
		return err
	}
	dev, err := m.host.Links().LinkByName(side)
	if err != nil {
		return err
	}
	attrs := netlink.QdiscAttrs{LinkIndex: dev.Attrs().Index, Handle: netlink.MakeHandle(2, 0), Parent: netlink.MakeHandle(1, 1)}
	packets := float64(m.link.Rate) / 8 / fullFrame * m.link.Queue.Seconds()
	return m.host.Links().QdiscReplace(netlink.NewNetem(attrs, netlink.NetemQdiscAttrs{
		Rate64: uint64(m.link.Rate) / 8,
		Limit:  max(uint32(packets), 2),
	}))
}

// Framing is what a link adds to a packet as the kernel sees it.
type Framing struct {
	Overhead   int // bytes a packet
	Cell       int // bytes that a cell carries, the last one padded; 0 for a link without cells
	CellHeader int // bytes a cell
}

// Wire is how many bytes of the link a frame of so many takes.
func (f Framing) Wire(bytes int) int {
	bytes += f.Overhead
	if f.Cell == 0 {
		return bytes
	}
	return (bytes + f.Cell - 1) / f.Cell * (f.Cell + f.CellHeader)
}

// Frame has the link carry what f adds too, at the same rate, each way. It takes a kernel with netem.
func (m *Modem) Frame(f Framing) error {
	packets := max(int(float64(m.link.Rate)/8/fullFrame*m.link.Queue.Seconds()), 2)
	for _, side := range []string{modemLAN, modemNet} {
		change := fmt.Sprintf("qdisc change dev %s parent 1:1 handle 2: netem limit %d rate %dbit %d %d %d",
			side, packets, m.link.Rate, f.Overhead, f.Cell, f.CellHeader)
		if _, err := m.host.Output("tc", strings.Fields(change)...); err != nil {
			return fmt.Errorf("frame modem's %s: %w", side, err)
		}
	}
	return nil
}

// narrow is the link on a kernel without netem: a bucket alone.
func (m *Modem) narrow(side string) error {
	return m.bucket(side, uint64(m.link.Rate)/8, burst)
}

func (m *Modem) bucket(side string, rate uint64, burst uint32) error {
	dev, err := m.host.Links().LinkByName(side)
	if err != nil {
		return err
	}
	return m.host.Links().QdiscReplace(&netlink.Tbf{
		QdiscAttrs: netlink.QdiscAttrs{LinkIndex: dev.Attrs().Index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT},
		Rate:       rate,
		Buffer:     ticks(rate, burst),
		Limit:      uint32(float64(m.link.Rate) / 8 * m.link.Queue.Seconds()),
	})
}

// ticks is how long rate, in byte/s, needs for so many bytes, in the kernel's 64 ns. netlink.Xmittime cuts off to a microsecond, and
// a bucket that is a little too small drops every full packet.
func ticks(rate uint64, bytes uint32) uint32 {
	const tick = 64e-9 // s
	return uint32(math.Ceil(float64(bytes) / float64(rate) / tick))
}

// TimeFor is how long the link needs for so many bytes.
func (m *Modem) TimeFor(bytes uint32) time.Duration { return m.link.timeFor(bytes) }

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
