package running

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/slicegate/slicegate/internal/config"
)

// SetSlice changes a slice's bounds on top of what is in force, whatever that is or will be.
func (r *Running) SetSlice(ctx context.Context, s config.SliceOverride) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	return r.set(ctx, r.live.Set(s), config.Dropped{Slice: s.Slice, Uplink: s.Uplink})
}

// SetUplink changes a link's rates on top of what is in force, whatever that is or will be.
func (r *Running) SetUplink(ctx context.Context, u config.UplinkOverride) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	return r.set(ctx, r.live.SetUplink(u), config.Dropped{Uplink: u.Uplink})
}

// set changes live, unless that is not taken itself, or only at the cost of a live change that is in force.
func (r *Running) set(ctx context.Context, live config.Overrides, change config.Dropped) error {
	_, _, dropped, err := r.file.WithStored(live)
	if err != nil {
		return err
	}
	same := func(a, b config.Dropped) bool { return a.Slice == b.Slice && a.Uplink == b.Uplink }
	for _, d := range dropped {
		if same(d, change) {
			return invalid{d.Why}
		}
	}
	for _, d := range dropped {
		if !slices.ContainsFunc(r.dropped, func(was config.Dropped) bool { return same(d, was) }) {
			return invalid{fmt.Errorf("%s would no longer hold: %w", describe(d), d.Why)}
		}
	}
	return r.change(ctx, live)
}

// describe names a live change.
func describe(d config.Dropped) string {
	switch {
	case d.Slice == "":
		return "the live change of uplink " + d.Uplink
	case d.Uplink == "":
		return "the live change of slice " + d.Slice
	}
	return "the live change of slice " + d.Slice + " on uplink " + d.Uplink
}

// ResetSlice takes back what SetSlice did: "" is every slice, or all uplinks.
func (r *Running) ResetSlice(ctx context.Context, name, uplink string) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	if err := r.known(name, uplink); err != nil {
		return err
	}
	return r.change(ctx, r.live.Reset(name, uplink))
}

// ResetUplink takes back what SetUplink did: "" is every uplink.
func (r *Running) ResetUplink(ctx context.Context, name string) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	if err := r.known("", name); err != nil {
		return err
	}
	return r.change(ctx, r.live.ResetUplink(name))
}

// known refuses names that neither the configuration nor a live change has; "" is every name.
func (r *Running) known(name, uplink string) error {
	names, uplinks := map[string]bool{"": true}, map[string]bool{"": true}
	for _, s := range r.file.Slices {
		names[s.Name] = true
	}
	for _, u := range r.file.Uplinks {
		uplinks[u.Name] = true
	}
	for _, o := range r.live.Slices {
		names[o.Slice], uplinks[o.Uplink] = true, true
	}
	for _, o := range r.live.Uplinks {
		uplinks[o.Uplink] = true
	}
	if !names[name] {
		return invalid{fmt.Errorf("no slice is named %s", name)}
	}
	if !uplinks[uplink] {
		return invalid{fmt.Errorf("no uplink is named %s", uplink)}
	}
	return nil
}

// change keeps live changes over restarts, then has the box do them. Those that it does not take are not kept either.
func (r *Running) change(ctx context.Context, live config.Overrides) error {
	cfg, dropped, err := r.effective(r.file, live)
	if err != nil {
		return err
	}
	if err := setAside(r.livePath(), r.unreadLive); err != nil {
		return err
	}
	if err := live.Save(r.livePath()); err != nil {
		return err
	}
	if err := r.box.Set(context.WithoutCancel(ctx), cfg); err != nil {
		return errors.Join(err, r.live.Save(r.livePath()))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.live, r.unreadLive, r.dropped = live, nil, dropped
	return nil
}
