package main

import (
	"context"

	"github.com/slicegate/slicegate/internal/api"
	"github.com/slicegate/slicegate/internal/slice"
	"github.com/slicegate/slicegate/shaper"
)

// Devices implements api.Agent.
func (a *agent) Devices(_ context.Context, most int) (api.Devices, error) {
	heaviest, err := a.shaper.HeaviestDevices(most)
	if err != nil {
		return api.Devices{}, err
	}
	cfg, _ := a.current()
	names := namesByNumber(cfg)
	var answer api.Devices
	for _, d := range heaviest {
		answer.Devices = append(answer.Devices, api.DeviceStatus{
			Device: d.Device, Experience: names.experiences[d.Payer],
			Download: deviceTraffic(d, slice.Down), Upload: deviceTraffic(d, slice.Up),
		})
	}
	return answer, nil
}

func deviceTraffic(d shaper.DeviceMeasurement, dir slice.Direction) api.DeviceTraffic {
	return api.DeviceTraffic{Bytes: d.Bytes[dir], UsedBPS: uint64(d.Used[dir])}
}
