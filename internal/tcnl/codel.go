package tcnl

const kindFQCoDel = "fq_codel"

// FQCoDel keeps flows apart by the packet's hash, and their queues short.
type FQCoDel struct {
	Limit    uint32 // packets
	Flows    uint32 // queues; can't be changed in place
	Quantum  uint32 // bytes a turn
	Target   uint32 // microseconds of delay that is tolerated
	Interval uint32 // microseconds
	Memory   uint32 // bytes
	ECN      bool
}

// Kind is "fq_codel".
func (FQCoDel) Kind() string { return kindFQCoDel }

const (
	codelTarget   = 1
	codelLimit    = 2
	codelInterval = 3
	codelECN      = 4
	codelFlows    = 5
	codelQuantum  = 6
	codelMemory   = 9
)

func (q FQCoDel) encode(e *encoder) {
	e.u32(codelLimit, q.Limit)
	if q.Flows != 0 { // even an equal number is refused in a change
		e.u32(codelFlows, q.Flows)
	}
	e.u32(codelQuantum, q.Quantum)
	e.u32(codelTarget, q.Target)
	e.u32(codelInterval, q.Interval)
	e.u32(codelMemory, q.Memory)
	var ecn uint32
	if q.ECN {
		ecn = 1
	}
	e.u32(codelECN, ecn)
}

func parseFQCoDel(b []byte) FQCoDel {
	var q FQCoDel
	for typ, v := range attrs(b) {
		switch typ {
		case codelTarget:
			q.Target = u32(v)
		case codelLimit:
			q.Limit = u32(v)
		case codelInterval:
			q.Interval = u32(v)
		case codelECN:
			q.ECN = u32(v) != 0
		case codelFlows:
			q.Flows = u32(v)
		case codelQuantum:
			q.Quantum = u32(v)
		case codelMemory:
			q.Memory = u32(v)
		}
	}
	return q
}
