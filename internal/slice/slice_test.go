package slice

import (
	"errors"
	"fmt"
	"testing"
)

func TestIDs(t *testing.T) {
	for id := range ID(255) {
		if got, want := id.Valid(), id >= 1 && id <= 15; got != want {
			t.Errorf("id %d: valid is %v", id, got)
		}
	}
}

func TestDirections(t *testing.T) {
	want := []string{"up", "down"}
	for i, d := range Directions {
		if int(d) != i || d.String() != want[i] {
			t.Errorf("direction %d is %d and prints %q", i, d, d)
		}
	}
	if got := Direction(2).String(); got != "direction(2)" {
		t.Errorf("no direction prints %q", got)
	}
}

func TestProtoNames(t *testing.T) {
	for p, want := range map[Proto]string{1: "icmp", TCP: "tcp", UDP: "udp", 58: "icmpv6", 0: "0", 50: "50", 255: "255"} {
		if got := p.String(); got != want {
			t.Errorf("protocol %d prints %q, want %q", uint8(p), got, want)
		}
	}
}

// Callers branch on these, wrapped.
func TestErrorsAreDistinct(t *testing.T) {
	if err := fmt.Errorf("pin: %w", ErrFull); !errors.Is(err, ErrFull) || errors.Is(err, ErrConflict) {
		t.Errorf("%v is taken for another", err)
	}
}
