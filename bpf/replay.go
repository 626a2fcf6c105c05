package bpf

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/slicegate/slicegate/internal/slice"
)

// ReplayConfig names the slices that a replay judges into.
type ReplayConfig struct {
	Signalling, Realtime, Default slice.ID
}

// Replay judges captured packets in order, with the programs that are loaded in the kernel, on maps of its own. A network stack
// is not there: what the venue's program finds goes to the uplink's through the packet's cb, and time is the capture's.
type Replay struct {
	set *Set
}

// Variants of a replay.
var (
	replayVenueIn   = Variant{Role: VenueIngress, Replay: true}
	replayUplinkOut = Variant{Role: UplinkEgress, Replay: true}
	replayUplinkIn  = Variant{Role: UplinkIngress, Replay: true}
)

// replayEpoch is the time of a capture's first packet. At 0 an entry would look as if it had never been seen.
const replayEpoch = time.Hour

// NewReplay makes the maps and loads the programs; it takes root.
func NewReplay(log *slog.Logger, cfg ReplayConfig) (*Replay, error) {
	set, err := Open(log, nil)
	if err != nil {
		return nil, err
	}
	settings := Settings{
		Generation: 1, Signalling: uint8(cfg.Signalling), Realtime: uint8(cfg.Realtime), DefaultSlice: uint8(cfg.Default),
	}
	if err := set.Maps["box"].Put(uint32(0), settings); err != nil {
		return nil, errors.Join(fmt.Errorf("write settings: %w", err), set.Close())
	}
	return &Replay{set: set}, nil
}

// Close drops maps and programs.
func (r *Replay) Close() error { return r.set.Close() }

// What the kernel's test runs take: MaxReplayFrame bytes of a frame, about, that was at most maxWireLength long.
const (
	MaxReplayFrame = 3500
	maxWireLength  = 65536
)

// Packet judges one Ethernet frame of 14 to MaxReplayFrame bytes, captured at a time since the capture's first packet. length is
// its length on the wire; outbound says that the venue's end sent it. Packets of a flow must come in their order.
func (r *Replay) Packet(frame []byte, length int, at time.Duration, outbound bool) (Verdict, error) {
	if len(frame) > MaxReplayFrame {
		return Verdict{}, fmt.Errorf("replay packet: a frame of %d bytes is longer than %d", len(frame), MaxReplayFrame)
	}
	ctx := skBuff{Tstamp: uint64(replayEpoch + at), WireLen: uint32(min(max(length, len(frame)), maxWireLength))}
	if !outbound {
		out, err := r.set.run(replayUplinkIn, frame, ctx)
		return verdictIn(out), err
	}
	out, err := r.set.run(replayVenueIn, frame, ctx)
	if err != nil {
		return Verdict{}, err
	}
	ctx.Cb = out.Cb
	out, err = r.set.run(replayUplinkOut, frame, ctx)
	return verdictIn(out), err
}

// verdictIn reads what a program replied.
func verdictIn(ctx skBuff) Verdict {
	word := ctx.Cb[0]
	return Verdict{Slice: uint8(word), Rank: uint8(word >> 8), Kind: uint8(word >> 16), Detail: uint8(word >> 24)}
}
