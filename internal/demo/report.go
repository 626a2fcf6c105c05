package demo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/slicegate/slicegate/internal/api/client"
)

// Report is what a run found.
type Report struct {
	Without, With Half
	Slices        []client.SliceStatus // at the end of the sliced half
}

// MarshalJSON writes the contract's form.
func (r Report) MarshalJSON() ([]byte, error) {
	type ways struct {
		Up   roundTrip `json:"up"`
		Down roundTrip `json:"down"`
	}
	half := func(h Half) ways { return ways{roundTripOf(h.Up.Calls), roundTripOf(h.Down.Calls)} }
	type calls struct {
		Without ways `json:"without"`
		With    ways `json:"with"`
	}
	return json.Marshal(struct {
		Version int                  `json:"version"`
		Slices  []client.SliceStatus `json:"slices"`
		Calls   calls                `json:"calls"`
		Orders  *struct{}            `json:"orders"`
	}{1, append([]client.SliceStatus{}, r.Slices...), calls{half(r.Without), half(r.With)}, nil})
}

type roundTrip struct {
	P50 float64 `json:"p50_ms"`
	P99 float64 `json:"p99_ms"`
}

func roundTripOf(f Figures) roundTrip { return roundTrip{milliseconds(f.P50), milliseconds(f.P99)} }

// milliseconds keeps whole microseconds.
func milliseconds(d time.Duration) float64 {
	return math.Round(float64(d)/float64(time.Microsecond)) / 1000
}

// WriteTable writes the report for people.
func (r Report) WriteTable(w io.Writer) error {
	var t table
	t.comparison(Up, r.Without.Up, r.With.Up)
	t.comparison(Down, r.Without.Down, r.With.Down)
	t.line("slices, while saturated", "offered", "min–max", "delay p50", "delay p99", "dropped")
	for _, s := range slices.Concat(r.With.Up.Slices, r.With.Down.Slices) {
		p50, p99 := delaysOf(s.SliceStatus)
		bounds := fmt.Sprintf("%s–%s", short(s.MinBPS), short(s.MaxBPS))
		t.line("  "+s.Direction+" "+s.Name, mbit(s.Rate), bounds, p50, p99, fmt.Sprint(s.Dropped))
	}
	_, err := t.WriteTo(w)
	return err
}

type table struct{ bytes.Buffer }

func (t *table) line(name string, cells ...string) {
	fmt.Fprintf(t, "%-32s", name)
	for _, cell := range cells {
		fmt.Fprintf(t, "%14s", cell)
	}
	fmt.Fprintln(t)
}

// comparison sets one part against the same part with slicing. Only a saturated download gets in the way of those who watch.
func (t *table) comparison(way Direction, without, with Part) {
	t.line(load(way)+" saturated", "without", "with slicing")
	t.times("  calls, round trip p50", without.Calls.P50, with.Calls.P50)
	t.times("  calls, round trip p99", without.Calls.P99, with.Calls.P99)
	t.line("  calls, lost", lost(without.Calls), lost(with.Calls))
	if way == Down {
		t.times("  stream to viewers, one way p99", without.Stage.P99, with.Stage.P99)
	}
	t.times("  name looked up p99", without.DNS.P99, with.DNS.P99)
	t.times("  STUN answered p99", without.STUN.P99, with.STUN.P99)
	t.times("  page loaded p50", without.Pages.P50, with.Pages.P50)
	t.line("  bulk goodput", mbit(without.Bulk), mbit(with.Bulk))
	fmt.Fprintln(t)
}

func (t *table) times(name string, without, with time.Duration) {
	if without == 0 || with == 0 {
		t.line(name, ms(without), ms(with))
		return
	}
	t.line(name, ms(without), ms(with), fmt.Sprintf("÷ %.1f", float64(without)/float64(with)))
}

// ms writes a duration; zero is none.
func ms(d time.Duration) string {
	if d == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f ms", milliseconds(d))
}

func mbit(rate float64) string { return fmt.Sprintf("%.2f Mbit/s", rate/1e6) }

func short(rate uint64) string { return fmt.Sprintf("%.3gM", float64(rate)/1e6) }

func lost(f Figures) string {
	return fmt.Sprintf("%.2f %%", 100*float64(f.Lost)/float64(max(f.Sent, 1)))
}

// delaysOf gives the delays that the kernel measured in the last minute, if it can.
func delaysOf(s client.SliceStatus) (p50, p99 string) {
	if s.DelayUS == nil {
		return "–", "–"
	}
	return ms(time.Duration(s.DelayUS.P50) * time.Microsecond), ms(time.Duration(s.DelayUS.P99) * time.Microsecond)
}
