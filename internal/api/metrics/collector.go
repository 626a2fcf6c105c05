package metrics

import (
	"math"
	"sort"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/slicegate/slicegate/internal/api"
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("slicegate_"+name, help, labels, nil)
}

var (
	descBytes = desc("slice_bytes_total", "Bytes offered to the shaper.",
		"uplink", "direction", "slice", "experience")
	descPackets = desc("slice_packets_total", "Packets offered to the shaper.",
		"uplink", "direction", "slice", "experience")
	descDrops      = desc("slice_drops_total", "Packets that the slice's leaf dropped.", "uplink", "direction", "slice")
	descDelay      = desc("slice_delay_seconds", "Time from enqueue to transmission.", "uplink", "direction", "slice")
	descRate       = desc("uplink_rate_bits", "Rate that the direction is shaped to, in bits per second.", "uplink", "direction")
	descClassified = desc("classified_total", "Verdicts by what decided them.", "reason")
	descReconcile  = desc("reconcile_total", "Comparisons of what is with what should be, by result.", "result")
	descStage      = desc("guard_stage", "Step of the degradation ladder, 0 (normal) to 5.")

	all = []*prometheus.Desc{descBytes, descPackets, descDrops, descDelay, descRate, descClassified, descReconcile, descStage}
)

// bounds of the exported delay histogram in seconds: powers of two of a µs, since those are edges of the kernel's buckets.
var bounds = func() []float64 {
	var b []float64
	for octave := 6; octave <= 24; octave++ { // 64 µs to 17 s
		b = append(b, math.Ldexp(1e-6, octave))
	}
	return b
}()

// measured is one scrape.
type measured api.Measurements

// Describe lists the metrics.
func (m measured) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range all {
		ch <- d
	}
}

// Collect writes the scrape down.
func (m measured) Collect(ch chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, n uint64, labels ...string) {
		send(ch, d, prometheus.CounterValue, float64(n), labels...)
	}
	for _, c := range m.Counts {
		counter(descBytes, c.Bytes, c.Uplink, c.Direction, c.Slice, c.Experience)
		counter(descPackets, c.Packets, c.Uplink, c.Direction, c.Slice, c.Experience)
	}
	for _, d := range m.Drops {
		counter(descDrops, d.Packets, d.Uplink, d.Direction, d.Slice)
	}
	for _, d := range m.Delays {
		count, buckets := fold(d.Buckets)
		h, err := prometheus.NewConstHistogram(descDelay, count, d.SumSeconds, buckets, d.Uplink, d.Direction, d.Slice)
		if err != nil {
			h = prometheus.NewInvalidMetric(descDelay, err)
		}
		ch <- h
	}
	for _, r := range m.Rates {
		send(ch, descRate, prometheus.GaugeValue, float64(r.BitsPerSecond), r.Uplink, r.Direction)
	}
	for reason, n := range m.Classified {
		counter(descClassified, n, reason)
	}
	for result, n := range m.Reconciles {
		counter(descReconcile, n, result)
	}
	send(ch, descStage, prometheus.GaugeValue, float64(m.Stage))
}

func send(ch chan<- prometheus.Metric, d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
	metric, err := prometheus.NewConstMetric(d, kind, v, labels...)
	if err != nil { // a label that is no text: the scrape fails and says which
		metric = prometheus.NewInvalidMetric(d, err)
	}
	ch <- metric
}

// slack forgives a bound that was computed in another order of floating-point steps.
const slack = 1 + 1e-9

// fold gives the number of delays, and how many of them were within each of bounds.
func fold(fine []api.DelayBucket) (count uint64, cumulative map[float64]uint64) {
	within := make([]uint64, len(bounds)+1) // the last is beyond all bounds
	for _, b := range fine {
		i := sort.SearchFloat64s(bounds, b.UpToSeconds/slack)
		within[i] += b.Count
	}
	cumulative = make(map[float64]uint64, len(bounds))
	for i, bound := range bounds {
		count += within[i]
		cumulative[bound] = count
	}
	return count + within[len(bounds)], cumulative
}
