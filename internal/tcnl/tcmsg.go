package tcnl

// tcmsg is the fixed head of every traffic control message.
type tcmsg struct {
	ifindex int
	handle  Handle
	parent  Handle
	info    uint32 // of filters: preference and protocol
}

const tcmsgLen = 20

func (t tcmsg) marshal() []byte {
	b := make([]byte, 0, 256)
	b = append(b, 0, 0, 0, 0) // family and padding
	b = native.AppendUint32(b, uint32(t.ifindex))
	b = native.AppendUint32(b, uint32(t.handle))
	b = native.AppendUint32(b, uint32(t.parent))
	return native.AppendUint32(b, t.info)
}

// parseTcmsg gives the head and the attributes behind it; ok is false for what is too short to have a head.
func parseTcmsg(b []byte) (t tcmsg, rest []byte, ok bool) {
	if len(b) < tcmsgLen {
		return tcmsg{}, nil, false
	}
	return tcmsg{
		ifindex: int(int32(native.Uint32(b[4:]))),
		handle:  Handle(native.Uint32(b[8:])),
		parent:  Handle(native.Uint32(b[12:])),
		info:    native.Uint32(b[16:]),
	}, b[tcmsgLen:], true
}

// Attributes that qdiscs, classes and filters share.
const (
	attrKind    = 1
	attrOptions = 2
	attrStats2  = 7
	attrChain   = 11

	attrIngressBlock = 13
	attrEgressBlock  = 14
)
