package tcnl

const kindCake = "cake"

// Flow modes of Cake: whose fair share comes first.
const (
	CakeDualSource      = 5
	CakeDualDestination = 6
)

// cakeBestEffort is one tin for all: no look at the DSCP.
const cakeBestEffort = 3

// Cake is fair by host and by flow. Here it has one tin and no shaper of its own.
type Cake struct {
	FlowMode uint32
	SplitGSO bool   // superpackets leave as the packets they stand for
	Foreign  string // parameters that differ from what this package writes; dumped alone
}

// Kind is "cake".
func (Cake) Kind() string { return kindCake }

const (
	cakeBaseRate64 = 2
	cakeDiffserv   = 3
	cakeFlowMode   = 5
	cakeSplitGSO   = 17
)

func (q Cake) encode(e *encoder) {
	e.u64(cakeBaseRate64, 0)
	e.u32(cakeDiffserv, cakeBestEffort)
	e.u32(cakeFlowMode, q.FlowMode)
	var split uint32
	if q.SplitGSO {
		split = 1
	}
	e.u32(cakeSplitGSO, split)
}

func parseCake(b []byte) Cake {
	var q Cake
	for typ, v := range attrs(b) {
		switch typ {
		case cakeBaseRate64:
			if u64(v) != 0 {
				q.Foreign += "bandwidth "
			}
		case cakeDiffserv:
			if u32(v) != cakeBestEffort {
				q.Foreign += "diffserv "
			}
		case cakeFlowMode:
			q.FlowMode = u32(v)
		case cakeSplitGSO:
			q.SplitGSO = u32(v) != 0
		}
	}
	return q
}
