package doctor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"strings"

	mdnetlink "github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// The firewall's rules, as nf_tables dumps them. What is not known here is passed over: rules are read for two or three
// expressions, and a newer kernel's are no fault.

// dialNFT opens a socket to the firewall; nil on a kernel without one.
func dialNFT() (*mdnetlink.Conn, error) {
	conn, err := mdnetlink.Dial(unix.NETLINK_NETFILTER, nil)
	if errors.Is(err, unix.EPROTONOSUPPORT) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open netfilter netlink: %w", err)
	}
	return conn, nil
}

// dumpNFT reads all objects of a type, of all families. A kernel without nf_tables has none.
func (b *box) dumpNFT(typ uint16) ([]mdnetlink.Message, error) {
	if b.nft == nil {
		return nil, nil
	}
	messages, err := b.nft.Execute(mdnetlink.Message{
		Header: mdnetlink.Header{
			Type:  mdnetlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | typ),
			Flags: mdnetlink.Request | mdnetlink.Dump,
		},
		Data: make([]byte, nfgenmsgLen), // family unspecified: all
	})
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("dump firewall rules: %w", err)
	}
	return messages, nil
}

const nfgenmsgLen = 4 // family, version, resource

// rule is a rule of the firewall.
type rule struct {
	family, table, chain string
	exprs                []expression
}

// expression is one step of a rule.
type expression struct {
	name  string
	attrs map[uint16][]byte
}

// u32 is a number among its attributes, 0 if there is none: netfilter sends those in network byte order.
func (e expression) u32(typ uint16) uint32 {
	if v := e.attrs[typ]; len(v) == 4 {
		return binary.BigEndian.Uint32(v)
	}
	return 0
}

// value is a register's content among its attributes, in the host's byte order as the mark is; ok is false if it has not 32 bits.
func (e expression) value(typ uint16) (v uint32, ok bool) {
	for typ, data := range attributes(e.attrs[typ]) {
		if typ == unix.NFTA_DATA_VALUE && len(data) == 4 {
			return binary.NativeEndian.Uint32(data), true
		}
	}
	return 0, false
}

func (b *box) rules() ([]rule, error) {
	messages, err := b.dumpNFT(unix.NFT_MSG_GETRULE)
	if err != nil {
		return nil, err
	}
	var list []rule
	for _, m := range messages {
		if r, ok := parseRule(m.Data); ok {
			list = append(list, r)
		}
	}
	return list, nil
}

func parseRule(b []byte) (rule, bool) {
	if len(b) < nfgenmsgLen {
		return rule{}, false
	}
	r := rule{family: family(b[0])}
	for typ, v := range attributes(b[nfgenmsgLen:]) {
		switch typ {
		case unix.NFTA_RULE_TABLE:
			r.table = text(v)
		case unix.NFTA_RULE_CHAIN:
			r.chain = text(v)
		case unix.NFTA_RULE_EXPRESSIONS:
			for _, element := range attributes(v) {
				r.exprs = append(r.exprs, parseExpression(element))
			}
		}
	}
	return r, true
}

func parseExpression(b []byte) expression {
	e := expression{attrs: make(map[uint16][]byte)}
	for typ, v := range attributes(b) {
		switch typ {
		case unix.NFTA_EXPR_NAME:
			e.name = text(v)
		case unix.NFTA_EXPR_DATA:
			for typ, v := range attributes(v) {
				e.attrs[typ] = v
			}
		}
	}
	return e
}

// flowtable is a table of connections that skip the usual way of a packet.
type flowtable struct {
	family, table, name string
	devices             []string
	hardware            bool
}

func (b *box) flowtables() ([]flowtable, error) {
	messages, err := b.dumpNFT(unix.NFT_MSG_GETFLOWTABLE)
	if err != nil {
		return nil, err
	}
	var list []flowtable
	for _, m := range messages {
		if t, ok := parseFlowtable(m.Data); ok {
			list = append(list, t)
		}
	}
	return list, nil
}

// Attributes of a flowtable (linux/netfilter/nf_tables.h).
const (
	flowtableTable   = 1
	flowtableName    = 2
	flowtableHook    = 3
	flowtableFlags   = 7
	flowtableDevices = 3 // within the hook

	flowtableHardware = 1 // flag
)

func parseFlowtable(b []byte) (flowtable, bool) {
	if len(b) < nfgenmsgLen {
		return flowtable{}, false
	}
	t := flowtable{family: family(b[0])}
	for typ, v := range attributes(b[nfgenmsgLen:]) {
		switch typ {
		case flowtableTable:
			t.table = text(v)
		case flowtableName:
			t.name = text(v)
		case flowtableFlags:
			t.hardware = len(v) == 4 && binary.BigEndian.Uint32(v)&flowtableHardware != 0
		case flowtableHook:
			for typ, v := range attributes(v) {
				if typ != flowtableDevices {
					continue
				}
				for _, device := range attributes(v) {
					t.devices = append(t.devices, text(device))
				}
			}
		}
	}
	return t, true
}

// attributes walks those in b, up to the first that is broken.
func attributes(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		decoder, err := mdnetlink.NewAttributeDecoder(b)
		if err != nil {
			return
		}
		for decoder.Next() {
			if !yield(decoder.Type(), decoder.Bytes()) {
				return
			}
		}
	}
}

func text(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return s
}

// family names one as nft does.
func family(number byte) string {
	switch number {
	case unix.NFPROTO_INET:
		return "inet"
	case unix.NFPROTO_IPV4:
		return "ip"
	case unix.NFPROTO_IPV6:
		return "ip6"
	case unix.NFPROTO_NETDEV:
		return "netdev"
	case unix.NFPROTO_BRIDGE:
		return "bridge"
	}
	return fmt.Sprintf("family-%d", number)
}
