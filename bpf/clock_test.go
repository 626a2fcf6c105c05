package bpf

import (
	"fmt"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

// stopClock gives programs that are loaded from now on a clock that stands still unless the test passes time: on a busy machine more
// passes between two packets than a test of tenths of a second can bear.
func (p *plane) stopClock() {
	p.t.Helper()
	clock, err := ebpf.NewMap(&ebpf.MapSpec{Name: "test_clock", Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1})
	p.must(err)
	p.owner.Cleanup(func() { clock.Close() })
	p.clock = clock
	p.must(clock.Put(uint32(0), uint64(time.Hour))) // at 0 an entry would look as if it had never been seen
}

// pass lets time pass on a clock that was stopped.
func (p *plane) pass(d time.Duration) {
	p.t.Helper()
	var now uint64
	p.must(p.clock.Lookup(uint32(0), &now))
	p.must(p.clock.Put(uint32(0), now+uint64(d)))
}

// withClock has a program call a function that reads a clock of the test's in place of the kernel's.
func withClock(program asm.Instructions, clock *ebpf.Map, source fmt.Stringer) asm.Instructions {
	const name = "test_clock"
	calls := 0
	for i := range program {
		if ins := &program[i]; ins.IsBuiltinCall() && ins.Constant == int64(asm.FnKtimeGetCoarseNs) {
			*ins = asm.Call.Label(name).WithMetadata(ins.Metadata).WithReference(name)
			calls++
		}
	}
	if calls == 0 { // a function that nobody calls is refused
		return program
	}
	function := &btf.Func{Name: name, Type: &btf.FuncProto{Return: &btf.Int{Name: "unsigned long long", Size: 8}}}
	return append(program,
		btf.WithFuncMetadata(asm.LoadMapValue(asm.R0, clock.FD(), 0), function).WithSymbol(name).WithSource(source),
		asm.LoadMem(asm.R0, asm.R0, 0, asm.DWord),
		asm.Return(),
	)
}

// seconds is the programs' clock in their seconds, of 2^30 ns.
func (p *plane) seconds() int64 {
	p.t.Helper()
	var now unix.Timespec
	p.must(unix.ClockGettime(unix.CLOCK_MONOTONIC_COARSE, &now))
	return now.Nano() >> 30
}
