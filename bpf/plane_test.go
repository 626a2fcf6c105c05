package bpf

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"

	"github.com/slicegate/slicegate/internal/nettest"
	"github.com/slicegate/slicegate/internal/slice"
)

// Slices of tests.
const (
	signalling = 1
	realtime   = 2
	media      = 3 // the default
	telemetry  = 4
)

// venueIfindex is where forwarded packets of tests came in. No interface bears it: the kernel does not look.
const venueIfindex = 77

// Variants as an agent would attach them.
var (
	venueIn   = Variant{Role: VenueIngress, Hook: 0, MarkMask: 0xff000000}
	venueOut  = Variant{Role: VenueEgress, Hook: 1, MarkMask: 0xff000000}
	uplinkOut = Variant{Role: UplinkEgress, Hook: 24, Uplink: 2, Shaped: true, MarkMask: 0xff000000}
	uplinkIn  = Variant{Role: UplinkIngress, Hook: 25, Uplink: 2, Shaped: true, MarkMask: 0xff000000}
	ifbOut    = Variant{Role: IfbEgress, Hook: 26, Uplink: 2, Shaped: true, MarkMask: 0xff000000}
)

// plane is a data plane of its own for a test.
type plane struct {
	*Set
	t        testing.TB // that fails
	owner    testing.TB // that the programs live as long as
	settings *Settings
	wrapped  map[Variant]*ebpf.Program
	clock    *ebpf.Map // what the programs take for the kernel's, in ns; nil for the kernel's
}

func newPlane(t testing.TB) *plane {
	t.Helper()
	nettest.Require(t, "root", "bpf", "btf")
	p := &plane{Set: newSet(t), t: t, owner: t, settings: &Settings{}, wrapped: make(map[Variant]*ebpf.Program)}
	p.set(func(s *Settings) {
		s.DefaultSlice, s.Signalling, s.Realtime = media, signalling, realtime
		s.EveryPacket = 1<<signalling | 1<<realtime
		s.Venues[3] = venueIfindex
	})
	return p
}

// in is the same plane for a subtest, with no flow in it.
func (p *plane) in(t testing.TB) *plane {
	t.Helper()
	sub := *p
	sub.t = t
	sub.forget()
	return &sub
}

func (p *plane) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// set changes the settings as the agent does: under the old generation, then under a new one.
func (p *plane) set(change func(*Settings)) {
	p.t.Helper()
	change(p.settings)
	for range 2 {
		p.must(p.Maps["box"].Put(uint32(0), *p.settings))
		p.settings.Generation++
	}
	p.settings.Generation--
}

// Offsets in struct __sk_buff.
const (
	offsetTcIndex = 44
	offsetCb      = 48
	offsetHash    = 68
)

// put sends one frame through v's program. tc_index comes and goes with ctx, and a fair hook's hash goes, which a test run
// alone can't do.
func (p *plane) put(v Variant, frame []byte, ctx skBuff) (ret int32, out []byte, left skBuff) {
	p.t.Helper()
	if p.wrapped[v] == nil {
		p.wrapped[v] = p.wrap(v)
	}
	ctx.Cb[0] = ctx.TcIndex
	ctx.TcIndex = 0 // the kernel takes none
	ret, out, left, err := runProgram(p.wrapped[v], frame, ctx)
	p.must(err)
	left.TcIndex = left.Cb[1]
	if v.Fair {
		left.Hash = left.Cb[2]
	}
	return ret, out, left
}

// wrap puts a few instructions around v's program: tc_index comes from cb[0], and what is left in it goes to cb[1]; the hash of a fair
// hook to cb[2].
func (p *plane) wrap(v Variant) *ebpf.Program {
	p.t.Helper()
	spec, err := v.spec()
	p.must(err)
	name := v.Role.String()
	program := spec.Programs[name]
	first := program.Instructions[0]
	function := &btf.Func{Name: "around", Type: btf.FuncMetadata(&first).Type}
	around := asm.Instructions{
		btf.WithFuncMetadata(asm.Mov.Reg(asm.R6, asm.R1), function).WithSymbol("around").WithSource(first.Source()),
		asm.LoadMem(asm.R2, asm.R6, offsetCb, asm.Word),
		asm.StoreMem(asm.R6, offsetTcIndex, asm.R2, asm.Word),
		asm.Call.Label(name),
		asm.LoadMem(asm.R2, asm.R6, offsetTcIndex, asm.Word),
		asm.StoreMem(asm.R6, offsetCb+4, asm.R2, asm.Word),
	}
	if v.Fair {
		around = append(around, asm.LoadMem(asm.R2, asm.R6, offsetHash, asm.Word), asm.StoreMem(asm.R6, offsetCb+8, asm.R2, asm.Word))
	}
	around = append(around, asm.Return())
	program.Instructions = append(around, program.Instructions...)
	if p.clock != nil {
		program.Instructions = withClock(program.Instructions, p.clock, first.Source())
	}
	prog, err := p.loadSpec(spec, name)
	if err != nil {
		p.t.Fatalf("load %s: %+v", name, err)
	}
	p.owner.Cleanup(func() { prog.Close() })
	return prog
}

// sent puts a device's packet through the venue's ingress.
func (p *plane) sent(pk packet) skBuff {
	p.t.Helper()
	return p.sentAs(venueIn, pk.bytes(), skBuff{})
}

func (p *plane) sentAs(v Variant, frame []byte, ctx skBuff) skBuff {
	p.t.Helper()
	ret, _, left := p.put(v, frame, ctx)
	if ret != actUnspec {
		p.t.Errorf("%s returned %d, want TC_ACT_UNSPEC", v.Role, ret)
	}
	return left
}

// forwarded puts it through the uplink's egress too, as NAT made it.
func (p *plane) forwarded(inside, outside packet) skBuff {
	p.t.Helper()
	return p.leaves(outside, p.sent(inside))
}

// leaves puts what the venue's ingress left on a packet, with the packet, through the uplink's egress.
func (p *plane) leaves(outside packet, left skBuff) skBuff {
	p.t.Helper()
	ctx := skBuff{TcIndex: left.TcIndex, Mark: left.Mark, Tstamp: left.Tstamp, IngressIfindex: venueIfindex}
	return p.sentAs(uplinkOut, outside.bytes(), ctx)
}

// own puts a packet of the box's own through the uplink's egress.
func (p *plane) own(pk packet) skBuff {
	p.t.Helper()
	return p.sentAs(uplinkOut, pk.bytes(), skBuff{})
}

// received puts a packet through the uplink's ingress.
func (p *plane) received(pk packet) skBuff {
	p.t.Helper()
	ret, _, left := p.put(uplinkIn, pk.bytes(), skBuff{})
	if ret != actRedirect {
		p.t.Errorf("uplink_in returned %d, want a redirect", ret)
	}
	return left
}

// What programs return.
const (
	actUnspec   = -1 // direct action: go on with the next filter
	actRedirect = -1 // without direct action: the filter matches, and its action redirects
	actPass     = 0
)

// marked gives slice and device as tc_index holds them.
func marked(ctx skBuff) (slice uint8, device uint16) {
	return uint8(ctx.TcIndex & 15), uint16(ctx.TcIndex >> 4)
}

func sliceOf(ctx skBuff) uint8 {
	slice, _ := marked(ctx)
	return slice
}

// classOf gives the slice whose class the packet is in, 0 where it is in none.
func classOf(ctx skBuff) uint8 {
	minor := ctx.Priority - RootHandle
	if minor < 0x10 || minor > 0x1f {
		return 0
	}
	return uint8(minor - 0x10)
}

// back is a packet of the other end's.
func (p packet) back() packet {
	p.from, p.to = p.to, p.from
	return p
}

func (p packet) with(payload []byte) packet {
	p.payload = payload
	return p
}

// key gives the flow of a packet that the venue's or the box's end sent.
func (p packet) key() FlowKey {
	return KeyOf(slice.Flow{Proto: slice.Proto(p.protocol()), Local: p.from, Remote: p.to})
}

// flow looks up an entry; nil where there is none.
func (p *plane) flow(table string, key FlowKey) *Flow {
	p.t.Helper()
	var f Flow
	err := p.Maps[table].Lookup(key, &f)
	if errors.Is(err, ebpf.ErrKeyNotExist) {
		return nil
	}
	p.must(err)
	return &f
}

// keys lists a table of flows.
func (p *plane) keys(table string) []FlowKey {
	p.t.Helper()
	var keys []FlowKey
	var key FlowKey
	var value Flow
	entries := p.Maps[table].Iterate()
	for entries.Next(&key, &value) {
		keys = append(keys, key)
	}
	p.must(entries.Err())
	return keys
}

// forget empties all tables of flows.
func (p *plane) forget() {
	p.t.Helper()
	for _, table := range []string{"flows", "flows_new", "reverse", "reverse_new"} {
		for _, key := range p.keys(table) {
			p.must(p.Maps[table].Delete(key))
		}
	}
}

// sum reads a number that each CPU has a part of.
func (p *plane) sum(table string, index uint32) (sum uint64) {
	p.t.Helper()
	var parts []uint64
	p.must(p.Maps[table].Lookup(index, &parts))
	for _, n := range parts {
		sum += n
	}
	return sum
}

func (p *plane) faults(f Fault) uint64 {
	p.t.Helper()
	return p.sum("faults", uint32(f))
}

func addr(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// families has the two ends of a flow, in both versions of IP.
var families = []struct {
	name     string
	from, to netip.AddrPort
}{
	{"ipv4", addr("10.9.4.7:40000"), addr("192.0.2.33:50000")},
	{"ipv6", addr("[2001:db8:4::7]:40000"), addr("[2001:db8:ffff::33]:50000")},
}

// port gives an end another port.
func port(a netip.AddrPort, n uint16) netip.AddrPort { return netip.AddrPortFrom(a.Addr(), n) }

func addrAfter(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Next(), a.Port()) }
