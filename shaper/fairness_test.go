package shaper

import (
	"io"
	"maps"
	"net"
	"regexp"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/nettest"
	"github.com/slicegate/slicegate/internal/slice"
)

// fairField is a field of two devices, which are addresses of one host, behind a slow uplink.
func fairField(t *testing.T, leaf Leaf) *field {
	nettest.Require(t, "fq_codel", "cake")
	f := newField(t)
	must(t, f.guest.Addr("eth0", secondGuest+"/24"))
	cfg := fieldConfig(t)
	cfg.Venue.ByAddress = true
	cfg.Uplinks[0].Download, cfg.Uplinks[0].Upload, cfg.Uplinks[0].Leaf = 5*slice.Mbit, 5*slice.Mbit, leaf
	must(t, f.reconciler(t).Set(t.Context(), cfg))
	f.settings(t, cfg)
	return f
}

const secondGuest = "10.0.0.3"

// pour has a device move bytes until the test ends, by so many connections, and counts what arrives.
func (f *field) pour(t *testing.T, device string, dir slice.Direction, connections int) *atomic.Int64 {
	t.Helper()
	var server net.Listener
	must(t, f.internet.Do(func() (err error) {
		server, err = net.Listen("tcp4", internetAddr+":0")
		return err
	}))
	defer server.Close()
	arrived := new(atomic.Int64)
	for range connections {
		var near net.Conn
		must(t, f.guest.Do(func() (err error) {
			from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(device)}}
			near, err = from.DialContext(t.Context(), "tcp4", server.Addr().String())
			return err
		}))
		far, err := server.Accept()
		must(t, err)
		t.Cleanup(func() { near.Close(); far.Close() })
		from, to := near, far
		if dir == slice.Down {
			from, to = far, near
		}
		go io.Copy(from, zeros{})
		go io.Copy(tally{arrived}, struct{ io.Reader }{to})
	}
	return arrived
}

type tally struct{ n *atomic.Int64 }

func (t tally) Write(b []byte) (int, error) {
	t.n.Add(int64(len(b)))
	return len(b), nil
}

// Whatever a device opens, it gets a device's share: four connections as much as one, with either leaf, both ways.
func TestDevicesShare(t *testing.T) {
	for name, leaf := range map[string]Leaf{"fq_codel": LeafFQCoDel, "cake": LeafCake} {
		for _, dir := range []slice.Direction{slice.Up, slice.Down} {
			t.Run(name+"/"+dir.String(), func(t *testing.T) {
				f := fairField(t, leaf)
				many, one := f.pour(t, guestAddr, dir, 4), f.pour(t, secondGuest, dir, 1)
				time.Sleep(2 * time.Second)
				manyBefore, oneBefore := many.Load(), one.Load()
				time.Sleep(5 * time.Second)
				ratio := float64(many.Load()-manyBefore) / float64(one.Load()-oneBefore)
				t.Logf("four connections get %.2f times what one gets", ratio)
				if ratio < 0.67 || ratio > 1.5 {
					t.Errorf("four connections get %.2f times what one gets", ratio)
				}
			})
		}
	}
}

var codelClass = regexp.MustCompile(`class fq_codel [0-9a-f]+:([0-9a-f]+) `)

// fq_codel has two queues a device, by what the programs write into the packet's hash: all of a device's flows that send much are in
// one of them.
func TestQueuesOfDevices(t *testing.T) {
	f := fairField(t, LeafFQCoDel)
	f.pour(t, guestAddr, slice.Up, 4)
	f.pour(t, secondGuest, slice.Up, 4)
	time.Sleep(2 * time.Second)
	const looks = 20
	seen := make(map[uint64]int) // by queue: in how many looks
	for range looks {
		time.Sleep(100 * time.Millisecond)
		for _, match := range codelClass.FindAllStringSubmatch(f.tc(t, "class", "show", "dev", "wan0"), -1) {
			minor, err := strconv.ParseUint(match[1], 16, 16)
			must(t, err)
			seen[minor-1]++ // the class of queue n is n + 1
		}
	}
	busy := make(map[uint64]int) // by device: in how many of its queues something waits most of the time
	for queue, times := range seen {
		device := queue >> 1
		if device == 0 { // nobody, and everybody outside
			continue
		}
		n := busy[device] // one whose queues are hardly used counts as well, with none
		if times > looks/2 {
			n++
		}
		busy[device] = n
	}
	if !slices.Equal(slices.Collect(maps.Values(busy)), []int{1, 1}) {
		t.Errorf("%v of %d looks found each queue in use, want two devices with one busy queue each", seen, looks)
	}
}
