package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/api"
	"github.com/slicegate/slicegate/internal/nettest"
)

// otherVersion builds sliced with programs and maps of another layout: its number is another, and tables have other sizes.
func otherVersion(t *testing.T) (path string) {
	t.Helper()
	const bindings = "../../bpf/dataplane_bpfel.go"
	source, err := os.ReadFile(bindings)
	must(t, err)
	changed := string(source)
	for old, other := range map[string]string{
		"dataplaneLayoutVersionLAYOUT dataplaneLayoutVersion = ": "dataplaneLayoutVersionLAYOUT dataplaneLayoutVersion = 90 + ",
		"return spec, err": `if err == nil {
			spec.Maps["flows"].MaxEntries /= 2
			spec.Maps["fragments"].MaxEntries *= 2
		}
		return spec, err`,
	} {
		if strings.Count(changed, old) != 1 {
			t.Fatalf("the bindings do not have %q once", old)
		}
		changed = strings.Replace(changed, old, other, 1)
	}
	dir := t.TempDir()
	from, err := filepath.Abs(bindings)
	must(t, err)
	to := filepath.Join(dir, "bindings.go")
	must(t, os.WriteFile(to, []byte(changed), 0o644))
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{from: to}})
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o644))
	path = filepath.Join(dir, "sliced")
	if out, err := exec.Command("go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("build another version: %v\n%s", err, out)
	}
	return path
}

// offered adds up what all slices were offered in one direction.
func offered(st api.Status, direction string) (packets uint64) {
	for _, s := range st.Slices {
		if s.Direction == direction {
			packets += s.Packets
		}
	}
	return packets
}

// An agent of another layout is replaced while packets pass: none is lost, each is counted once, and the trees stay.
func TestTakeoverBetweenVersions(t *testing.T) {
	other := otherVersion(t)
	b := newBox(t)
	attendee := nettest.NewT(t)
	must(t, nettest.Veth(attendee, "eth0", b.ns, "lan0"))
	must(t, attendee.Addr("eth0", "10.0.0.2/24"))
	must(t, attendee.Route("default", "10.0.0.1"))
	must(t, b.ns.Addr("lan0", "10.0.0.1/24"))
	must(t, b.ns.Addr("wan0", "198.51.100.2/24"))
	must(t, b.ns.Forward())
	must(t, b.ns.Masquerade("wan0"))
	must(t, b.peer.Addr("wan0", "198.51.100.1/24"))
	nettest.Echo(t, b.peer, "198.51.100.1:7")
	b.write(strings.Replace(oneUplink, "venue0", "lan0", 1))

	b.startProgram(other)
	s := nettest.NewStream(t, attendee, "198.51.100.1:7")
	b.until("counting", func(st api.Status) bool { return s.Count() > 1000 && offered(st, api.Down) > 1000 })
	must(t, b.client.SetSlice(t.Context(), api.SliceChange{Name: "media", Max: "90%"}))
	before := b.shownQdisc("wan0", "5c1e:").Packets
	b.kill(syscall.SIGKILL)
	b.start()
	if !strings.Contains(b.log.String(), "taking_over") {
		t.Error("nothing was taken over")
	}
	st := b.status()
	for _, dir := range []string{api.Up, api.Down} {
		if n := offered(st, dir); n < 1000 {
			t.Errorf("%s: %d packets counted, want those of before among them", dir, n)
		}
	}
	time.Sleep(500 * time.Millisecond)
	sent, lost, ordered := s.End()
	if lost != 0 || !ordered {
		t.Errorf("of %d datagrams %d were lost, in order %v", sent, lost, ordered)
	}
	if after := b.shownQdisc("wan0", "5c1e:").Packets; after < before+500 {
		t.Errorf("the tree sent %d packets before and %d after: it is another one", before, after)
	}
	b.until("let go", func(api.Status) bool { return strings.Contains(b.log.String(), "taken_over") })
	st = b.status()
	for _, dir := range []string{api.Up, api.Down} {
		if n := offered(st, dir); n < uint64(sent) || n > uint64(sent)+50 { // neighbours look for each other meanwhile
			t.Errorf("%s: %d packets counted, %d sent", dir, n, sent)
		}
	}
}
