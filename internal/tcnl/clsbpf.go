package tcnl

const kindBPF = "bpf"

// BPF are the parameters of a cls_bpf filter.
type BPF struct {
	FD           int    // of the program; written alone
	Name         string // free text that is kept with the filter
	DirectAction bool   // the program's answer is the packet's fate; else a match runs Action
	Action       Action
	ProgramID    uint32 // dumped alone
}

// Action is what a filter does with a packet that it matches.
type Action struct {
	Kind     string // "mirred"; "" for none, and others are dumped alone
	Redirect int    // ifindex that mirred sends the packet out of; 0 when that is gone, or for another use of mirred
	More     bool   // further actions follow; dumped alone
}

// RedirectTo sends what matches out of another interface.
func RedirectTo(ifindex int) Action { return Action{Kind: kindMirred, Redirect: ifindex} }

const (
	kindMirred = "mirred"

	bpfAct   = 1
	bpfFD    = 6
	bpfName  = 7
	bpfFlags = 8
	bpfID    = 11

	flagDirectAction = 1

	actKind     = 1
	actOptions  = 2
	mirredParms = 2

	stolen      = 4 // TC_ACT_STOLEN: the packet goes no further here
	egressRedir = 1
)

func (f BPF) encode(e *encoder) {
	e.u32(bpfFD, uint32(f.FD))
	e.string(bpfName, f.Name)
	if f.DirectAction {
		e.u32(bpfFlags, flagDirectAction)
	}
	if f.Action.Kind == kindMirred {
		e.nest(bpfAct, func() { e.nest(1, func() { encodeRedirect(e, f.Action.Redirect) }) })
	}
}

func encodeRedirect(e *encoder, ifindex int) {
	e.string(actKind, kindMirred)
	e.nest(actOptions, func() {
		var b []byte
		for _, v := range [...]uint32{0, 0, stolen, 0, 0, egressRedir, uint32(ifindex)} {
			b = native.AppendUint32(b, v)
		}
		e.bytes(mirredParms, b)
	})
}

func parseBPF(b []byte) BPF {
	var f BPF
	for typ, v := range attrs(b) {
		switch typ {
		case bpfName:
			f.Name = text(v)
		case bpfFlags:
			f.DirectAction = u32(v)&flagDirectAction != 0
		case bpfID:
			f.ProgramID = u32(v)
		case bpfAct:
			f.Action = parseActions(v)
		}
	}
	return f
}

// parseActions reads a list of actions, numbered from 1.
func parseActions(b []byte) Action {
	var first Action
	n := 0
	for _, v := range attrs(b) {
		if n++; n == 1 {
			first = parseAction(v)
		}
	}
	first.More = n > 1
	return first
}

func parseAction(b []byte) Action {
	var a Action
	var options []byte
	for typ, v := range attrs(b) {
		switch typ {
		case actKind:
			a.Kind = text(v)
		case actOptions:
			options = v
		}
	}
	if a.Kind != kindMirred {
		return a
	}
	for typ, v := range attrs(options) {
		if typ == mirredParms && u32(at(v, 20)) == egressRedir && u32(at(v, 8)) == stolen {
			a.Redirect = int(int32(u32(at(v, 24))))
		}
	}
	return a
}
