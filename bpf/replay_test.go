package bpf

import (
	"log/slog"
	"testing"
	"time"
)

func TestReplayFollowsBothDirections(t *testing.T) {
	r, err := NewReplay(slog.New(slog.DiscardHandler), ReplayConfig{Signalling: signalling, Realtime: realtime, Default: media})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	for _, f := range families {
		pk := packet{from: f.from, to: f.to}
		var at time.Duration
		judge := func(outbound bool, payload []byte) Verdict {
			t.Helper()
			at += 20 * time.Millisecond
			frame := pk.with(payload)
			if !outbound {
				frame = frame.back()
			}
			v, err := r.Packet(frame.bytes(), 0, at, outbound)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		if v := judge(true, stun(0)); v.Slice != signalling || Rank(v.Rank) != RankProvisional {
			t.Errorf("%s: STUN is %+v", f.name, v)
		}
		calls := stream(3, 1, 1, 160)
		judge(false, calls[0])
		if v := judge(false, calls[1]); v.Slice != realtime || KindName(Kind(v.Kind)) != "rtp-audio" {
			t.Errorf("%s: second RTP packet of the download is %+v", f.name, v)
		}
		if v := judge(true, stun(0)); v.Slice != realtime {
			t.Errorf("%s: STUN of a flow with media is %+v", f.name, v)
		}
	}
}

// Late media is found by the capture's clock: the packets of an hour are replayed in a moment.
func TestReplayHasTheCapturesClock(t *testing.T) {
	r, err := NewReplay(slog.New(slog.DiscardHandler), ReplayConfig{Signalling: signalling, Realtime: realtime, Default: media})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	pk := packet{from: families[0].from, to: families[0].to}
	var v Verdict
	for i, payload := range join(times(100, make([]byte, 50)), stream(3, 1, 1, 160)) {
		at := time.Duration(i) * time.Millisecond
		if i >= 100 {
			at += 2 * time.Second
		}
		if v, err = r.Packet(pk.with(payload).bytes(), 0, at, true); err != nil {
			t.Fatal(err)
		}
	}
	if v.Slice != realtime {
		t.Errorf("late RTP is %+v", v)
	}
}

// The label is that of the stronger verdict: a STUN answer on a call that uploads alone is a call's.
func TestLabelOfTheStronger(t *testing.T) {
	r, err := NewReplay(slog.New(slog.DiscardHandler), ReplayConfig{Signalling: signalling, Realtime: realtime, Default: media})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	for _, f := range families {
		pk := packet{from: f.from, to: f.to}
		var at time.Duration
		judge := func(pk packet, outbound bool) Verdict {
			t.Helper()
			at += 20 * time.Millisecond
			v, err := r.Packet(pk.bytes(), 0, at, outbound)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		judge(pk.with(stun(0)), true)
		judge(pk.back().with(stun(8)), false)
		for _, payload := range stream(3, 1, 1, 160) {
			judge(pk.with(payload), true)
		}
		want := Verdict{Slice: realtime, Rank: uint8(RankStructure), Kind: uint8(dataplaneKindKIND_RTP_AUDIO)}
		if v := judge(pk.back().with(stun(8)), false); v != want {
			t.Errorf("%s: %+v, want %+v", f.name, v, want)
		}
	}
}
