package scenario

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/slicegate/slicegate/internal/demo"
	"github.com/slicegate/slicegate/internal/nettest"
)

// TestFallbackLeaf asks what bulk costs a call on a kernel without fq_codel, where our leaf is a fifo. It takes a guest of its own, which
// the bench starts without fq_codel.
func TestFallbackLeaf(t *testing.T) {
	seed := seedOf(t)
	const lacked = "fq_codel"
	if nettest.Have(lacked) == nil {
		t.Fatal("this kernel has fq_codel, so that no leaf falls back: run it with -without fq_codel")
	}
	nettest.Require(t, slices.DeleteFunc(slices.Clone(needs), func(feature string) bool { return feature == lacked })...)
	for _, way := range []demo.Direction{demo.Up, demo.Down} {
		for _, mbit := range []int{5, 20} {
			for _, treatment := range Treatments {
				if treatment.Name == lacked {
					continue
				}
				t.Run(fmt.Sprintf("%s/%d/%s", way, mbit, treatment.Name), func(t *testing.T) {
					site := newShaped(t, treatment, mbit, seed)
					if treatment.Name == "ours" {
						fifoLeaves(t, site)
					}
					r := newReporter(t, "fallback leaf", fmt.Sprintf("%s, %d Mbit/s", way, mbit), treatment.Name, seed)
					isolate(t, r, site, bulk(way))
				})
			}
		}
	}
}

// fifoLeaves wants the leaves at the uplink to be buckets that hold a fifo.
func fifoLeaves(t *testing.T, site *Site) {
	out := uplinkQdiscs(t, site)
	if !strings.Contains(out, "qdisc tbf") || strings.Contains(out, "codel") || strings.Contains(out, "cake") {
		t.Fatalf("the leaves are not buckets around fifos:\n%s", out)
	}
}
