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

// preamble is what is done before each run, of the program and of the empty one alike. The packet's context is in R6.
type preamble asm.Instructions

// Words of cb that preambles use; the kernel keeps cb from one repetition to the next.
const (
	cbIndex = offsetCb     // tc_index
	cbNote  = offsetCb + 8 // what the venue's ingress writes into tstamp, see carry
	cbCount = offsetCb + 12
)

// asForwarded makes a packet what the hook before left: tc_index from cb[0], the note from cb[2].
var asForwarded = preamble{
	asm.LoadMem(asm.R2, asm.R6, cbIndex, asm.Word),
	asm.StoreMem(asm.R6, offsetTcIndex, asm.R2, asm.Word),
	asm.Mov.Reg(asm.R1, asm.R6),
	asm.LoadMem(asm.R2, asm.R6, cbNote, asm.Word),
	asm.Mov.Imm(asm.R3, 1), // BPF_SKB_TSTAMP_DELIVERY_MONO
	asm.FnSkbSetTstamp.Call(),
}

// store writes the first bytes of a register into the frame.
func store(r asm.Register, at int, size asm.Size) preamble {
	return preamble{
		asm.StoreMem(asm.RFP, -8, r, size),
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.Mov.Imm(asm.R2, int32(at)),
		asm.Mov.Reg(asm.R3, asm.RFP),
		asm.Add.Imm(asm.R3, -8),
		asm.Mov.Imm(asm.R4, int32(size.Sizeof())),
		asm.Mov.Imm(asm.R5, 0),
		asm.FnSkbStoreBytes.Call(),
	}
}

// anotherFlow gives the packet another port than the run before, 1 to n in turn, and leaves it in R7.
func anotherFlow(at int, n int32) preamble {
	next := preamble{
		asm.LoadMem(asm.R7, asm.R6, cbCount, asm.Word),
		asm.Mod.Imm(asm.R7, n),
		asm.Add.Imm(asm.R7, 1),
		asm.StoreMem(asm.R6, cbCount, asm.R7, asm.Word),
		asm.Mov.Reg(asm.R2, asm.R7),
		asm.HostTo(asm.BE, asm.R2, asm.Half),
	}
	return append(next, store(asm.R2, at, asm.Half)...)
}

// ofItsDevice makes a packet of anotherFlow the one of n devices' that has the flow: adds to the tc_index in cb[0].
func ofItsDevice(n int32) preamble {
	return preamble{
		asm.Mod.Imm(asm.R7, n),
		asm.LSh.Imm(asm.R7, 4),
		asm.LoadMem(asm.R2, asm.R6, offsetTcIndex, asm.Word),
		asm.Add.Reg(asm.R2, asm.R7),
		asm.StoreMem(asm.R6, offsetTcIndex, asm.R2, asm.Word),
	}
}

// around loads v's program behind a preamble, and an empty program behind the same.
func (p *plane) around(v Variant, pre preamble) (full, empty *ebpf.Program) {
	p.t.Helper()
	nothing := append(asm.Instructions{asm.Mov.Reg(asm.R6, asm.R1)}, pre...)
	nothing = append(nothing, asm.Mov.Imm(asm.R0, -1), asm.Return())
	empty, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SchedCLS, License: "GPL", Instructions: nothing})
	p.must(err)
	spec, err := v.spec()
	p.must(err)
	name := v.Role.String()
	if pre == nil {
		full, err = p.loadSpec(spec, name)
		p.must(err)
		return full, empty
	}
	program := spec.Programs[name]
	first := program.Instructions[0]
	function := &btf.Func{Name: "around", Type: btf.FuncMetadata(&first).Type}
	start := btf.WithFuncMetadata(asm.Mov.Reg(asm.R6, asm.R1), function).WithSymbol("around").WithSource(first.Source())
	around := append(asm.Instructions{start}, pre...)
	around = append(around, asm.Mov.Reg(asm.R1, asm.R6), asm.Call.Label(name), asm.Return())
	program.Instructions = append(around, program.Instructions...)
	full, err = p.loadSpec(spec, name)
	p.must(err)
	return full, empty
}

// above is what v's program costs above an empty one that runs in turn with it, ns; least first. Each round loads them anew: where the
// kernel puts a program is worth some 20 ns, one time in five, and stays as it is until the next load.
func (p *plane) above(b *testing.B, v Variant, pre preamble, frame []byte, ctx skBuff) (costs []float64) {
	b.Helper()
	for range rounds {
		full, empty := p.around(v, pre)
		without := nanoseconds(b, empty, frame, ctx, repeats)
		costs = append(costs, nanoseconds(b, full, frame, ctx, repeats)-without)
		full.Close()
		empty.Close()
	}
	slices.Sort(costs)
	return costs
}
