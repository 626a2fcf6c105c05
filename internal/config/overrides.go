package config

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/slicegate/slicegate/internal/slice"
)

// Overrides are live changes: what somebody set by command, and did not take back yet. The value is never changed in place.
type Overrides struct {
	Uplinks []UplinkOverride
	Slices  []SliceOverride
}

// UplinkOverride changes a link's rates.
type UplinkOverride struct {
	Uplink           string
	Download, Upload *slice.Rate // nil as the file says; 0 for "off"
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

// ParseUplinkOverride reads what a person typed; "" leaves that direction as it is. Its errors are *Errors with the flag as key.
func ParseUplinkOverride(name, download, upload string) (UplinkOverride, error) {
	o := UplinkOverride{Uplink: name}
	r := newReport("")
	if download == "" && upload == "" {
		r.addLine(0, place{"", 0, "--download"}, "nothing to set", "give --download, --upload or both")
	}
	for _, direction := range []struct {
		text, flag string
		into       **slice.Rate
	}{{download, "--download", &o.Download}, {upload, "--upload", &o.Upload}} {
		if direction.text == "" {
			continue
		}
		rate, what, hint := parseLink(direction.text)
		if what != "" {
			r.addLine(0, place{"", 0, direction.flag}, what, hint)
		}
		*direction.into = &rate
	}
	if err := r.err(); err != nil {
		return UplinkOverride{}, err
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
	o.Slices = append(next, s)
	return o
}

// SetUplink gives o with u on top: a direction that u leaves open stays as it was.
func (o Overrides) SetUplink(u UplinkOverride) Overrides {
	next := slices.Clone(o.Uplinks)
	if i := slices.IndexFunc(next, func(have UplinkOverride) bool { return have.Uplink == u.Uplink }); i >= 0 {
		u.Download, u.Upload = cmp.Or(u.Download, next[i].Download), cmp.Or(u.Upload, next[i].Upload)
		next = slices.Delete(next, i, i+1)
	}
	o.Uplinks = append(next, u)
	return o
}

// Reset gives o without the changes of a slice on an uplink; "" stands for all of them.
func (o Overrides) Reset(name, uplink string) Overrides {
	o.Slices = slices.DeleteFunc(slices.Clone(o.Slices), func(s SliceOverride) bool {
		return (name == "" || name == s.Slice) && (uplink == "" || uplink == s.Uplink)
	})
	return o
}

// ResetUplink gives o without the changes of a link's rates; "" stands for all links.
func (o Overrides) ResetUplink(name string) Overrides {
	o.Uplinks = slices.DeleteFunc(slices.Clone(o.Uplinks), func(u UplinkOverride) bool { return name == "" || name == u.Uplink })
	return o
}

// With gives the configuration as o changes it. c stays as it is. Errors are as those of a file, without a file and line.
func (c *Config) With(o Overrides) (*Config, error) {
	r := newReport("")
	next := *c
	next.Slices, next.Uplinks = slices.Clone(c.Slices), slices.Clone(c.Uplinks)
	for i := range next.Uplinks {
		next.Uplinks[i].Shares = nil
	}
	for _, u := range o.Uplinks {
		r.overrideLink(&next, u)
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

func (r *report) overrideLink(cfg *Config, u UplinkOverride) {
	at := slices.IndexFunc(cfg.Uplinks, func(have Uplink) bool { return have.Name == u.Uplink })
	if at < 0 {
		r.add(place{"uplink", 0, "name"}, fmt.Sprintf("no uplink is named %q", u.Uplink), "there are "+cfg.uplinkNames())
		return
	}
	if u.Download != nil {
		cfg.Uplinks[at].Download = *u.Download
	}
	if u.Upload != nil {
		cfg.Uplinks[at].Upload = *u.Upload
	}
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
