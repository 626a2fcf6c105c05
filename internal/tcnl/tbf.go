package tcnl

import "math"

const kindTBF = "tbf"

// TBF is a token bucket. One with a limit queues in a hidden bfifo of its own until a qdisc is put into its class 1.
type TBF struct {
	Rate  Rate
	Burst uint32 // bytes; a frame that is longer is split, or dropped if it can't be. A dump rounds it down, see RoundsTo
	Limit uint32 // bytes that wait at most
}

// Kind is "tbf".
func (TBF) Kind() string { return kindTBF }

const (
	tbfParms  = 1
	tbfRate64 = 4
	tbfBurst  = 6
)

func (t TBF) encode(e *encoder) {
	b := t.Rate.ratespec(nil)
	b = Rate{}.ratespec(b) // no peak rate
	for _, v := range [...]uint32{t.Limit, 0, 0} {
		b = native.AppendUint32(b, v)
	}
	e.bytes(tbfParms, b)
	if t.Rate.long() {
		e.u64(tbfRate64, t.Rate.BytesPerSecond)
	}
	e.u32(tbfBurst, t.Burst)
}

func parseTBF(b []byte) TBF {
	var t TBF
	var rate64, buffer uint64
	for typ, v := range attrs(b) {
		switch typ {
		case tbfParms:
			t.Rate = parseRatespec(v)
			t.Limit = u32(at(v, 2*ratespecLen))
			buffer = uint64(u32(at(v, 2*ratespecLen+4)))
		case tbfRate64:
			rate64 = u64(v)
		}
	}
	t.Rate.BytesPerSecond = max(t.Rate.BytesPerSecond, rate64)
	t.Burst = t.bytes(buffer)
	return t
}

// bytes is how much fits into a time in ticks, in which the kernel dumps a burst. At high rates a tick is many frames.
func (t TBF) bytes(ticks uint64) uint32 {
	return uint32(min(float64(ticks)*TickNanoseconds*float64(t.Rate.BytesPerSecond)/1e9, math.MaxUint32))
}

// RoundsTo reports whether a burst that was written may be dumped as t's.
func (t TBF) RoundsTo(written uint32) bool {
	return written >= t.Burst && written-t.Burst <= t.bytes(1)
}
