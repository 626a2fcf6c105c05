package bpf

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/google/go-cmp/cmp"
)

// A new generation asks pins and rules again, and nothing else: what was learned stays as it was, and so do device and history.
func TestGenerationRenewsTheGivenAlone(t *testing.T) {
	for _, settled := range []int{3, 40} { // in the nursery, in the settled table
		p := newPlane(t)
		pk := packet{from: families[0].from, to: families[0].to}
		for _, payload := range stream(settled, 1, 1, 160) {
			p.sent(pk.with(payload))
		}
		before := p.flowAnywhere(pk.key())
		p.rules([]rule{{slice: telemetry, udp: []uint16{50000}, experience: 3}}, nil)
		// A packet that tells nothing: only what is asked can change the entry.
		p.sent(pk.with(make([]byte, 60)))
		want := *before
		want.Generation = p.settings.Generation
		want.Given = Verdict{Slice: telemetry, Rank: uint8(RankRule)}
		want.Experience = 3
		got := p.flowAnywhere(pk.key())
		got.Packets, got.Seen = want.Packets, want.Seen // the packet itself
		if diff := cmp.Diff(want, *got); diff != "" {
			t.Errorf("after %d packets (-want +got)\n%s", settled, diff)
		}
	}
}

// Without a new generation a known flow asks for nothing.
func TestSameGenerationAsksNothing(t *testing.T) {
	p := newPlane(t)
	pk := packet{from: families[0].from, to: families[0].to, payload: make([]byte, 60)}
	p.pin(map[FlowKey]Pin{anyPeer(FlowKey{Proto: protoUDP, LocalPort: 1}): {Slice: signalling}})
	p.sent(pk)
	p.must(p.Maps["pins"].Put(pk.key(), Pin{Slice: realtime}))
	if got := sliceOf(p.sent(pk)); got != media {
		t.Errorf("slice %d: the pins were asked again", got)
	}
}

// A first packet that looked for pins just before one was made leaves an entry of the old generation, which is asked again.
func TestEntryOfOldGeneration(t *testing.T) {
	p := newPlane(t)
	pk := packet{from: families[0].from, to: families[0].to, payload: make([]byte, 60)}
	p.sent(pk)
	late := *p.flow("flows_new", pk.key())
	p.must(p.Maps["flows_new"].Delete(pk.key()))
	p.pin(map[FlowKey]Pin{pk.key(): {Slice: realtime}})
	p.must(p.Maps["flows_new"].Put(pk.key(), late))
	if got := sliceOf(p.sent(pk)); got != realtime {
		t.Errorf("slice %d, want the pin's", got)
	}
}

// With rules by DSCP a flow's verdict follows its marking; without, its marking is nobody's business.
func TestVerdictFollowsTrustedDSCP(t *testing.T) {
	p := newPlane(t)
	pk := packet{from: families[1].from, to: families[1].to, payload: make([]byte, 60)}
	p.rules([]rule{{slice: realtime, dscp: []uint8{46}}}, nil)
	for i, dscp := range []uint8{0, 46, 46, 0, 46} {
		pk.dscp = dscp
		want := uint8(media)
		if dscp == 46 {
			want = realtime
		}
		if got := sliceOf(p.sent(pk)); got != want {
			t.Errorf("packet %d with DSCP %d: slice %d, want %d", i+1, dscp, got, want)
		}
	}
}

// phase is where a test's pin is: odd while it changes, else the second bit says whether the flow is pinned.
type phase struct{ atomic.Uint64 }

// phaseSlice gives the slice in which a packet must be; false while either will do.
func phaseSlice(at uint64) (uint8, bool) {
	if at&2 != 0 {
		return realtime, at&1 == 0
	}
	return media, at&1 == 0
}

// sender puts one frame through a hook again and again, and looks at the class of each packet during which no pin changed.
type sender struct {
	prog    *ebpf.Program
	frame   []byte
	checked atomic.Uint64
}

func (s *sender) run(now *phase, stop *atomic.Bool) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for !stop.Load() {
		before := now.Load()
		_, _, left, err := runProgram(s.prog, s.frame, skBuff{})
		if err != nil {
			return err
		}
		want, settled := phaseSlice(before)
		if !settled || now.Load() != before {
			continue
		}
		s.checked.Add(1)
		if got := classOf(left); got != want {
			return fmt.Errorf("slice %d, want %d", got, want)
		}
	}
	return nil
}

// When a pin's or its release's writes are done, every packet on every CPU is where it belongs: also the flow's first, and also
// while another CPU is just asking the pins again.
func TestPinRacesWithPackets(t *testing.T) {
	p := newPlane(t)
	pk := packet{from: families[0].from, to: families[0].to, payload: make([]byte, 60)}
	out, err := p.program(uplinkOut)
	p.must(err)
	in, err := p.program(uplinkIn)
	p.must(err)
	// Two senders that never wait would keep the scheduler's two places for 10 ms at a time.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.NumCPU() + 2))
	var now phase
	var stop atomic.Bool
	var running sync.WaitGroup
	senders := []*sender{{prog: out, frame: pk.bytes()}, {prog: in, frame: pk.back().bytes()}}
	failed := make(chan error, len(senders))
	for _, s := range senders {
		running.Go(func() {
			if err := s.run(&now, &stop); err != nil {
				failed <- err
			}
		})
	}
	change := func(do func()) {
		now.Add(1)
		do()
		now.Add(1)
		for _, s := range senders { // until each has had a packet
			for n := s.checked.Load(); s.checked.Load() == n && len(failed) == 0; {
				time.Sleep(20 * time.Microsecond)
			}
		}
	}
	for i := 0; i < 400 && len(failed) == 0; i++ {
		if i%2 == 0 { // every other time the flow is new
			for _, table := range []string{"flows", "flows_new"} {
				if err := p.Maps[table].Delete(pk.key()); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
					t.Fatal(err)
				}
			}
		}
		change(func() { p.pin(map[FlowKey]Pin{pk.key(): {Slice: realtime}}) })
		change(func() { p.unpin(pk.key()) })
	}
	stop.Store(true)
	running.Wait()
	close(failed)
	for err := range failed {
		t.Error(err)
	}
}
