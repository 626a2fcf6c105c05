package demo

import (
	"context"
	"errors"
	"fmt"

	"github.com/slicegate/slicegate/internal/api/client"
)

// Books are an agent's counters at several times. Traffic soon hides that one began anew, so what may set it back is looked at just
// before and directly after.
type Books struct {
	looks []map[page]count
}

// page is a slice in one direction.
type page struct{ uplink, direction, slice string }

type count struct{ bytes, packets, drops uint64 }

// Look reads the counters once more.
func (b *Books) Look(ctx context.Context, agent *Agent) error {
	status, err := agent.Status(ctx)
	if err != nil {
		return fmt.Errorf("look at the books: %w", err)
	}
	if len(status.Slices) == 0 {
		return errors.New("look at the books: the agent has no slices")
	}
	b.add(status)
	return nil
}

func (b *Books) add(status client.Status) {
	look := make(map[page]count)
	for _, s := range status.Slices {
		look[page{s.Uplink, s.Direction, s.Name}] = count{s.Bytes, s.Packets, s.Drops}
	}
	b.looks = append(b.looks, look)
}

// WentBack says of each counter that is lower than at the look before. One that is gone is 0.
func (b *Books) WentBack() (words []string) {
	for i, now := range b.looks[min(1, len(b.looks)):] {
		for at, was := range b.looks[i] {
			is := now[at]
			for _, c := range []struct {
				name    string
				was, is uint64
			}{{"bytes", was.bytes, is.bytes}, {"packets", was.packets, is.packets}, {"drops", was.drops, is.drops}} {
				if c.is < c.was {
					words = append(words, fmt.Sprintf("%s %s: %d %s, %d before", at.direction, at.slice, c.is, c.name, c.was))
				}
			}
		}
	}
	return words
}

// Uncounted is how many of the probes that went one way between the first look and the last are not in the books of their slice.
func (b *Books) Uncounted(way Direction, probes *Sequence) int {
	const slice, unknown = "realtime", 1 // it takes a second packet to know RTP
	counted := func(look map[page]count) (packets int) {
		for at, c := range look {
			if at.direction == string(way) && at.slice == slice {
				packets += int(c.packets)
			}
		}
		return packets
	}
	return max(0, probes.Sent()-unknown-counted(b.looks[len(b.looks)-1])+counted(b.looks[0]))
}
