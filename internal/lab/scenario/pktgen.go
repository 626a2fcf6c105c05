package scenario

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slicegate/slicegate/internal/demo"
)

// Crowd is the devices and flows that packets are of. Flows are dealt to the devices in turn, so Flows is a multiple of Devices.
type Crowd struct {
	Devices, Flows int
}

func (c Crowd) String() string { return fmt.Sprintf("%d devices, %d flows", c.Devices, c.Flows) }

// Ports of a crowd's flows: one port each, so that NAT leaves it as it is and an answer can be made without asking.
const (
	firstPort = 2000
	farPort   = 5001
)

// etherHeader is what the kernel's packet generator counts on top of an IP packet.
const etherHeader = 14

// burst is a number of equal packets of consecutive flows, made by the kernel itself (pktgen): no socket, no system call, no copy.
type burst struct {
	way     demo.Direction
	crowd   Crowd
	from    int // the first flow; the packets go round from there to the crowd's last
	until   int // one behind the last flow
	size    int // bytes of an IP packet
	packets int
}

// proc is where a thread finds the packet generator of its network namespace.
const proc = "/proc/thread-self/net/pktgen/"

// send sends the burst and tells how long that took, with all that the packets caused on this only processor.
func (w *Wire) send(b burst) (took time.Duration, err error) {
	host, gate, ifname := w.Venue, w.Box, demo.VenueInterface
	if b.way == demo.Down {
		host, ifname = w.Far, demo.UplinkInterface
	}
	next, err := hardware(gate, ifname)
	if err != nil {
		return 0, err
	}
	err = host.Do(func() error {
		for _, step := range [][2]string{{"kpktgend_0", "rem_device_all"}, {"kpktgend_0", "add_device " + hostPort}} {
			if err := tell(step[0], step[1]); err != nil {
				return err
			}
		}
		for _, setting := range b.settings(next) {
			if err := tell(hostPort, setting); err != nil {
				return err
			}
		}
		if err := tell("pgctrl", "start"); err != nil {
			return err
		}
		took, err = result(b.packets)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("send a burst %s: %w", b.way, err)
	}
	return took, nil
}

// settings are in pktgen's words. A range of ports ends before its maximum, one of addresses with it.
func (b burst) settings(next net.HardwareAddr) []string {
	first, end := firstPort+b.from, firstPort+b.until
	if b.until-b.from == 1 {
		end = first
	}
	all := []string{
		"clone_skb 0", "delay 0", fmt.Sprintf("count %d", b.packets), fmt.Sprintf("pkt_size %d", b.size+etherHeader),
		"dst_mac " + next.String(),
	}
	if b.way == demo.Down {
		return append(all, "dst "+boxWAN, "src_min "+farPeer, "src_max "+farPeer,
			fmt.Sprintf("udp_src_min %d", farPort), fmt.Sprintf("udp_src_max %d", farPort),
			fmt.Sprintf("udp_dst_min %d", first), fmt.Sprintf("udp_dst_max %d", end))
	}
	address := func(n int) string { return fmt.Sprintf("10.9.%d.%d", n>>8, n&255) }
	return append(all, "dst "+farPeer, "src_mac 02:00:00:00:00:00", fmt.Sprintf("src_mac_count %d", b.crowd.Devices),
		"src_min "+address(1), "src_max "+address(b.crowd.Devices),
		fmt.Sprintf("udp_src_min %d", first), fmt.Sprintf("udp_src_max %d", end),
		fmt.Sprintf("udp_dst_min %d", farPort), fmt.Sprintf("udp_dst_max %d", farPort))
}

// hurrySoftirqs gives ksoftirqd the processor as soon as it wants it. It takes over when more packets come than are handled on the side; if
// it had to wait for the generator, the queue between them would be full meanwhile, and packets lost.
func hurrySoftirqs() error {
	names, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil {
		return err
	}
	for _, path := range names {
		name, err := os.ReadFile(path)
		if err != nil || !strings.HasPrefix(string(name), "ksoftirqd/") {
			continue // it may be gone meanwhile
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			return err
		}
		attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}
		if err := unix.SchedSetAttr(pid, &attr, 0); err != nil {
			return fmt.Errorf("let %s go first: %w", strings.TrimSpace(string(name)), err)
		}
	}
	return nil
}

func tell(file, command string) error {
	if err := os.WriteFile(proc+file, []byte(command+"\n"), 0); err != nil {
		return fmt.Errorf("tell pktgen's %s %q: %w", file, command, err)
	}
	return nil
}

var pktgenResult = regexp.MustCompile(`(?s)pkts-sofar: (\d+)\s+errors: (\d+).*Result: OK: (\d+)\(`)

// result reads what became of the packets.
func result(packets int) (time.Duration, error) {
	text, err := os.ReadFile(proc + hostPort)
	if err != nil {
		return 0, err
	}
	match := pktgenResult.FindSubmatch(text)
	if match == nil || string(match[1]) != strconv.Itoa(packets) || string(match[2]) != "0" {
		return 0, fmt.Errorf("pktgen did not send its %d packets:\n%s", packets, text)
	}
	micros, err := strconv.Atoi(string(match[3]))
	return time.Duration(micros) * time.Microsecond, err
}
