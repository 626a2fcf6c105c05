package demo

import (
	"testing"
	"time"
)

// A packet that the path holds up shows, also where the sender itself paused for longer at another moment.
func TestSequenceFigures(t *testing.T) {
	const path = 20 * time.Millisecond
	start := time.Now()
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	sent := func(ms ...int) (times []time.Time) {
		for _, ms := range ms {
			times = append(times, at(ms))
		}
		return times
	}
	tests := []struct {
		name              string
		sent              []time.Time
		late              map[uint32]int // ms beyond the path
		lost              uint32         // a number; 0 for none
		growth, senderGap time.Duration
	}{
		{"even", sent(0, 1, 2, 3, 4), nil, 0, 0, time.Millisecond},
		{"sender pauses", sent(0, 1, 11, 12, 13), nil, 0, 0, 10 * time.Millisecond},
		{"path stalls for less than the sender", sent(0, 1, 11, 12, 13), map[uint32]int{3: 9, 4: 8}, 0, 9 * time.Millisecond, 10 * time.Millisecond},
		{"the last is late", sent(0, 1, 2, 3, 4), map[uint32]int{4: 5}, 0, 5 * time.Millisecond, time.Millisecond},
		{"one is lost", sent(0, 1, 2, 3, 4), map[uint32]int{4: 5}, 2, 5 * time.Millisecond, time.Millisecond},
		{"one overtakes", sent(0, 1, 2, 3, 4), map[uint32]int{2: 3}, 0, 3 * time.Millisecond, time.Millisecond},
		{"nothing", nil, nil, 0, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &Sequence{sent: tt.sent}
			for n, sent := range tt.sent {
				if n := uint32(n); n == 0 || n != tt.lost {
					s.got = append(s.got, arrival{n, sent.Add(path + time.Duration(tt.late[n])*time.Millisecond)})
				}
			}
			if got := s.Growth(1); got != tt.growth {
				t.Errorf("delay grew by %s, want %s", got, tt.growth)
			}
			if got := s.SenderGap(); got != tt.senderGap {
				t.Errorf("the sender's gap is %s, want %s", got, tt.senderGap)
			}
		})
	}
}

// A share leaves the worst out.
func TestSequenceGrowthOfAShare(t *testing.T) {
	start := time.Now()
	s := &Sequence{}
	for n := range 1000 {
		sent := start.Add(time.Duration(n) * time.Millisecond)
		took := time.Millisecond
		if n < 10 {
			took += time.Duration(n+1) * time.Millisecond
		}
		s.sent, s.got = append(s.sent, sent), append(s.got, arrival{uint32(n), sent.Add(took)})
	}
	for q, want := range map[float64]time.Duration{0.50: 0, 0.99: 0, 0.999: 9 * time.Millisecond, 1: 10 * time.Millisecond} {
		if got := s.Growth(q); got != want {
			t.Errorf("growth of %g: %s, want %s", q, got, want)
		}
	}
}

func TestSequenceWantsStamps(t *testing.T) {
	now := time.Now()
	if err := (&Sequence{sent: []time.Time{now, now}}).stamped(); err != nil {
		t.Error(err)
	}
	if err := (&Sequence{sent: []time.Time{now, {}}}).stamped(); err == nil {
		t.Error("nobody knows when a packet was sent, and that is no error")
	}
}
