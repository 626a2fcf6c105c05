package shaper

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/nettest"
)

// move sends some packets from the device to the server.
func (b *testBox) move(packets int) {
	b.t.Helper()
	device := listen(b.t, b.device, "10.9.4.7:5004")
	server := listen(b.t, b.server, "198.51.100.1:6000")
	for range packets {
		send(b.t, device, netip.MustParseAddrPort("198.51.100.1:6000"), []byte("hello"))
		receive(b.t, server)
	}
	device.Close()
	server.Close()
}

// A tcx program that lets packets pass ends their way through the hook: ours, a clsact filter, never sees them.
func TestProgramThatIsKeptFromRunningIsAProblem(t *testing.T) {
	nettest.Require(t, "tcx")
	b := newBox(t)
	b.start(b.config())
	if got := b.problemsAfter(2 * enoughPackets); got != "" {
		t.Errorf("problems of a box that is well: %s", got)
	}
	const pass = 0 // TCX_PASS
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.SchedCLS, License: "GPL", Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, pass), asm.Return()},
	})
	must(t, err)
	defer prog.Close()
	dev, err := b.box.Links().LinkByName("venue0")
	must(t, err)
	must(t, b.box.Do(func() error {
		l, err := link.AttachTCX(link.TCXOptions{Interface: dev.Attrs().Index, Program: prog, Attach: ebpf.AttachTCXIngress})
		if err == nil {
			t.Cleanup(func() { l.Close() })
		}
		return err
	}))
	b.awaitProblem("venue0 ingress: none of the last", 2*enoughPackets)
}

// A filter after ours that answers TC_ACT_OK makes the kernel overwrite tc_index.
func TestOverwrittenIndexIsAProblem(t *testing.T) {
	b := newBox(t)
	b.start(b.config())
	_, err := b.box.Output("tc", "filter", "add", "dev", "venue0", "ingress", "pref", "7", "protocol", "all", "u32", "match", "u32", "0", "0", "flowid", "0:0")
	must(t, err)
	b.awaitProblem("lost their tc_index", 10)
}

// problemsAfter gives what is found between two looks while some packets pass.
func (b *testBox) problemsAfter(packets int) string {
	b.t.Helper()
	must(b.t, b.shaper.lookForSilence())
	b.move(packets)
	must(b.t, b.shaper.lookForSilence())
	return problemsText(b.shaper.silence.problems())
}

// awaitProblem has packets pass until a problem is found: a look of the agent's own may fall in between, and leave too few to the next.
func (b *testBox) awaitProblem(want string, packets int) {
	b.t.Helper()
	await(b.t, want, func() bool { return strings.Contains(b.problemsAfter(packets), want) })
}

func problemsText(problems []Problem) string {
	var b strings.Builder
	for _, p := range problems {
		b.WriteString(p.What + "\n")
	}
	return b.String()
}

// A burst that passes while the looks are made is in one of the program's counts, before or after.
func TestBurstBetweenLooksIsNoSilence(t *testing.T) {
	h, faults := hook{dev: "venue0"}, make([]uint64, bpf.FaultCount)
	look := func(interfaces, before, after uint64) map[hook]sighting {
		return map[hook]sighting{h: {interfaces, before, after}}
	}
	for name, test := range map[string]struct {
		first, second map[hook]sighting
		silent        bool
	}{
		"nothing passes":  {look(7, 7, 7), look(7, 7, 7), false},
		"all is seen":     {look(7, 7, 7), look(107, 107, 107), false},
		"nothing is seen": {look(7, 7, 7), look(107, 7, 7), true},
		"a burst before the first interface's look":  {look(107, 7, 107), look(107, 107, 107), false},
		"a burst after the first interface's look":   {look(7, 7, 107), look(107, 107, 107), false},
		"a burst before the second interface's look": {look(7, 7, 7), look(107, 7, 107), false},
		"a burst after the second interface's look":  {look(7, 7, 7), look(7, 7, 107), false},
	} {
		var s silence
		s.note(test.first, faults, 0)
		s.note(test.second, faults, 0)
		if got := len(s.problems()) > 0; got != test.silent {
			t.Errorf("%s: silent is %v, want %v", name, got, test.silent)
		}
	}
}
