package tcnl

import "testing"

func TestBurstRounds(t *testing.T) {
	const tbit = 125_000_000_000 // bytes per second: a tick is 8000 bytes
	for _, tt := range []struct {
		name            string
		written, dumped uint32
		rate            uint64
		want            bool
	}{
		{"below a tick", 1600, 0, tbit, true},
		{"above a tick", 9100, 8000, tbit, true},
		{"another burst", 9100, 0, tbit, false},
		{"a smaller one", 1600, 8000, tbit, false},
		{"slow enough to be exact", 16_000, 16_000, 1_000_000, true},
		{"slow, and not the same", 15_000, 16_000, 1_000_000, false},
	} {
		q := TBF{Rate: Rate{BytesPerSecond: tt.rate}, Burst: tt.dumped}
		if got := q.RoundsTo(tt.written); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
