package tcnl

const kindHTB = "htb"

// HTB is a hierarchical token bucket: the root of a tree of classes.
type HTB struct {
	Default uint32 // minor of the class that takes what has none; 0: such packets leave unshaped
}

// Kind is "htb".
func (HTB) Kind() string { return kindHTB }

const (
	htbParms  = 1
	htbInit   = 2
	htbRate64 = 6
	htbCeil64 = 7
)

func (h HTB) encode(e *encoder) {
	b := native.AppendUint32(nil, 3) // version
	b = native.AppendUint32(b, 10)   // rate2quantum: unused where classes state a quantum
	b = native.AppendUint32(b, h.Default)
	b = native.AppendUint32(b, 0)
	e.bytes(htbInit, native.AppendUint32(b, 0))
}

func parseHTB(b []byte) HTB {
	var h HTB
	for typ, v := range attrs(b) {
		if typ == htbInit {
			h.Default = u32(at(v, 8))
		}
	}
	return h
}

// HTBClass are the parameters of a class of HTB. Every change sends them all.
type HTBClass struct {
	Rate, Ceil       Rate
	Burst, CeilBurst uint32 // in Ticks: how long Rate and Ceil may be exceeded
	Quantum          uint32 // bytes a turn; of leaves alone
	Prio             uint32 // 0 is first; of leaves alone
	Level            uint32 // 0 for a leaf; dumped alone
}

// TickNanoseconds is the length of HTB's unit of time.
const TickNanoseconds = 64

func (h HTBClass) encode(e *encoder) {
	b := h.Rate.ratespec(nil)
	b = h.Ceil.ratespec(b)
	for _, v := range [...]uint32{h.Burst, h.CeilBurst, h.Quantum, 0, h.Prio} {
		b = native.AppendUint32(b, v)
	}
	e.bytes(htbParms, b)
	if h.Rate.long() {
		e.u64(htbRate64, h.Rate.BytesPerSecond)
	}
	if h.Ceil.long() {
		e.u64(htbCeil64, h.Ceil.BytesPerSecond)
	}
}

func parseHTBClass(b []byte) HTBClass {
	var h HTBClass
	var rate64, ceil64 uint64
	for typ, v := range attrs(b) {
		switch typ {
		case htbParms:
			h.Rate = parseRatespec(v)
			h.Ceil = parseRatespec(at(v, ratespecLen))
			rest := at(v, 2*ratespecLen)
			h.Burst = u32(rest)
			h.CeilBurst = u32(at(rest, 4))
			h.Quantum = u32(at(rest, 8))
			h.Level = u32(at(rest, 12))
			h.Prio = u32(at(rest, 16))
		case htbRate64:
			rate64 = u64(v)
		case htbCeil64:
			ceil64 = u64(v)
		}
	}
	h.Rate.BytesPerSecond = max(h.Rate.BytesPerSecond, rate64)
	h.Ceil.BytesPerSecond = max(h.Ceil.BytesPerSecond, ceil64)
	return h
}
