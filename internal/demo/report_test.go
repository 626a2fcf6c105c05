package demo

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/slicegate/slicegate/internal/api/client"
)

func sampleReport() Report {
	slow := Part{Calls: Figures{Sent: 100, Lost: 1, P50: 500 * time.Millisecond, P99: 600 * time.Millisecond}, Bulk: 18.5e6}
	fast := Part{Calls: Figures{Sent: 100, P50: 400 * time.Microsecond, P99: 1234567 * time.Nanosecond}, Bulk: 12e6}
	realtime := client.SliceStatus{Uplink: "wan", Direction: "up", Name: "realtime", MinBPS: 9_500_000, MaxBPS: 15_200_000}
	fast.Slices = []SliceUse{{SliceStatus: realtime, Rate: 5.2e6, Dropped: 7}}
	return Report{
		Without: Half{Up: slow, Down: slow},
		With:    Half{Up: fast, Down: fast},
		Slices:  []client.SliceStatus{realtime},
	}
}

func TestReportIsTheContracts(t *testing.T) {
	got, err := json.Marshal(sampleReport())
	if err != nil {
		t.Fatal(err)
	}
	slow, fast := `{"p50_ms":500,"p99_ms":600}`, `{"p50_ms":0.4,"p99_ms":1.235}`
	want := `{"version":1,"slices":[{"uplink":"wan","direction":"up","name":"realtime","min_bps":9500000,"max_bps":15200000,` +
		`"bytes":0,"packets":0,"drops":0,"backlog_bytes":0,"delay_us":null,"devices":0}],` +
		`"calls":{"without":{"up":` + slow + `,"down":` + slow + `},"with":{"up":` + fast + `,"down":` + fast + `}},"orders":null}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, _ := json.Marshal(Report{}); !strings.Contains(string(got), `"slices":[]`) {
		t.Errorf("no slices are %s, want []", got)
	}
}

func TestTableSaysItAll(t *testing.T) {
	var b strings.Builder
	if err := sampleReport().WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"600.0 ms", "1.2 ms", "÷ 486.0", "1.00 %", "18.50 Mbit/s", "up realtime", "5.20 Mbit/s", "9.5M–15.2M"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
}

func TestScreenShowsAFrame(t *testing.T) {
	marks := []mark{{p99: 600 * time.Millisecond}, {p99: time.Second}, {slicing: true, p99: time.Millisecond}}
	frame := Frame{
		Slicing: true, Saturated: Up, Elapsed: 3 * time.Second, Length: 10 * time.Second,
		Calls:  Figures{Sent: 100, P50: time.Millisecond, P99: 2 * time.Millisecond},
		Slices: sampleReport().With.Up.Slices,
	}
	got := picture(frame, marks)
	for _, want := range []string{"with slicing · upload saturated ·  3 s of 10 s", "without ██\n", "with ▁\n", "realtime"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	frame.Slices = []SliceUse{{Rate: 1e9, Dropped: 1e6, SliceStatus: client.SliceStatus{
		Direction: "down", Name: "signalling", Devices: 4095, DelayUS: &client.DelayStatus{P50: 59_999_000, P99: 59_999_000},
	}}}
	for l := range strings.Lines(picture(frame, make([]mark, 1000))) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(l, "\n")); n > 80 {
			t.Errorf("%d columns: %s", n, l)
		}
	}
	if got := line(frame); !strings.Contains(got, "p99 2.0 ms") {
		t.Errorf("line %q", got)
	}
}
