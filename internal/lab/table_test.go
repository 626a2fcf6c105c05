package lab

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTables(t *testing.T) {
	p99 := func(treatment string, seed uint64, value float64) Figure {
		return Figure{"6.12", "isolation", "up, 5 Mbit/s", treatment, seed, "call p99", "ms", value, nil}
	}
	bulk := Figure{"6.12", "isolation", "up, 5 Mbit/s", "ours", 1, "bulk", "Mbit/s", 4.5, nil}
	other := Figure{"6.12", "fairness", "500 devices", "ours", 1, "Jain", "1", 0.97, nil}
	spread := Figure{"6.12", "isolation", "up, 5 Mbit/s", "ours", 1, "call added", "ms", 1, []float64{1, 2}}
	var out strings.Builder
	all := []Figure{p99("nothing", 1, 250), p99("ours", 2, 3.3), p99("ours", 1, 3.1), p99("ours", 3, 3.2), bulk, other, spread}
	if err := WriteTables(&out, all); err != nil {
		t.Fatal(err)
	}
	const want = `fairness: 500 devices (kernel 6.12)
      Jain, 1
ours  0.97

isolation: up, 5 Mbit/s (kernel 6.12)
         call p99, ms      bulk, Mbit/s
nothing  250.00            –
ours     3.20 (3.10–3.30)  4.50

`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestSummary(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   Summary
	}{
		{[]float64{2}, Summary{2, 2, 2}},
		{[]float64{4, 1, 2}, Summary{2, 1, 4}},
		{[]float64{4, 1}, Summary{2.5, 1, 4}},
	} {
		if got := summarise(test.values); got != test.want {
			t.Errorf("%v: %+v, want %+v", test.values, got, test.want)
		}
	}
}
