package metrics

import (
	"context"
	"errors"
	"flag"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/internal/api"
)

var update = flag.Bool("update", false, "rewrite golden files")

type fakeMeter struct {
	m   api.Measurements
	err error
}

func (f fakeMeter) Measure(context.Context) (api.Measurements, error) { return f.m, f.err }

// start runs a listener on listen until the test ends.
func start(t *testing.T, listen string, meter api.Meter) *Listener {
	t.Helper()
	l, err := New(slog.New(slog.DiscardHandler), Config{Listen: listen}, meter)
	if err != nil {
		t.Fatal(err)
	}
	l.retry = 20 * time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("listener ended with %v", err)
		}
	})
	return l
}

func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func get(t *testing.T, l *Listener, path string) (status int, body string) {
	t.Helper()
	until(t, "it listens", func() bool { return l.Addr() != nil })
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Get("http://" + l.Addr().String() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestScrapeIsTheContract(t *testing.T) {
	m := api.Measurements{
		Counts: []api.Count{
			{Uplink: "fibre", Direction: api.Up, Slice: "realtime", Experience: "stall-4", Bytes: 1 << 53, Packets: 7},
			{Uplink: "fibre", Direction: api.Up, Slice: "realtime", Bytes: 3, Packets: 1},
			{Uplink: "fibre", Direction: api.Down, Slice: "media", Bytes: 1500, Packets: 1},
		},
		Drops: []api.Drops{{Uplink: "fibre", Direction: api.Up, Slice: "media", Packets: 12}},
		Delays: []api.DelayHistogram{{Uplink: "fibre", Direction: api.Up, Slice: "realtime", SumSeconds: 0.5,
			Buckets: []api.DelayBucket{{UpToSeconds: 1e-6, Count: 1}, {UpToSeconds: 1024e-6, Count: 2},
				{UpToSeconds: 1088e-6, Count: 4}, {UpToSeconds: math.Inf(1), Count: 8}}}},
		Rates:      []api.LinkRate{{Uplink: "fibre", Direction: api.Up, BitsPerSecond: 19e6}},
		Classified: map[string]uint64{"structure": 5, "default": 6},
		Reconciles: map[string]uint64{"unchanged": 1},
		Stage:      2,
	}
	status, got := get(t, start(t, "127.0.0.1:0", fakeMeter{m: m}), "/metrics")
	if status != http.StatusOK {
		t.Fatalf("status %d: %s", status, got)
	}
	golden := filepath.Join("testdata", "scrape.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("scrape (-want +got):\n%s", diff)
	}
}

func TestScrapeThatFailsSaysWhy(t *testing.T) {
	tests := []struct {
		name  string
		meter fakeMeter
		want  string
	}{
		{"meter fails", fakeMeter{err: errors.New("dump classes: no such device")}, "dump classes: no such device"},
		{"label is no text", fakeMeter{m: api.Measurements{Drops: []api.Drops{{Uplink: "\xff"}}}}, "slice_drops_total"},
		{"the same twice", fakeMeter{m: api.Measurements{Rates: []api.LinkRate{{Uplink: "a"}, {Uplink: "a"}}}}, "collected before"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, body := get(t, start(t, "127.0.0.1:0", test.meter), "/metrics")
			if status != http.StatusInternalServerError || !strings.Contains(body, test.want) {
				t.Errorf("got %d %q, want 500 with %q", status, body, test.want)
			}
		})
	}
}

func TestScrapeOfNothing(t *testing.T) {
	l := start(t, "127.0.0.1:0", fakeMeter{})
	if status, body := get(t, l, "/metrics"); status != http.StatusOK || !strings.Contains(body, "slicegate_guard_stage 0\n") {
		t.Errorf("got %d %q", status, body)
	}
	if status, _ := get(t, l, "/"); status != http.StatusNotFound {
		t.Errorf("/ gave %d, want 404", status)
	}
}

func TestTakenAddressIsAProblemUntilItIsFree(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := start(t, taken.Addr().String(), fakeMeter{})
	until(t, "there is a problem", func() bool { return len(l.Problems()) == 1 })
	if p := l.Problems()[0]; !strings.Contains(p.What, "address already in use") || p.Do == "" {
		t.Errorf("problem %+v", p)
	}
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	if status, _ := get(t, l, "/metrics"); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	if p := l.Problems(); len(p) != 0 {
		t.Errorf("problems remain: %+v", p)
	}
}

func TestNoAddress(t *testing.T) {
	l := start(t, "", fakeMeter{})
	if l.Addr() != nil || len(l.Problems()) != 0 {
		t.Errorf("listens on %v with problems %v", l.Addr(), l.Problems())
	}
	if _, err := New(slog.New(slog.DiscardHandler), Config{Listen: "9469"}, fakeMeter{}); err == nil {
		t.Error("an address without a port was taken")
	}
}

func TestFoldKeepsEveryDelayInItsBound(t *testing.T) {
	var fine []api.DelayBucket
	for octave := range 27 { // as the kernel has them: edges at powers of two of a µs, and 15 between
		for step := range 16 {
			up := float64(uint64(16+step+1)<<octave) / 16 * 1e-6
			fine = append(fine, api.DelayBucket{UpToSeconds: up, Count: 1})
		}
	}
	count, cumulative := fold(fine)
	if count != uint64(len(fine)) {
		t.Errorf("count %d, want %d", count, len(fine))
	}
	for i, bound := range bounds {
		if want := uint64(16 * (6 + i)); cumulative[bound] != want {
			t.Errorf("up to %v: %d, want %d", bound, cumulative[bound], want)
		}
	}
}
