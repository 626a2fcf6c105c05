package main

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// scale puts values on an axis. A logarithmic one begins at its floor, where bars stand, and shows what is less as that.
type scale struct {
	log   bool
	floor float64 // a power of ten
}

// decades is how many of them an axis has at most.
const decades = 5

func newScale(log bool, values []float64) scale {
	s := scale{log: log, floor: 1}
	least, most := math.Inf(1), 0.0
	for _, v := range values {
		most = max(most, v)
		if v > 0 {
			least = min(least, v)
		}
	}
	if most > 0 {
		s.floor = math.Pow(10, max(math.Floor(math.Log10(least)), math.Ceil(math.Log10(most))-decades))
	}
	return s
}

func (s scale) at(v float64) float64 {
	if !s.log {
		return v
	}
	return math.Log10(max(v, s.floor) / s.floor)
}

// Ticks implements plot.Ticker.
func (s scale) Ticks(from, to float64) (ticks []plot.Tick) {
	if !s.log {
		return plot.DefaultTicks{}.Ticks(from, to)
	}
	for decade := 0; decade <= int(math.Ceil(to)); decade++ {
		for digit := 1; digit <= 9; digit++ {
			value := s.floor * math.Pow(10, float64(decade)) * float64(digit)
			tick := plot.Tick{Value: s.at(value)}
			if tick.Value > to {
				return ticks
			}
			if digit == 1 || digit == 2 || digit == 5 {
				tick.Label = short(value)
			}
			ticks = append(ticks, tick)
		}
	}
	return ticks
}

// short is a number of three digits.
func short(v float64) string {
	if math.Abs(v) >= 100 {
		return strconv.Itoa(int(math.Round(v)))
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
