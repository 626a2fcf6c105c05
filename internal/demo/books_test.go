package demo

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/internal/api/client"
)

func slicesOf(up, down, media client.SliceStatus) client.Status {
	up.Name, up.Direction, down.Name, down.Direction = "realtime", "up", "realtime", "down"
	media.Name, media.Direction = "media", "up"
	return client.Status{Slices: []client.SliceStatus{up, down, media}}
}

func TestBooks(t *testing.T) {
	row := func(bytes, packets, drops uint64) client.SliceStatus {
		return client.SliceStatus{Bytes: bytes, Packets: packets, Drops: drops}
	}
	begin := slicesOf(row(100, 1, 0), row(100, 1, 0), row(9000, 6, 2))
	end := slicesOf(row(1000, 10, 0), row(1000, 10, 0), row(90000, 60, 20))
	tests := []struct {
		name     string
		between  []client.Status
		last     client.Status
		wentBack []string
		up, down int // not counted, of 10
	}{
		{"they go on", []client.Status{begin}, end, nil, 0, 0},
		{"two looks", nil, end, nil, 0, 0},
		{
			"zero for a moment", []client.Status{slicesOf(row(0, 0, 0), row(100, 1, 0), row(9000, 6, 2))}, end,
			[]string{"up realtime: 0 bytes, 100 before", "up realtime: 0 packets, 1 before"},
			0, 0,
		},
		{"drops alone", nil, slicesOf(row(1000, 10, 0), row(1000, 10, 0), row(9000, 6, 1)), []string{"up media: 1 drops, 2 before"}, 0, 0},
		{
			"a slice is gone", nil, client.Status{Slices: end.Slices[:2]},
			[]string{"up media: 0 bytes, 9000 before", "up media: 0 packets, 6 before", "up media: 0 drops, 2 before"},
			0, 0,
		},
		{"too few", nil, slicesOf(row(1000, 10, 0), row(1000, 4, 0), row(90000, 60, 20)), nil, 0, 6},
		{"another order", nil, client.Status{Slices: []client.SliceStatus{end.Slices[2], end.Slices[1], end.Slices[0]}}, nil, 0, 0},
	}
	probes := &Sequence{sent: make([]time.Time, 10)}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b Books
			b.add(begin)
			for _, status := range tt.between {
				b.add(status)
			}
			b.add(tt.last)
			if diff := cmp.Diff(tt.wentBack, b.WentBack()); diff != "" {
				t.Errorf("went back (-want +got):\n%s", diff)
			}
			if up, down := b.Uncounted(Up, probes), b.Uncounted(Down, probes); up != tt.up || down != tt.down {
				t.Errorf("%d up and %d down were not counted, want %d and %d", up, down, tt.up, tt.down)
			}
		})
	}
}
