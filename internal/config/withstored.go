package config

// Dropped is a live change that the configuration does not take now.
type Dropped struct {
	Slice  string // "" when it is the link's rates that were changed
	Uplink string // "" for all
	Why    error
}

// WithStored is With for changes that were made to another file, or before an earlier start: those that this file does not take
// are left out, and come back in dropped. A broken change never keeps an agent from starting.
func (c *Config) WithStored(o Overrides) (cfg *Config, kept Overrides, dropped []Dropped, err error) {
	if cfg, err = c.With(o); err == nil {
		return cfg, o, nil, nil
	}
	if cfg, err = c.With(Overrides{}); err != nil {
		return nil, Overrides{}, nil, err
	}
	left := o.single()
	for more := true; more; { // one change may be valid only after another
		more, dropped = false, nil
		var again []Overrides
		for _, one := range left {
			next, err := c.With(kept.plus(one))
			if err != nil {
				again = append(again, one)
				dropped = append(dropped, one.dropped(err))
				continue
			}
			cfg, kept, more = next, kept.plus(one), true
		}
		left = again
	}
	return cfg, kept, dropped, nil
}

// single takes o apart: a link's rates first, since shares of it depend on them.
func (o Overrides) single() (list []Overrides) {
	for _, u := range o.Uplinks {
		list = append(list, Overrides{Uplinks: []UplinkOverride{u}})
	}
	for _, s := range o.Slices {
		list = append(list, Overrides{Slices: []SliceOverride{s}})
	}
	return list
}

func (o Overrides) plus(more Overrides) Overrides {
	for _, u := range more.Uplinks {
		o = o.SetUplink(u)
	}
	for _, s := range more.Slices {
		o = o.Set(s)
	}
	return o
}

// dropped names what is in o, which is one change.
func (o Overrides) dropped(why error) Dropped {
	d := Dropped{Why: why}
	for _, u := range o.Uplinks {
		d.Uplink = u.Uplink
	}
	for _, s := range o.Slices {
		d.Slice, d.Uplink = s.Slice, s.Uplink
	}
	return d
}
