package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/slicegate/slicegate/internal/api"
)

// bounds gives a slice's bounds in the download.
func bounds(st api.Status, name string) (low, high uint64) {
	for _, s := range st.Slices {
		if s.Name == name && s.Direction == api.Down {
			return s.MinBPS, s.MaxBPS
		}
	}
	return 0, 0
}

func TestSliceSetLastsUntilReset(t *testing.T) {
	b := newBox(t)
	b.start()
	must(t, b.client.SetSlice(t.Context(), api.SliceChange{Name: "media", Max: "60%"}))
	must(t, b.client.SetSlice(t.Context(), api.SliceChange{Name: "media", Uplink: "fibre", Min: "2mbit"}))
	check := func(when string, wantLow, wantHigh uint64) {
		t.Helper()
		if low, high := bounds(b.status(), "media"); low != wantLow || high != wantHigh {
			t.Errorf("%s: media is %d to %d, want %d to %d", when, low, high, wantLow, wantHigh)
		}
		out, err := b.ns.Output("tc", "class", "show", "dev", "ifb-fibre")
		must(t, err)
		if want := map[uint64]string{12e6: "ceil 12Mbit", 20e6: "ceil 20Mbit"}[wantHigh]; !strings.Contains(classLine(out, "5c1e:13"), want) {
			t.Errorf("%s: the kernel's class has not %q:\n%s", when, want, out)
		}
	}
	check("set", 2e6, 12e6)
	if code := b.kill(syscall.SIGKILL); code != -1 {
		t.Errorf("killed, but exit status %d", code)
	}
	b.start()
	check("after kill -9 and restart", 2e6, 12e6)
	must(t, b.client.ResetSlice(t.Context(), "media", ""))
	check("reset", 6e6, 20e6)
	if code := b.kill(syscall.SIGTERM); code != 0 {
		t.Errorf("exit status %d on SIGTERM, want 0", code)
	}
	out, err := b.ns.Output("tc", "qdisc", "show", "dev", "wan0")
	must(t, err)
	if !strings.Contains(out, "htb 5c1e:") {
		t.Errorf("SIGTERM took the shaping away:\n%s", out)
	}
}

// boundsAre compares a slice's bounds in the download.
func (b *box) boundsAre(when, name string, wantLow, wantHigh uint64) {
	b.t.Helper()
	if low, high := bounds(b.status(), name); low != wantLow || high != wantHigh {
		b.t.Errorf("%s: %s is %d to %d, want %d to %d", when, name, low, high, wantLow, wantHigh)
	}
}

// The file's rates are new, and live changes are on top of them as before.
func TestReloadKeepsLiveChanges(t *testing.T) {
	b := newBox(t)
	b.start()
	must(t, b.client.SetSlice(t.Context(), api.SliceChange{Name: "media", Min: "20%", Max: "60%"}))
	must(t, b.client.SetSlice(t.Context(), api.SliceChange{Name: "telemetry", Uplink: "fibre", Max: "11mbit"}))
	b.write(strings.Replace(oneUplink, `download = "20mbit"`, `download = "30mbit"`, 1))
	must(t, b.cmd.Process.Signal(syscall.SIGHUP))
	b.until("reloaded", func(st api.Status) bool {
		rate := st.Uplinks[0].Download.RateBPS
		return rate != nil && *rate == 30e6
	})
	b.boundsAre("reloaded", "media", 6e6, 18e6)
	b.boundsAre("reloaded", "telemetry", 1.5e6, 11e6)
}

func TestResetOfOneSlice(t *testing.T) {
	b := newBox(t)
	b.start()
	for _, change := range []api.SliceChange{
		{Name: "media", Max: "60%"}, {Name: "media", Uplink: "fibre", Min: "2mbit"}, {Name: "realtime", Max: "70%"}, {Name: "telemetry", Uplink: "fibre", Max: "50%"},
	} {
		must(t, b.client.SetSlice(t.Context(), change))
	}
	must(t, b.client.ResetSlice(t.Context(), "media", ""))
	check := func(when string) {
		t.Helper()
		b.boundsAre(when, "media", 6e6, 20e6)
		b.boundsAre(when, "realtime", 10e6, 14e6)
		b.boundsAre(when, "telemetry", 1e6, 10e6)
	}
	check("reset media")
	b.kill(syscall.SIGKILL)
	b.start()
	check("restarted")
	must(t, b.client.ResetSlice(t.Context(), "", "fibre"))
	b.boundsAre("reset what is of fibre alone", "realtime", 10e6, 14e6)
	b.boundsAre("reset what is of fibre alone", "telemetry", 1e6, 20e6)
}

func classLine(out, handle string) string {
	for line := range strings.Lines(out) {
		if strings.Contains(line, " "+handle+" ") {
			return line
		}
	}
	return ""
}

func TestSliceSetRefusesWhatAFileWould(t *testing.T) {
	b := newBox(t)
	b.start()
	for name, change := range map[string]api.SliceChange{
		"unknown slice":      {Name: "video", Max: "60%"},
		"unknown uplink":     {Name: "media", Uplink: "lte", Max: "60%"},
		"no unit":            {Name: "media", Max: "60"},
		"min above max":      {Name: "signalling", Min: "30%"},
		"minima over 100 %":  {Name: "media", Min: "60%"},
		"nothing to set":     {Name: "media"},
		"max under the min":  {Name: "realtime", Max: "1mbit"},
		"above the link":     {Name: "media", Min: "25mbit"},
		"negative is no sum": {Name: "media", Min: "-1mbit"},
	} {
		if err := b.client.SetSlice(t.Context(), change); !errors.Is(err, api.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	if err := b.client.ResetSlice(t.Context(), "video", ""); !errors.Is(err, api.ErrInvalid) {
		t.Errorf("reset of an unknown slice: %v, want ErrInvalid", err)
	}
	if low, high := bounds(b.status(), "media"); low != 6e6 || high != 20e6 {
		t.Errorf("media is %d to %d after refusals, want 6 to 20 Mbit/s", low, high)
	}
}

// A change that fits the file, but not another live change, is refused: it does not put the other one out of force.
func TestSliceSetDisplacesNoOther(t *testing.T) {
	b := newBox(t)
	b.start()
	must(t, b.client.SetSlice(t.Context(), api.SliceChange{Name: "media", Min: "35%"}))
	must(t, b.client.SetSlice(t.Context(), api.SliceChange{Name: "realtime", Min: "55%"}))
	if err := b.client.SetSlice(t.Context(), api.SliceChange{Name: "media", Min: "40%"}); !errors.Is(err, api.ErrInvalid) {
		t.Errorf("minima of 105 %%: %v, want ErrInvalid", err)
	}
	b.boundsAre("refused", "media", 7e6, 20e6)
	b.boundsAre("refused", "realtime", 11e6, 16e6)
}

func TestTeardownPutsBackWhatWasThere(t *testing.T) {
	b := newBox(t)
	_, err := b.ns.Output("tc", "qdisc", "add", "dev", "wan0", "root", "handle", "1:", "pfifo", "limit", "77")
	must(t, err)
	b.write(strings.Replace(oneUplink, `upload = "20mbit"`, "upload = \"20mbit\"\nadopt = true", 1))
	b.start()
	b.until("shaped", state(api.Shaped))
	report, err := b.client.Teardown(t.Context())
	must(t, err)
	if len(report.NotRestored) != 0 {
		t.Errorf("not restored: %v", report.NotRestored)
	}
	b.until("paused", state(api.Paused))
	out, err := b.ns.Output("tc", "qdisc", "show")
	must(t, err)
	if !strings.Contains(out, "pfifo 1:") || !strings.Contains(out, "limit 77") || strings.Contains(out, "5c1e") || strings.Contains(out, "clsact") {
		t.Errorf("after teardown:\n%s", out)
	}
	links, err := b.ns.Output("ip", "link", "show")
	must(t, err)
	if strings.Contains(links, "ifb-fibre") {
		t.Errorf("the ifb is still there:\n%s", links)
	}
	b.kill(syscall.SIGTERM)
	b.start()
	b.until("shaped by the next start", state(api.Shaped))
}

func TestMetricsAndExplain(t *testing.T) {
	b := newBox(t)
	b.start()
	q, err := api.ParseQuestion("udp", "10.0.0.5:5004", "203.0.113.7:53")
	must(t, err)
	x, err := b.client.Explain(t.Context(), q)
	must(t, err)
	if x.Live || x.Slice != "signalling" || x.Kind != "dns" || x.Reason != "structure" {
		t.Errorf("explain: %+v, want what a DNS query's first packet gets", x)
	}
	var conn net.Conn
	dial := func() (err error) { conn, err = net.Dial("tcp", "127.0.0.1:9469"); return err } // in the namespace, as the listener is
	b.until("serving metrics", func(api.Status) bool { return b.ns.Do(dial) == nil })        // no part of being ready
	defer conn.Close()
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}
	resp, err := (&http.Client{Transport: transport}).Get("http://box/metrics")
	must(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	for _, want := range []string{
		`slicegate_slice_bytes_total{direction="up",experience="",slice="realtime",uplink="fibre"}`,
		`slicegate_slice_packets_total{`, `slicegate_slice_drops_total{`,
		`slicegate_uplink_rate_bits{direction="down",uplink="fibre"} 2e+07`,
		`slicegate_classified_total{reason="default"}`, `slicegate_reconcile_total{result=`, `slicegate_guard_stage 0`,
	} {
		if !strings.Contains(string(body), want) {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
}

// A live change that the file can't take waits for one that can, and is named until then.
func TestLiveChangeWaitsForItsUplink(t *testing.T) {
	b := newBox(t)
	b.start()
	must(t, b.client.SetSlice(t.Context(), api.SliceChange{Name: "media", Uplink: "fibre", Max: "60%"}))
	b.write(strings.Replace(oneUplink, `name = "fibre"`, `name = "lte"`, 1))
	must(t, b.cmd.Process.Signal(syscall.SIGHUP))
	b.until("naming the change", func(st api.Status) bool {
		return st.Uplinks[0].Name == "lte" && hasProblem(st, "live change of slice media", "fibre")
	})
	must(t, b.client.SetSlice(t.Context(), api.SliceChange{Name: "realtime", Max: "70%"}))
	b.write(oneUplink)
	must(t, b.cmd.Process.Signal(syscall.SIGHUP))
	st := b.until("as before", func(st api.Status) bool { return st.Uplinks[0].Name == "fibre" && len(st.Problems) == 0 })
	_, media := bounds(st, "media")
	_, realtime := bounds(st, "realtime")
	if media != 12e6 || realtime != 14e6 {
		t.Errorf("media up to %d, realtime up to %d; want 12 and 14 Mbit/s", media, realtime)
	}
}

func TestUnreadableLiveChangesAreKept(t *testing.T) {
	b := newBox(t)
	must(t, os.MkdirAll(filepath.Join(b.dir, "state"), 0o755))
	must(t, os.WriteFile(filepath.Join(b.dir, "state", "overrides.json"), []byte("{broken"), 0o644))
	b.start()
	b.until("naming the file", func(st api.Status) bool { return hasProblem(st, "live changes of earlier starts", "overrides.json") })
	must(t, b.client.SetSlice(t.Context(), api.SliceChange{Name: "media", Max: "60%"}))
	b.until("content", func(st api.Status) bool { return len(st.Problems) == 0 })
	kept, err := os.ReadFile(filepath.Join(b.dir, "state", "overrides.json.bad"))
	if err != nil || string(kept) != "{broken" {
		t.Errorf("the unreadable file was not kept: %q, %v", kept, err)
	}
}
