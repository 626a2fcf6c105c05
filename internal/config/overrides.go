package config

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/slicegate/slicegate/internal/slice"
)

// Overrides are live changes: what somebody set by command, and did not take back yet. The value is never changed in place.
type Overrides struct {
	Slices []SliceOverride
}

// SliceOverride changes a slice's bounds.
type SliceOverride struct {
	Slice  string
	Uplink string // "" for every uplink that has none of its own
	Share         // a zero field is as the file says
}

func (o SliceOverride) same(of SliceOverride) bool {
	return o.Slice == of.Slice && o.Uplink == of.Uplink
}

// ParseSliceOverride reads what a person typed; "" leaves that bound as it is. Its errors are *Errors with the flag as key.
func ParseSliceOverride(name, uplink, minimum, maximum string) (SliceOverride, error) {
	o := SliceOverride{Slice: name, Uplink: uplink}
	r := newReport("")
	if minimum == "" && maximum == "" {
		r.addLine(0, place{"", 0, "--min"}, "nothing to set", "give --min, --max or both")
	}
	for _, bound := range []struct {
		text, flag string
		into       *slice.Share
	}{{minimum, "--min", &o.Min}, {maximum, "--max", &o.Max}} {
		if bound.text == "" {
			continue
		}
		share, err := slice.ParseShare(bound.text)
		if err != nil {
			r.addLine(0, place{"", 0, bound.flag}, err.Error(), shareHint(bound.text))
		}
		*bound.into = share
	}
	if err := r.err(); err != nil {
		return SliceOverride{}, err
	}
	return o, nil
}

// Set gives o with s on top: a bound that s leaves open stays as it was. The change comes last, so that where not all fit together
// it is the one that WithStored leaves out.
func (o Overrides) Set(s SliceOverride) Overrides {
	next := slices.Clone(o.Slices)
	if i := slices.IndexFunc(next, s.same); i >= 0 {
		s.Min, s.Max = cmp.Or(s.Min, next[i].Min), cmp.Or(s.Max, next[i].Max)
		next = slices.Delete(next, i, i+1)
	}
	return Overrides{Slices: append(next, s)}
}

// Reset gives o without the changes of a slice on an uplink; "" stands for all of them.
func (o Overrides) Reset(name, uplink string) Overrides {
	return Overrides{Slices: slices.DeleteFunc(slices.Clone(o.Slices), func(s SliceOverride) bool {
		return (name == "" || name == s.Slice) && (uplink == "" || uplink == s.Uplink)
	})}
}

// With gives the configuration as o changes it. c stays as it is. Errors are as those of a file, without a file and line.
func (c *Config) With(o Overrides) (*Config, error) {
	r := newReport("")
	next := *c
	next.Slices, next.Uplinks = slices.Clone(c.Slices), slices.Clone(c.Uplinks)
	for i := range next.Uplinks {
		next.Uplinks[i].Shares = nil
	}
	for _, s := range o.Slices {
		r.override(&next, s)
	}
	if len(r.found) == 0 {
		r.check(&next)
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return &next, nil
}

func (r *report) override(cfg *Config, s SliceOverride) {
	at := slices.IndexFunc(cfg.Slices, func(have Slice) bool { return have.Name == s.Slice })
	if at < 0 {
		r.add(place{"slice", 0, "name"}, fmt.Sprintf("no slice is named %q", s.Slice), "there are "+cfg.sliceNames())
	}
	on := slices.IndexFunc(cfg.Uplinks, func(have Uplink) bool { return have.Name == s.Uplink })
	if s.Uplink != "" && on < 0 {
		r.add(place{"uplink", 0, "name"}, fmt.Sprintf("no uplink is named %q", s.Uplink), "there are "+cfg.uplinkNames())
	}
	switch {
	case len(r.found) > 0:
	case s.Uplink == "":
		all := Uplink{Shares: map[string]Share{s.Slice: s.Share}}.Bounds(cfg.Slices[at])
		cfg.Slices[at].Min, cfg.Slices[at].Max = all.Min, all.Max
	default:
		u := &cfg.Uplinks[on]
		if u.Shares == nil {
			u.Shares = make(map[string]Share)
		}
		u.Shares[s.Slice] = s.Share
	}
}

// Dropped is a stored live change that the configuration no longer takes.
type Dropped struct {
	Override SliceOverride
	Why      error
}

// WithStored is With for changes from an earlier start: those that the file no longer takes are left out, and come back in
// dropped. A broken change never keeps an agent from starting.
func (c *Config) WithStored(o Overrides) (cfg *Config, kept Overrides, dropped []Dropped, err error) {
	if cfg, err = c.With(o); err == nil {
		return cfg, o, nil, nil
	}
	if cfg, err = c.With(Overrides{}); err != nil {
		return nil, Overrides{}, nil, err
	}
	left := o.Slices
	for more := true; more; { // one change may be valid only after another
		more, dropped = false, nil
		var again []SliceOverride
		for _, s := range left {
			next, err := c.With(kept.Set(s))
			if err != nil {
				again = append(again, s)
				dropped = append(dropped, Dropped{s, err})
				continue
			}
			cfg, kept, more = next, kept.Set(s), true
		}
		left = again
	}
	return cfg, kept, dropped, nil
}
