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

	// now is odd while pins change; else it says, in its second bit, whether the flow is pinned.
	var now atomic.Uint64
	var stop atomic.Bool
	var checked [2]atomic.Uint64
	var senders sync.WaitGroup
	failed := make(chan string, 2)
	for i := range checked {
		prog, frame := out, pk.bytes()
		if i == 1 {
			prog, frame = in, pk.back().bytes()
		}
		senders.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			for !stop.Load() {
				before := now.Load()
				_, _, left, err := runProgram(prog, frame, skBuff{})
				if before&1 != 0 || now.Load() != before {
					continue
				}
				checked[i].Add(1)
				want := uint8(media)
				if before&2 != 0 {
					want = realtime
				}
				if got := classOf(left); err != nil || got != want {
					failed <- fmt.Sprintf("hook %d: slice %d, want %d: %v", i, got, want, err)
					return
				}
			}
		})
	}
	change := func(do func()) {
		now.Add(1)
		do()
		now.Add(1)
		for i := range checked { // until each sender has had a packet
			for n := checked[i].Load(); checked[i].Load() == n && len(failed) == 0; {
				time.Sleep(20 * time.Microsecond)
			}
		}
	}
	for i := 0; i < 400 && len(failed) == 0; i++ {
		// Every other time the flow is new to both.
		if i%2 == 0 {
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
	senders.Wait()
	close(failed)
	for f := range failed {
		t.Error(f)
	}
}
