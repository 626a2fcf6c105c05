package scenario

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netlink"

	"github.com/slicegate/slicegate/internal/demo"
)

// costs is what one packet costs, in ns of the guest's only processor, by direction.
type costs map[demo.Direction]float64

// plus gives c and times as much of o.
func (c costs) plus(times float64, o costs) costs {
	sum := make(costs)
	for way, cost := range c {
		sum[way] = cost + times*o[way]
	}
	return sum
}

// costReport takes what a treatment was measured to cost.
type costReport struct {
	box    func(treatment string, measured costs)
	delays func(treatment string, measured costs) // of that, for measuring delays, with the agent's own work
}

// TestCost asks what a forwarded packet costs the box when nothing is held up: the links are faster than the processor. The kernel
// makes the packets and swallows them; a burst that is swallowed where it enters the box is what sender and receiver cost, and is
// subtracted. So what remains is the box: its drivers (veth), routing, NAT and shaping, one packet at a time.
func TestCost(t *testing.T) {
	seed := begin(t)
	loadPktgen(t)
	// Of a call's slice every packet's delay is measured, of others one in 16.
	call := Treatment{"ours, in a call's slice", bySliced(demo.Settings{Tables: fmt.Sprintf(callRule, farPort)})}
	one, all := Crowd{1, 1}, append(slices.Clone(Treatments), call)
	few := slices.DeleteFunc(slices.Clone(Treatments), func(t Treatment) bool { return t.Name == "fq_codel" || t.Name == "cake besteffort" })
	for _, test := range []struct {
		crowd      Crowd
		size       int
		treatments []Treatment
	}{
		{one, 1500, all},
		{one, 200, all},
		{Crowd{500, 7500}, 1500, few},
		{Crowd{4000, 60000}, 1500, few},
	} {
		t.Run(fmt.Sprintf("%d/%d", test.crowd.Devices, test.size), func(t *testing.T) {
			ends := costOfEnds(t, test.crowd, test.size)
			var plain costs
			for _, treatment := range test.treatments {
				each := func(name string, figures func(r reporter, way demo.Direction)) {
					for _, way := range []demo.Direction{demo.Up, demo.Down} {
						figures(newReporter(t, "cost", fmt.Sprintf("%s, %s, %d bytes", test.crowd, way, test.size), name, seed), way)
					}
				}
				report := costReport{
					box: func(name string, measured costs) {
						if plain == nil {
							plain = measured
						}
						each(name, func(r reporter, way demo.Direction) {
							r.figure("box", "ns", measured[way]-ends[way])
							r.figure("above nothing", "ns", measured[way]-plain[way])
							r.figure("with ends", "ns", measured[way])
						})
					},
					delays: func(name string, measured costs) {
						each(name, func(r reporter, way demo.Direction) { r.figure("measuring delays", "ns", measured[way]) })
					},
				}
				onWire(t, treatment, func(w *Wire) { costOf(t, w, treatment, test.crowd, test.size, report) })
			}
		})
	}
}

const callRule = `[[rule]]
slice = "realtime"
ports = ["udp/%d"]
`

// loadPktgen loads the kernel's packet generator for as long as the test runs.
func loadPktgen(t *testing.T) {
	if out, err := exec.Command("modprobe", "pktgen").CombinedOutput(); err != nil {
		t.Fatalf("load pktgen: %v: %s", err, out)
	}
	if err := hurrySoftirqs(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("rmmod", "pktgen").CombinedOutput(); err != nil {
			t.Errorf("unload pktgen: %v: %s", err, out)
		}
	})
}

// costOfEnds measures bursts that end where they enter the box.
func costOfEnds(t *testing.T, crowd Crowd, size int) costs {
	measured := make(costs)
	onWire(t, Treatments[0], func(w *Wire) {
		for _, ifname := range []string{demo.VenueInterface, demo.UplinkInterface} {
			if err := swallow(w.Box, ifname); err != nil {
				t.Fatal(err)
			}
		}
		for _, way := range []demo.Direction{demo.Up, demo.Down} {
			measured[way] = perPacket(t, w, burst{way: way, crowd: crowd, until: crowd.Flows, size: size})
		}
	})
	return measured
}

// costOf measures a treatment; one that has an agent a second time without it, when no delays are measured, and ours a third time, when
// nobody heals what is done to the leaves. With an agent that is as much more as before.
func costOf(t *testing.T, w *Wire, treatment Treatment, crowd Crowd, size int, report costReport) {
	for _, host := range []*demo.Host{w.Venue, w.Far} {
		if err := swallow(host, hostPort); err != nil {
			t.Fatal(err)
		}
	}
	isOurs := strings.HasPrefix(treatment.Name, "ours")
	if isOurs {
		acquaint(t, w, crowd, settlesAfter)
		if n := settledFlows(t); n*100 < crowd.Flows*99 {
			t.Errorf("%s: %d of %d flows are settled: the figures are of new ones", crowd, n, crowd.Flows)
		}
	} else {
		acquaint(t, w, crowd, 1)
	}
	measure := func() costs {
		measured := make(costs)
		for _, to := range []struct {
			way demo.Direction
			end *demo.Host
		}{{demo.Up, w.Far}, {demo.Down, w.Venue}} {
			before := mustReceive(t, to.end)
			b := burst{way: to.way, crowd: crowd, until: crowd.Flows, size: size}
			measured[to.way] = perPacket(t, w, b)
			if got, want := mustReceive(t, to.end)-before, uint64(b.count()); got < want {
				t.Errorf("%s, %s: %d of %d packets arrived", treatment.Name, to.way, got, want)
			}
		}
		return measured
	}
	whole := measure()
	report.box(treatment.Name, whole)
	if !isOurs {
		return
	}
	if err := w.Leave(); err != nil {
		t.Fatal(err)
	}
	alone := measure()
	report.box(treatment.Name+", no agent", alone)
	delays := whole.plus(-1, alone)
	report.delays(treatment.Name, delays)
	if treatment.Name == "ours" {
		if err := slowLeaves(w.Box); err != nil {
			t.Fatal(err)
		}
		slow := measure()
		report.box("ours, no agent, quantum of 300 bytes", slow)
		report.box("ours, quantum of 300 bytes", slow.plus(1, delays))
	}
}

// slowLeaves gives all leaves the quantum that slices of up to 121 Mbit/s have (0021): behind such a link the processor would wait.
func slowLeaves(box *demo.Host) error {
	links, err := box.Links().LinkList()
	if err != nil {
		return fmt.Errorf("find leaves: %w", err)
	}
	changed := 0
	for _, link := range links {
		qdiscs, err := box.Links().QdiscList(link)
		if err != nil {
			return fmt.Errorf("find leaves of %s: %w", link.Attrs().Name, err)
		}
		for _, q := range qdiscs {
			if q.Type() != "fq_codel" {
				continue
			}
			changed++
			parent, handle := netlink.HandleStr(q.Attrs().Parent), netlink.HandleStr(q.Attrs().Handle)
			change := fmt.Sprintf("qdisc change dev %s parent %s handle %s fq_codel quantum 300", link.Attrs().Name, parent, handle)
			if err := run(box.NS, "tc", change); err != nil {
				return err
			}
		}
	}
	if changed == 0 {
		return errors.New("find leaves: the box has none of fq_codel")
	}
	return nil
}

// settlesAfter is how many packets of a flow ours looks into before it lets the flow settle, and some.
const settlesAfter = 20

// settledFlows counts the entries of the classifier's table.
func settledFlows(t *testing.T) (n int) {
	table := mapNamed(t, "flows")
	defer table.Close()
	key, value := make([]byte, table.KeySize()), make([]byte, table.ValueSize())
	entries := table.Iterate()
	for entries.Next(&key, &value) {
		n++
	}
	if err := entries.Err(); err != nil {
		t.Fatal(err)
	}
	return n
}

// mapNamed opens the newest eBPF map of a name: the kernel numbers them upwards.
func mapNamed(t *testing.T, name string) (newest *ebpf.Map) {
	for id := ebpf.MapID(0); ; {
		next, err := ebpf.MapGetNextID(id)
		if errors.Is(err, os.ErrNotExist) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		id = next
		m, err := ebpf.NewMapFromID(id)
		if errors.Is(err, os.ErrNotExist) { // gone meanwhile
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		info, err := m.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Name != name {
			m.Close()
			continue
		}
		if newest != nil {
			newest.Close()
		}
		newest = m
	}
	if newest == nil {
		t.Fatalf("no eBPF map has the name %q", name)
	}
	return newest
}

// acquaint lets the box see every flow: NAT maps it, and ours settles it. That goes some flows at a time, since those that nothing has
// settled yet have less room. An answer is known by what it answers. The packets are small: pktgen's begin as RTP with a long header does,
// and those that are too short for that header are no RTP, which longer ones would have to prove.
func acquaint(t *testing.T, w *Wire, crowd Crowd, packets int) {
	const together, size = 4000, 60
	for from := 0; from < crowd.Flows; from += together {
		until := min(from+together, crowd.Flows)
		for _, b := range []burst{{way: demo.Up, packets: packets * (until - from)}, {way: demo.Down, packets: until - from}} {
			b.crowd, b.from, b.until, b.size = crowd, from, until, size
			if _, err := w.send(b); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// count is how many packets are measured: some rounds of all flows.
func (b burst) count() int {
	const least = 100000
	rounds := (least + b.crowd.Flows - 1) / b.crowd.Flows
	return rounds * b.crowd.Flows
}

func perPacket(t *testing.T, w *Wire, b burst) float64 {
	b.packets = b.count()
	took, err := w.send(b)
	if err != nil {
		t.Fatal(err)
	}
	return float64(took) / float64(time.Nanosecond) / float64(b.packets)
}

func mustReceive(t *testing.T, h *demo.Host) uint64 {
	n, err := received(h, hostPort)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
