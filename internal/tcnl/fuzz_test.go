package tcnl

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/netlink"
)

// message is a dumped object with the given attributes.
func message(fill func(e *encoder)) []byte {
	e := encoder{b: tcmsg{ifindex: 3, handle: 0x5c1e0011, parent: Root, info: 1<<16 | 0x0300}.marshal()}
	fill(&e)
	return e.b
}

func FuzzDump(f *testing.F) {
	rate := Rate{BytesPerSecond: 6e9, LinkLayer: Ethernet}
	for _, o := range []Options{
		HTB{Default: 19}, TBF{Rate: rate, Burst: 1600, Limit: 9}, FQCoDel{Flows: 8192, Limit: 1}, Cake{FlowMode: 5}, Raw{"x", "y"}, Clsact{},
	} {
		f.Add(message(func(e *encoder) {
			e.string(attrKind, o.Kind())
			e.nest(attrOptions, func() { o.encode(e) })
			e.nest(attrStats2, func() {
				e.bytes(1, make([]byte, 16))
				e.bytes(3, make([]byte, 20))
				e.bytes(4, make([]byte, 40))
				e.u64(8, 1)
			})
		}))
	}
	f.Add(message(func(e *encoder) {
		e.string(attrKind, kindHTB)
		e.nest(attrOptions, func() { HTBClass{Rate: rate, Ceil: rate}.encode(e) })
	}))
	f.Add(message(func(e *encoder) {
		e.string(attrKind, kindBPF)
		e.nest(attrOptions, func() { BPF{Name: "sliced/x", Action: RedirectTo(7)}.encode(e) })
	}))
	f.Fuzz(func(_ *testing.T, b []byte) {
		parseQdisc(b)
		parseClass(b)
		parseFilter(b)
		w := Watcher{}
		for _, typ := range []netlink.HeaderType{16, 17, 36, 37, 40, 41, 44, 45, 48, 49} {
			w.event(netlink.Message{Header: netlink.Header{Type: typ}, Data: b})
		}
	})
}

// A newer kernel adds attributes and makes structures longer; an older one lacks some.
func TestDumpToleratesOtherKernels(t *testing.T) {
	htb := HTBClass{
		Rate: Rate{BytesPerSecond: 1000, LinkLayer: Ethernet}, Ceil: Rate{BytesPerSecond: 2000, LinkLayer: Ethernet},
		Burst: 1562, CeilBurst: 1562, Quantum: 1514, Prio: 2,
	}
	var parms encoder
	htb.encode(&parms)
	class := func(fill func(e *encoder)) []byte {
		return message(func(e *encoder) { e.string(attrKind, kindHTB); e.nest(attrOptions, func() { fill(e) }) })
	}
	for _, tt := range []struct {
		name string
		b    []byte
		want HTBClass
	}{
		{"as it is", class(func(e *encoder) { htb.encode(e) }), htb},
		{"unknown attributes around", class(func(e *encoder) { e.bytes(200, []byte{1}); htb.encode(e); e.bytes(201, make([]byte, 33)) }), htb},
		{"longer structure", class(func(e *encoder) { e.bytes(htbParms, append(parms.b[attrHeader:], 1, 2, 3, 4, 5)) }), htb},
		{"shorter structure", class(func(e *encoder) { e.bytes(htbParms, parms.b[attrHeader:attrHeader+10]) }), HTBClass{Rate: Rate{LinkLayer: Ethernet}}},
		{"no options", class(func(*encoder) {}), HTBClass{}},
		{"an attribute of no length", class(func(e *encoder) { e.b = append(e.b, 0, 0, 1, 0); htb.encode(e) }), HTBClass{}},
		{"one that runs over the end", class(func(e *encoder) { htb.encode(e); e.b = append(e.b, 99, 0, 1, 0) }), htb},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := parseClass(tt.b)
			if diff := cmp.Diff(tt.want, got.HTB); diff != "" || !ok {
				t.Errorf("ok %v (-want +got):\n%s", ok, diff)
			}
		})
	}
	if _, ok := parseClass(make([]byte, tcmsgLen-1)); ok {
		t.Error("a message without a head was taken for one")
	}
}
