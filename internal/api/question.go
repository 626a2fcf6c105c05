package api

import (
	"fmt"
	"net/netip"
	"strconv"
)

// Question names a flow: Src is the venue's end before NAT, or the tuple after NAT either way round.
type Question struct {
	Proto    uint8 // 6 or 17
	Src, Dst netip.AddrPort
}

// Protocol gives the protocol as ParseQuestion reads it.
func (q Question) Protocol() string {
	for name, number := range protocols {
		if number == q.Proto {
			return name
		}
	}
	return strconv.Itoa(int(q.Proto))
}

var protocols = map[string]uint8{"tcp": 6, "udp": 17}

// ParseQuestion reads a flow as slicectl explain is given it. Its errors wrap ErrInvalid.
func ParseQuestion(proto, src, dst string) (Question, error) {
	number, ok := protocols[proto]
	if !ok {
		return Question{}, fmt.Errorf("%w: protocol %q: want udp or tcp", ErrInvalid, proto)
	}
	q := Question{Proto: number}
	var err error
	if q.Src, err = parseEnd("source", src); err != nil {
		return Question{}, err
	}
	if q.Dst, err = parseEnd("destination", dst); err != nil {
		return Question{}, err
	}
	if q.Src.Addr().Is4() != q.Dst.Addr().Is4() {
		return Question{}, fmt.Errorf("%w: %s and %s: one is IPv4, the other IPv6", ErrInvalid, src, dst)
	}
	return q, nil
}

// parseEnd gives IPv4-mapped addresses as IPv4. A zone says which link an address is on, which a packet does not.
func parseEnd(which, s string) (netip.AddrPort, error) {
	p, err := netip.ParseAddrPort(s)
	if err != nil || p.Port() == 0 || p.Addr().Zone() != "" {
		return netip.AddrPort{}, fmt.Errorf("%w: %s %q: want ADDRESS:PORT, such as 10.0.0.5:5004 or [2001:db8::1]:5004",
			ErrInvalid, which, s)
	}
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port()), nil
}
