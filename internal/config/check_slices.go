package config

import (
	"fmt"
	"strconv"

	"github.com/slicegate/slicegate/internal/slice"
)

// maxSliceName keeps tables of figures narrow.
const maxSliceName = 32

func (r *report) checkSlices(all []Slice) {
	if len(all) > MaxSlices {
		r.add(place{"slice", MaxSlices, ""}, fmt.Sprintf("%d slices, at most %d", len(all), MaxSlices), "")
	}
	names := make(map[string]bool)
	broken := r.reported("slice", 0, "")
	fallback, excused := "", broken
	for i, s := range all {
		at := place{"slice", i, "name"}
		switch {
		case s.Name == "":
			if !r.reported("slice", i, "name") {
				r.add(at, "is empty", "")
			}
		case !isName(s.Name, maxSliceName):
			r.add(at, fmt.Sprintf("%q is no name for a slice", s.Name), fmt.Sprintf("1 to %d of a-z, 0-9 and -", maxSliceName))
		case names[s.Name]:
			r.add(at, fmt.Sprintf("another slice is named %q", s.Name), "give each its own name")
		}
		names[s.Name] = true
		excused = excused || r.reported("slice", i, "default")
		if !s.Default {
			continue
		}
		if fallback != "" {
			r.add(place{"slice", i, "default"}, fmt.Sprintf("%q is the default already, and there is one", fallback),
				"take one of the two away")
		}
		fallback = s.Name
	}
	first := place{"slice", 0, ""}
	for _, name := range []string{slice.Signalling, slice.Realtime} {
		if !names[name] && !broken {
			r.add(first, fmt.Sprintf("no slice is named %q, which calls need", name),
				"any [[slice]] replaces the whole list: add this one")
		}
	}
	if fallback == "" && !excused {
		r.add(first, "no slice is the default", "add default = true to the one that takes what nothing else recognises")
	}
}

// checkShares judges bounds on every uplink and direction, since rates and shares can be mixed.
func (r *report) checkShares(cfg *Config) {
	for i, s := range cfg.Slices {
		percents := s.Max.Percent > 0 && s.Min.Percent > s.Max.Percent
		rates := s.Max.Rate > 0 && s.Min.Rate > s.Max.Rate
		if percents || rates {
			r.add(place{"slice", i, "min"}, fmt.Sprintf("%s of slice %q is above its max %s", s.Min, s.Name, s.Max), raiseHint)
		}
	}
	if r.checkPercent(cfg.Slices) || len(cfg.Slices) > MaxSlices || len(cfg.Uplinks) > MaxUplinks {
		return
	}
	for _, u := range cfg.Uplinks {
		for _, d := range []struct {
			name string
			rate slice.Rate
		}{{"download", u.Download}, {"upload", u.Upload}} {
			if d.rate > 0 {
				r.checkLink(cfg.Slices, u, d.name, d.rate)
			}
		}
	}
}

// slack forgives what binary fractions lose: 33.3 + 33.3 + 33.4 is a hundred.
const slack = 1e-6

// checkPercent adds up the minima of the file that are shares; it reports once, not for every uplink.
func (r *report) checkPercent(all []Slice) (over bool) {
	sum, last := 0.0, 0
	for i, s := range all {
		sum += s.Min.Percent
		if sum > 100+slack && !over {
			over, last = true, i
		}
	}
	if over {
		r.add(place{"slice", last, "min"}, fmt.Sprintf("the minima sum to %s%% of the link", round(sum)), overHint)
	}
	return over
}

const (
	raiseHint = "lower min or raise max"
	overHint  = "lower some until they sum to at most 100%"
)

// round writes a percentage for people.
func round(percent float64) string {
	return strconv.FormatFloat(float64(int(percent*10+0.5))/10, 'f', -1, 64)
}

// checkLink judges what every slice comes to on one direction of one uplink.
func (r *report) checkLink(all []Slice, u Uplink, direction string, rate slice.Rate) {
	where := fmt.Sprintf("on the %s of uplink %q (%s)", direction, u.Name, rate)
	var sum float64 // of the link, in percent
	last := 0
	for i, s := range all {
		b := u.Bounds(s)
		if b.Min == (slice.Share{}) || b.Max == (slice.Share{}) {
			continue
		}
		at := place{"slice", i, "min"}
		if sameKind := (b.Min.Percent > 0) == (b.Max.Percent > 0); !sameKind || b != (Share{s.Min, s.Max}) {
			if b.Min.Of(rate) > b.Max.Of(rate) {
				r.add(at, fmt.Sprintf("%s of slice %q is above its max %s %s", b.Min, s.Name, b.Max, where), raiseHint)
			}
		}
		if b.Min.Of(rate) < minShare {
			r.add(at, fmt.Sprintf("%s of slice %q is nothing %s", b.Min, s.Name, where), "raise min")
		}
		percent := b.Min.Percent
		if percent == 0 {
			percent = float64(b.Min.Rate) / float64(rate) * 100
		}
		if sum <= 100+slack && sum+percent > 100+slack {
			last = i
		}
		sum += percent
	}
	if sum > 100+slack {
		r.add(place{"slice", last, "min"}, fmt.Sprintf("the minima sum to %s%% %s", round(sum), where), overHint)
	}
}

// minShare is the least that HTB can be told: a byte a second.
const minShare = 8 * slice.Bit
