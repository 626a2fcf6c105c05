package main

import (
	"context"

	"github.com/slicegate/slicegate/internal/api"
	"github.com/slicegate/slicegate/internal/slice"
	"github.com/slicegate/slicegate/shaper"
)

// Status implements api.Agent.
func (a *agent) Status(context.Context) (api.Status, error) {
	problems := a.problems() // first: who sees none sees what came of it
	cfg := a.current()
	m, err := a.shaper.Measure(true)
	if err != nil {
		return api.Status{}, err
	}
	links := make(map[uint8]map[slice.Direction]api.LinkStatus)
	for _, l := range m.Links {
		if links[l.Uplink] == nil {
			links[l.Uplink] = make(map[slice.Direction]api.LinkStatus)
		}
		links[l.Uplink][l.Direction] = linkStatus(l)
	}
	var st api.Status
	indexes := make(map[string]uint8)
	for _, u := range cfg.Uplinks {
		indexes[u.Name] = u.Index
	}
	for _, u := range a.shaper.Reconciler().State() {
		byDirection := links[indexes[u.Name]]
		st.Uplinks = append(st.Uplinks, api.UplinkStatus{
			Name: u.Name, Interface: u.Interface, State: u.State,
			Download: byDirection[slice.Down], Upload: byDirection[slice.Up],
		})
	}
	names := namesByNumber(cfg)
	for _, s := range m.Slices {
		st.Slices = append(st.Slices, sliceStatus(s, names))
	}
	st.Problems = problems
	return st, nil
}

func linkStatus(l shaper.LinkMeasurement) api.LinkStatus {
	st := api.LinkStatus{UsedBPS: uint64(l.Used), NarrowedBPS: uint64(l.Narrowed)}
	if l.Rate > 0 {
		rate := uint64(l.Rate)
		st.RateBPS = &rate
	}
	return st
}

func sliceStatus(s shaper.SliceMeasurement, n numberNames) api.SliceStatus {
	st := api.SliceStatus{
		Uplink: n.uplinks[s.Uplink], Direction: s.Direction.String(), Name: n.slices[s.Slice],
		MinBPS: uint64(s.Min), MaxBPS: uint64(s.Max),
		Bytes: s.Total.Bytes, Packets: s.Total.Packets, Drops: s.Drops, BacklogBytes: s.Backlog,
		Devices: uint64(s.Devices),
	}
	if d := s.Recent; d != nil {
		st.DelayUS = &api.DelayStatus{
			P50: uint64(d.P50.Microseconds()), P99: uint64(d.P99.Microseconds()), Max: uint64(d.Max.Microseconds()),
		}
	}
	return st
}

// Devices implements api.Agent.
func (a *agent) Devices(_ context.Context, most int) (st api.Devices, err error) {
	heaviest, err := a.shaper.HeaviestDevices(most)
	for _, d := range heaviest {
		st.Devices = append(st.Devices, api.DeviceStatus{
			Device: d.Device, Experience: d.Experience,
			Download: api.DeviceTraffic{Bytes: d.Bytes[slice.Down], UsedBPS: uint64(d.Used[slice.Down])},
			Upload:   api.DeviceTraffic{Bytes: d.Bytes[slice.Up], UsedBPS: uint64(d.Used[slice.Up])},
		})
	}
	return st, err
}

// numberNames leads from the kernel's numbers to names.
type numberNames struct {
	slices      map[slice.ID]string
	uplinks     map[uint8]string
	experiences map[uint8]string
}

func namesByNumber(cfg shaper.Config) numberNames {
	n := numberNames{make(map[slice.ID]string), make(map[uint8]string), map[uint8]string{0: ""}}
	for _, s := range cfg.Slices {
		n.slices[s.ID] = s.Name
	}
	for _, u := range cfg.Uplinks {
		n.uplinks[u.Index] = u.Name
	}
	for _, e := range cfg.Experiences {
		n.experiences[e.Number] = e.Name
	}
	return n
}
