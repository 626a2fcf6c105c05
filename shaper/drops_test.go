package shaper

import (
	"net/netip"
	"sync"
	"testing"

	"github.com/slicegate/slicegate/internal/slice"
)

// Readers that overlap must not take a counter that grew for one that went back.
func TestDropsWithManyReaders(t *testing.T) {
	b := newBox(t)
	cfg := b.config()
	cfg.Uplinks[0].Upload = 1 * slice.Mbit
	cfg.Uplinks[0].Leaf = LeafFIFO // fq_codel would keep half of it
	b.start(cfg)
	device := listen(t, b.device, "10.9.4.7:5004")
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 6 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := b.shaper.Measure(false); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 20_000 {
		send(t, device, netip.MustParseAddrPort("198.51.100.1:6000"), make([]byte, 1000))
	}
	close(stop)
	readers.Wait()
	m, err := b.shaper.Measure(false)
	must(t, err)
	var drops uint64
	for _, s := range m.Slices {
		drops += s.Drops
	}
	var shown uint64
	qdiscs, err := b.shaper.conn.Qdiscs()
	must(t, err)
	for _, q := range qdiscs {
		if _, ok := sliceOfLeaf(q.Handle); ok {
			shown += uint64(q.Stats.Drops)
		}
	}
	if drops != shown || drops < 10_000 {
		t.Errorf("%d drops, the leaves show %d; want the same, and most of 20000 packets", drops, shown)
	}
}
