package bpf

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"slices"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

// What a program may cost above an empty one in the same run, ns.
const (
	boundIngress  = 50
	boundIngress6 = 55
	boundEgress   = 80
	boundFirst    = 500
)

const (
	rounds  = 7       // the median of which counts
	repeats = 200_000 // of a round
)

// testRun is bpf(2)'s argument of BPF_PROG_TEST_RUN: the library gives a duration only without a context.
type testRun struct {
	progFd, retval              uint32
	dataSizeIn, dataSizeOut     uint32
	dataIn, dataOut             uint64
	repeat, duration            uint32
	contextSizeIn, contextSizeO uint32
	contextIn, contextOut       uint64
	flags, cpu, batch, _        uint32
}

const progTestRun = 10

// nanoseconds is what one run of a program takes on average.
func nanoseconds(b *testing.B, p *ebpf.Program, frame []byte, ctx skBuff, repeat uint32) float64 {
	b.Helper()
	var context bytes.Buffer
	if err := binary.Write(&context, binary.NativeEndian, ctx); err != nil {
		b.Fatal(err)
	}
	in := context.Bytes()
	attr := testRun{
		progFd: uint32(p.FD()), repeat: repeat,
		dataSizeIn: uint32(len(frame)), dataIn: uint64(uintptr(unsafe.Pointer(&frame[0]))),
		contextSizeIn: uint32(len(in)), contextIn: uint64(uintptr(unsafe.Pointer(&in[0]))),
	}
	for {
		_, _, errno := unix.Syscall(unix.SYS_BPF, progTestRun, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
		runtime.KeepAlive(frame)
		runtime.KeepAlive(in)
		switch errno {
		case 0:
			return float64(attr.duration)
		case unix.EINTR:
		default:
			b.Fatal(errno)
		}
	}
}

// preamble is what is done before each run, of the program and of the empty one alike.
type preamble asm.Instructions

// asForwarded makes a packet what the venue's ingress left: tc_index from cb[0], the note from cb[2].
var asForwarded = preamble{
	asm.LoadMem(asm.R2, asm.R6, offsetCb, asm.Word),
	asm.StoreMem(asm.R6, offsetTcIndex, asm.R2, asm.Word),
	asm.Mov.Reg(asm.R1, asm.R6),
	asm.LoadMem(asm.R2, asm.R6, offsetCb+8, asm.Word),
	asm.Mov.Imm(asm.R3, 1), // BPF_SKB_TSTAMP_DELIVERY_MONO
	asm.FnSkbSetTstamp.Call(),
}

// anotherFlow gives the packet another source port than the run before: an Ethernet header and one of IP are before it.
func anotherFlow(ip int32) preamble {
	return preamble{
		asm.LoadMem(asm.R2, asm.R6, offsetCb+12, asm.Word),
		asm.Add.Imm(asm.R2, 1),
		asm.StoreMem(asm.R6, offsetCb+12, asm.R2, asm.Word),
		asm.StoreMem(asm.RFP, -8, asm.R2, asm.Half),
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.Mov.Imm(asm.R2, 14+ip),
		asm.Mov.Reg(asm.R3, asm.RFP),
		asm.Add.Imm(asm.R3, -8),
		asm.Mov.Imm(asm.R4, 2),
		asm.Mov.Imm(asm.R5, 0),
		asm.FnSkbStoreBytes.Call(),
	}
}

// after gives v's program behind a preamble, and an empty program behind the same.
func (p *plane) after(v Variant, pre preamble) (full, empty *ebpf.Program) {
	p.t.Helper()
	spec, err := v.spec()
	p.must(err)
	name := v.Role.String()
	program := spec.Programs[name]
	first := program.Instructions[0]
	function := &btf.Func{Name: "around", Type: btf.FuncMetadata(&first).Type}
	start := btf.WithFuncMetadata(asm.Mov.Reg(asm.R6, asm.R1), function).WithSymbol("around").WithSource(first.Source())
	around := append(asm.Instructions{start}, pre...)
	around = append(around, asm.Mov.Reg(asm.R1, asm.R6), asm.Call.Label(name), asm.Return())
	program.Instructions = append(around, program.Instructions...)
	full, err = p.loadSpec(spec, name)
	p.must(err)
	p.owner.Cleanup(func() { full.Close() })

	nothing := append(asm.Instructions{asm.Mov.Reg(asm.R6, asm.R1)}, pre...)
	nothing = append(nothing, asm.Mov.Imm(asm.R0, -1), asm.Return())
	empty, err = ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SchedCLS, License: "GPL", Instructions: nothing})
	p.must(err)
	p.owner.Cleanup(func() { empty.Close() })
	return full, empty
}

// above is the median of what v's program costs above an empty one.
func (p *plane) above(b *testing.B, v Variant, pre preamble, frame []byte, ctx skBuff, repeat uint32) float64 {
	b.Helper()
	full, empty := p.after(v, pre)
	var costs []float64
	for range rounds {
		without := nanoseconds(b, empty, frame, ctx, repeat)
		costs = append(costs, nanoseconds(b, full, frame, ctx, repeat)-without)
	}
	slices.Sort(costs)
	return costs[rounds/2]
}

// note is what the venue's ingress writes for an answer, see carry.
func note(rank Rank, settled bool) uint32 {
	n := uint32(rank)
	if settled {
		n |= 1 << 25
	}
	return n
}

// BenchmarkPrograms prints what a packet costs at each hook above an empty program, and fails above the bounds.
func BenchmarkPrograms(b *testing.B) {
	for _, f := range families {
		pk := packet{from: f.from, to: f.to}
		ingress := float64(boundIngress)
		ip := int32(20)
		if f.from.Addr().Is6() {
			ingress, ip = boundIngress6, 40
		}
		for _, flow := range []struct {
			name     string
			payloads [][]byte
			slice    uint32
			rank     Rank
		}{
			{"call", stream(40, 1, 1, 160), realtime, RankStructure},
			{"default", times(40, make([]byte, 1000)), media, RankDefault},
		} {
			b.Run(f.name+"/"+flow.name, func(b *testing.B) {
				p := newPlane(b)
				outside := translated(pk)
				for _, payload := range flow.payloads {
					p.forwarded(pk.with(payload), outside.with(payload))
					p.received(outside.with(payload).back())
				}
				last := flow.payloads[len(flow.payloads)-1]
				index := skBuff{IngressIfindex: venueIfindex}
				index.Cb[0], index.Cb[2] = 7<<4|flow.slice, note(flow.rank, true)
				hooks := []struct {
					name  string
					v     Variant
					pre   preamble
					frame []byte
					ctx   skBuff
					bound float64
				}{
					{"venue_in", venueIn, nil, pk.with(last).bytes(), skBuff{}, ingress},
					{"uplink_in", uplinkIn, nil, outside.with(last).back().bytes(), skBuff{}, ingress},
					{"uplink_out", uplinkOut, asForwarded, outside.with(last).bytes(), index, boundEgress},
					{"ifb_out", ifbOut, asForwarded, outside.with(last).back().bytes(), index, boundEgress},
					{"venue_out", venueOut, asForwarded, pk.with(last).back().bytes(), index, boundEgress},
				}
				for b.Loop() {
					for _, h := range hooks {
						cost := p.above(b, h.v, h.pre, h.frame, h.ctx, repeats)
						b.ReportMetric(cost, "ns-"+h.name)
						if cost > h.bound {
							b.Errorf("%s costs %.0f ns above an empty program, want at most %.0f", h.name, cost, h.bound)
						}
					}
				}
			})
		}
		b.Run(f.name+"/first packet", func(b *testing.B) {
			p := newPlane(b)
			for b.Loop() {
				cost := p.above(b, venueIn, anotherFlow(ip), pk.with(make([]byte, 100)).bytes(), skBuff{}, 60_000)
				b.ReportMetric(cost, "ns-venue_in")
				if cost > boundFirst {
					b.Errorf("a first packet costs %.0f ns above an empty program, want at most %d", cost, boundFirst)
				}
			}
		})
	}
}
