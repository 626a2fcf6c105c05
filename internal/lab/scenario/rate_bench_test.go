package scenario

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/slicegate/slicegate/internal/demo"
	"github.com/slicegate/slicegate/internal/nettest"
)

// BenchmarkOneCore is TestRate on this machine's kernel, by its clock: what one of its processors carries through the full path, sender
// and receiver included, with superpackets and without. It compares with the same path unshaped, in one run.
func BenchmarkOneCore(b *testing.B) {
	nettest.Require(b, demo.Needs...)
	// In a guest the agent is on the path.
	dir := b.TempDir()
	if _, err := demo.BuildSliced(b.Context(), dir); err != nil {
		b.Fatal(err)
	}
	b.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	oneCore(b)
	unshaped := make(map[string]float64)
	for _, way := range []demo.Direction{demo.Up, demo.Down} {
		for _, segments := range segmentations {
			for _, treatment := range []Treatment{Treatments[0], Treatments[len(Treatments)-1]} {
				name := fmt.Sprintf("%s/%s", way, segments.name)
				b.Run(name+"/"+treatment.Name, func(b *testing.B) {
					var rate float64
					for b.Loop() {
						rate = rateOf(b, treatment, way, segments.settings)
					}
					b.ReportMetric(rate/1e6, "Mbit/s")
					if treatment.Name == Treatments[0].Name {
						unshaped[name] = rate
					} else if unshaped[name] > 0 {
						b.ReportMetric(rate/unshaped[name], "×-unshaped")
					}
				})
			}
		}
	}
}

// oneCore keeps this process, and what the kernel does for it, on one processor until the benchmark ends. An agent that it starts
// inherits that.
func oneCore(b *testing.B) {
	var all, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		b.Fatal(err)
	}
	for cpu := range runtime.NumCPU() {
		if all.IsSet(cpu) {
			one.Set(cpu)
			break
		}
	}
	confine := func(set *unix.CPUSet) {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			b.Fatal(err)
		}
		for _, thread := range threads {
			tid, err := strconv.Atoi(thread.Name())
			if err == nil {
				err = unix.SchedSetaffinity(tid, set)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	confine(&one)
	b.Cleanup(func() { confine(&all) })
}
