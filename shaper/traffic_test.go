package shaper

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/slice"
)

// transfer sends n bytes by TCP from one end to the other, and tells how long it took.
func (f *field) transfer(t *testing.T, dir slice.Direction, n int64) time.Duration {
	t.Helper()
	var server net.Listener
	must(t, f.internet.Do(func() (err error) {
		server, err = net.Listen("tcp4", internetAddr+":0")
		return err
	}))
	defer server.Close()
	var client net.Conn
	must(t, f.guest.Do(func() (err error) {
		client, err = net.Dial("tcp4", server.Addr().String())
		return err
	}))
	defer client.Close()
	far, err := server.Accept()
	must(t, err)
	defer far.Close()
	from, to := client, far
	if dir == slice.Down {
		from, to = far, client
	}
	start := time.Now()
	go func() {
		io.Copy(from, io.LimitReader(zeros{}, n))
		from.Close()
	}()
	got, err := io.Copy(io.Discard, to)
	if err != nil || got != n {
		t.Fatalf("received %d of %d bytes, %v", got, n, err)
	}
	return time.Since(start)
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// Both trees hold their rate, and let no superpacket through: TCP here sends up to 64 kB at once.
func TestRatesAreKept(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	cfg.Uplinks[0].Download, cfg.Uplinks[0].Upload = 16*slice.Mbit, 8*slice.Mbit
	must(t, f.reconciler(t).Set(t.Context(), cfg))
	f.settings(t, cfg)
	for dir, dev := range map[slice.Direction]string{slice.Up: "wan0", slice.Down: "ifb-fibre"} {
		const n = 1 << 20
		took := f.transfer(t, dir, n)
		rate := slice.Rate(n * 8 / took.Seconds())
		want := cfg.Uplinks[0].rate(dir)
		t.Logf("%s: %.1f of %.1f Mbit/s", dir, float64(rate)/1e6, float64(want)/1e6)
		if rate > want {
			t.Errorf("%s: faster than the link", dir)
		}
		if rate < want/3 { // the machine may be busy with something else
			t.Errorf("%s: far slower than the link", dir)
		}
		// Slices that cost nothing while they are idle: the packets are media's, and of one frame each.
		stats := f.leaf(t, dev, 3).Stats
		if stats.Packets < n/1514 || stats.Bytes/stats.Packets > 1514 {
			t.Errorf("%s: %d bytes in %d packets", dir, stats.Bytes, stats.Packets)
		}
	}
}
