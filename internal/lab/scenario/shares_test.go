package scenario

import (
	"math"
	"testing"
)

func TestJain(t *testing.T) {
	for name, test := range map[string]struct {
		shares []float64
		want   float64
	}{
		"all the same":       {[]float64{3, 3, 3, 3}, 1},
		"one has everything": {[]float64{0, 0, 0, 8}, 0.25},
		"one has twice":      {[]float64{1, 2}, 0.9},
		"nobody has any":     {[]float64{0, 0}, 0},
	} {
		if got := jain(test.shares); math.Abs(got-test.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestTimes(t *testing.T) {
	for name, test := range map[string]struct{ share, other, want float64 }{
		"the same as others":         {2e6, 2e6, 1},
		"three times the others'":    {6e6, 2e6, 3},
		"others have nothing":        {2e6, 0, 1e4},
		"nobody has any, nor itself": {0, 0, 0},
	} {
		if got := times(test.share, test.other); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
