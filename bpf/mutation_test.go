package bpf

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/slicegate/slicegate/internal/replay/pcapfile"
)

// mutations is how many frames TestMutations makes; make fuzz asks for a million.
var mutations = flag.Int("mutations", 50_000, "frames that TestMutations makes of the captures")

// seed makes the same mutations again.
var seed = flag.Uint64("seed", 2, "of TestMutations")

const captureDir = "../internal/replay/testdata/captures"

// captured gives frames of all captures, at most so many of each. Packets without a link header get one.
func captured(t *testing.T, most int) (frames [][]byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(captureDir, "*.pcap*"))
	if err != nil || len(files) < 40 {
		t.Fatalf("%d captures, %v", len(files), err)
	}
	for _, file := range files {
		packets, err := pcapfile.ReadAll(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, step := 0, max(1, len(packets)/most); i < len(packets); i += step {
			b := packets[i].Data
			switch packets[i].Link {
			case pcapfile.Raw:
				b = append(ethernetOf(b[0]>>4), b...)
			case pcapfile.Cooked:
				b = append(ethernetOf(b[16]>>4), b[16:]...)
			case pcapfile.Cooked2:
				b = append(ethernetOf(b[20]>>4), b[20:]...)
			}
			frames = append(frames, b[:min(len(b), mutantMax)])
		}
	}
	return frames
}

func ethernetOf(version byte) []byte {
	if version == 6 {
		return []byte{2, 0, 0, 0, 0, 0xfe, 2, 0, 0, 0, 0, 1, 0x86, 0xdd}
	}
	return []byte{2, 0, 0, 0, 0, 0xfe, 2, 0, 0, 0, 0, 1, 8, 0}
}

// TestMutations: whatever becomes of a real program's packet on the way, each program takes it and gives it a slice, and writes what
// it may write alone.
func TestMutations(t *testing.T) {
	p := newPlane(t)
	p.set(func(s *Settings) { s.DscpOfSlice, s.BestEffort = marking, 1<<media|1<<telemetry })
	m := mutator{rand.New(rand.NewPCG(*seed, 0)), captured(t, 150)}
	tally := make(map[string]int)
	for i := range *mutations {
		frame := m.mutant()
		p.checkMutant(frame, m.context(), tally)
		if t.Failed() {
			t.Fatalf("mutation %d with -seed %d:\n%s", i, *seed, hex.Dump(frame))
		}
	}
	t.Logf("%d frames: %v", *mutations, tally)
	// A test of frames that all look alike would find nothing.
	for _, what := range []string{"signalling", "realtime", "media", "clamped", "washed", "marked", "not parsed"} {
		if tally[what] < *mutations/5000 {
			t.Errorf("%s: %d of %d frames, too few to say anything", what, tally[what], *mutations)
		}
	}
}

// Programs as on a slow uplink, with all that they may write.
var (
	mutantIn   = Variant{Role: VenueIngress, MarkMask: 0x00ff0000}
	mutantUp   = Variant{Role: UplinkEgress, Uplink: 1, Shaped: true, WriteDSCP: true, Clamp: 500, MarkMask: 0x00ff0000}
	mutantDown = Variant{Role: UplinkIngress, Uplink: 1, Shaped: true, Clamp: 500, MarkMask: 0x00ff0000}
	mutantIfb  = Variant{Role: IfbEgress, Uplink: 1, Shaped: true, MarkMask: 0x00ff0000}
	mutantOut  = Variant{Role: VenueEgress, WriteDSCP: true, MarkMask: 0x00ff0000}
)

// checkMutant takes a frame both ways through the box.
func (p *plane) checkMutant(frame []byte, ctx skBuff, tally map[string]int) {
	p.t.Helper()
	unparsed := p.faults(FaultUnparsed)
	up, ok := p.mutantAt(mutantIn, frame, ctx, wrote{})
	if !ok {
		tally["refused by the kernel"]++
		return
	}
	p.checkSlice(mutantIn, up)
	up.IngressIfindex = venueIfindex
	sent := sliceOf(up)
	if left, ok := p.mutantAt(mutantUp, frame, up, wrote{dscp: true, mss: 500, tally: tally, as: "washed"}); ok {
		p.checkClass(mutantUp, left)
		tally[[...]string{signalling: "signalling", realtime: "realtime", media: "media"}[sent]]++
	}
	down, _ := p.mutantAt(mutantDown, frame, ctx, wrote{mss: 500, tally: tally})
	if sliceOf(down) == 0 { // control goes by the tree, untouched
		if down.Priority != ctx.Priority {
			p.t.Errorf("uplink_in: priority %#x of a packet that passes", down.Priority)
		}
	} else {
		p.checkSlice(mutantDown, down)
		p.checkClass(mutantDown, down)
		left, _ := p.mutantAt(mutantIfb, frame, down, wrote{})
		p.checkClass(mutantIfb, left)
	}
	down.IngressIfindex = 5
	left, _ := p.mutantAt(mutantOut, frame, down, wrote{dscp: true, to: marking[sliceOf(down)], tally: tally, as: "marked"})
	if left.Tstamp != 0 || left.Priority>>16 == RootHandle>>16 {
		p.t.Errorf("venue_out: left time stamp %d and priority %#x", left.Tstamp, left.Priority)
	}
	if p.faults(FaultUnparsed) != unparsed {
		tally["not parsed"]++
	}
}

// mutantAt runs one program, and holds what it wrote into frame and context to what it may.
func (p *plane) mutantAt(v Variant, frame []byte, ctx skBuff, may wrote) (skBuff, bool) {
	p.t.Helper()
	if p.wrapped[v] == nil {
		p.wrapped[v] = p.wrap(v)
	}
	in := ctx
	in.Cb[0], in.Cb[1], in.TcIndex = ctx.TcIndex, 0, 0
	before := monotonic()
	ret, out, left, err := runProgram(p.wrapped[v], frame, in)
	if errors.Is(err, syscall.EINVAL) && len(frame) < shortest(frame) {
		return left, false
	}
	p.must(err)
	left.TcIndex = left.Cb[1]
	if ret != actUnspec && (ret != actPass || v.Role != UplinkIngress) {
		p.t.Errorf("%s returned %d", v.Role, ret)
	}
	if [3]uint32(left.Cb[2:]) != [3]uint32(in.Cb[2:]) || left.Cb[0] != in.Cb[0] {
		p.t.Errorf("%s: cb %x, was %x", v.Role, left.Cb, in.Cb)
	}
	if (left.Mark^ctx.Mark)&^v.MarkMask != 0 {
		p.t.Errorf("%s: mark %#x, was %#x", v.Role, left.Mark, ctx.Mark)
	}
	p.checkStamp(v, frame, ctx, left, before)
	may.check(p.t, v, frame, out)
	left.Cb = ctx.Cb
	return left, true
}

// checkStamp: the venue's ingress leaves a note, the shaper's hooks the time or nothing, uplink_in what was there. The kernel takes
// a stamp on what it knows for IP alone.
func (p *plane) checkStamp(v Variant, frame []byte, ctx, left skBuff, before uint64) {
	p.t.Helper()
	kind, ok := binary.BigEndian.Uint16(frame[12:]), true
	switch v.Role {
	case VenueIngress:
		ok = left.Tstamp < 1<<26 && (left.Tstamp > 0 || kind != etherIPv4 && kind != etherIPv6)
	case UplinkEgress, IfbEgress:
		ok = left.Tstamp == 0 || left.Tstamp >= before && left.Tstamp <= monotonic()
	case UplinkIngress:
		ok = left.Tstamp == ctx.Tstamp
	}
	if !ok {
		p.t.Errorf("%s: time stamp %d, was %d", v.Role, left.Tstamp, ctx.Tstamp)
	}
}

func monotonic() uint64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		panic(err)
	}
	return uint64(now.Nano())
}

func (p *plane) checkSlice(v Variant, left skBuff) {
	p.t.Helper()
	if slice := sliceOf(left); slice < signalling || slice > media {
		p.t.Errorf("%s: slice %d", v.Role, slice)
	}
}

func (p *plane) checkClass(v Variant, left skBuff) {
	p.t.Helper()
	if class := classOf(left); class < signalling || class > media {
		p.t.Errorf("%s: priority %#x is no slice's class", v.Role, left.Priority)
	}
}
