package replay

import (
	"maps"
	"net/netip"
	"time"

	"github.com/slicegate/slicegate/internal/slice"
)

// First fragments that are remembered, and for how long: as many, and as long, as the classifier does.
const (
	maxFragments = 4096
	fragmentLife = time.Second
)

// fragmentKey is what the fragments of a packet have in common.
type fragmentKey struct {
	proto    slice.Proto // 0 for IPv6, where a later fragment may bear another (RFC 8200, section 4.5)
	src, dst netip.Addr
	ident    uint32
}

type firstFragment struct {
	at   time.Duration
	flow *Flow
}

func fragmentKeyOf(h headers) fragmentKey {
	k := fragmentKey{src: h.src.Addr(), dst: h.dst.Addr(), ident: h.ident}
	if k.src.Is4() {
		k.proto = h.proto
	}
	return k
}

// flowOfFirst is the flow of a later fragment's first one, nil where that is not known.
func (t *table) flowOfFirst(h headers, at time.Duration) *Flow {
	if f := t.fragments[fragmentKeyOf(h)]; f.flow != nil && f.lives(at) {
		return f.flow
	}
	return nil
}

// rememberFirst makes room by forgetting what is over. Where nothing is, all start anew: so many packets in pieces within a second
// are no traffic that anybody wants told apart.
func (t *table) rememberFirst(h headers, at time.Duration, f *Flow) {
	if len(t.fragments) >= maxFragments {
		maps.DeleteFunc(t.fragments, func(_ fragmentKey, f firstFragment) bool { return !f.lives(at) })
	}
	if len(t.fragments) >= maxFragments {
		clear(t.fragments)
	}
	t.fragments[fragmentKeyOf(h)] = firstFragment{at, f}
}

func (f firstFragment) lives(at time.Duration) bool { return at-f.at <= fragmentLife }
