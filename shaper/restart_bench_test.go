package shaper

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/slice"
)

// The test binary is an agent that pins flows until it is killed when this names a state directory.
const bePinner = "SLICEGATE_TEST_PINS_FLOWS"

const pinnedFlows = 1000

func TestMain(m *testing.M) {
	if dir := os.Getenv(bePinner); dir != "" {
		if err := pinUntilKilled(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// pinUntilKilled is a process with a Shaper and flows of its own, as sliced with a service in it.
func pinUntilKilled(stateDir string) error {
	s, err := Open(slog.New(slog.DiscardHandler), stateDir)
	if err != nil {
		return err
	}
	cfg := pinnerConfig()
	if _, err := s.Number([]string{slice.Signalling, slice.Realtime, "media"}, []string{"fibre"}, nil); err != nil {
		return err
	}
	if err := s.Set(context.Background(), cfg); err != nil {
		return err
	}
	var pinner slice.Pinner = s
	for i := range pinnedFlows {
		f := slice.Flow{
			Proto:  slice.UDP,
			Local:  netip.MustParseAddrPort("198.51.100.2:3478"),
			Remote: netip.AddrPortFrom(serverAddr, uint16(10000+i)),
		}
		if _, err := pinner.Pin(f, 2, ""); err != nil {
			return err
		}
	}
	fmt.Println("pinned")
	select {}
}

func pinnerConfig() Config {
	half := slice.Share{Percent: 50}
	all := slice.Share{Percent: 100}
	some := slice.Share{Percent: 5}
	return Config{
		Venue:   Venue{Interfaces: []string{"venue0"}},
		Uplinks: []Uplink{{Name: "fibre", Interface: "wan0", Download: 100 * slice.Mbit, Upload: 100 * slice.Mbit}},
		Slices: []Slice{
			{Name: slice.Signalling, ID: 1, Priority: 0, Min: some, Max: all},
			{Name: slice.Realtime, ID: 2, Priority: 1, Min: half, Max: all},
			{Name: "media", ID: 3, Priority: 2, Min: some, Max: all, Default: true},
		},
	}
}

// startPinner runs such a process in the box, until kill.
func startPinner(b *testing.B, box *testBox) *exec.Cmd {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), bePinner+"="+box.stateDir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(b, err)
	must(b, box.box.Start(cmd))
	if !bufio.NewScanner(out).Scan() {
		b.Fatal("the agent to be killed pinned nothing")
	}
	return cmd
}

// sweepBound is what an agent may take from its start until the pins of the one before it are gone.
const sweepBound = 2 * time.Second

// BenchmarkPinsSweptAfterKill is the time from the start of an agent until the pins of the one that was killed are gone.
func BenchmarkPinsSweptAfterKill(b *testing.B) {
	var slowest time.Duration
	for b.Loop() {
		b.StopTimer()
		box := newBox(b)
		cmd := startPinner(b, box)
		must(b, cmd.Process.Kill())
		_ = cmd.Wait()
		b.StartTimer()
		began := time.Now()
		box.start(pinnerConfig())
		slowest = max(slowest, time.Since(began))
		b.StopTimer()
		if left := len(kernelPins(b, box.shaper.set)); left != 0 {
			b.Fatalf("%d pins of the dead agent are left", left)
		}
		if box.shaper.set.Starts != 2 {
			b.Fatalf("start number %d: the maps of the dead agent were not found", box.shaper.set.Starts)
		}
		box.stop()
		b.StartTimer()
	}
	b.ReportMetric(float64(slowest.Milliseconds()), "ms-slowest")
	if slowest > sweepBound {
		b.Errorf("swept after %s, want at most %s", slowest, sweepBound)
	}
}
