package bpf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"

	"github.com/slicegate/slicegate/internal/slice"
)

// ReplayConfig says which slices the programs put packets into. Every field must be given.
type ReplayConfig struct {
	Signalling, Realtime, Default slice.ID
}

// Replay judges captured packets in order, with the programs that are loaded in the kernel, on maps of its own.
type Replay struct {
	set     *Set
	program *ebpf.Program
}

// NewReplay loads the programs, which takes CAP_BPF and CAP_NET_ADMIN.
func NewReplay(log *slog.Logger, cfg ReplayConfig) (*Replay, error) {
	set, err := Open(log, nil)
	if err != nil {
		return nil, err
	}
	r := &Replay{set: set}
	settings := Settings{Signalling: uint8(cfg.Signalling), Realtime: uint8(cfg.Realtime), DefaultSlice: uint8(cfg.Default)}
	if err := set.Maps["box"].Put(uint32(0), settings); err != nil {
		return nil, errors.Join(fmt.Errorf("write settings: %w", err), r.Close())
	}
	if r.program, err = r.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("load %s: %w", VenueIngress, err), r.Close())
	}
	return r, nil
}

// Offsets in struct __sk_buff.
const (
	tcIndexAt = 44
	cbAt      = 48
)

// load puts a few instructions around the program: what it leaves in tc_index, which a test run does not give back, goes to cb[0].
func (r *Replay) load() (*ebpf.Program, error) {
	spec, err := Variant{Role: VenueIngress}.spec()
	if err != nil {
		return nil, err
	}
	name := VenueIngress.String()
	program := spec.Programs[name]
	first := program.Instructions[0]
	function := &btf.Func{Name: "replay", Type: btf.FuncMetadata(&first).Type}
	program.Instructions = append(asm.Instructions{
		btf.WithFuncMetadata(asm.Mov.Reg(asm.R6, asm.R1), function).WithSymbol("replay").WithSource(first.Source()),
		asm.Call.Label(name),
		asm.LoadMem(asm.R2, asm.R6, tcIndexAt, asm.Word),
		asm.StoreMem(asm.R6, cbAt, asm.R2, asm.Word),
		asm.Return(),
	}, program.Instructions...)
	return r.set.loadSpec(spec, name)
}

// Packet runs one Ethernet frame (14 to about 3,600 bytes) captured at the given time since the capture's first packet. outbound
// says that the venue's end sent it; length is its length on the wire.
func (r *Replay) Packet(frame []byte, length int, _ time.Duration, outbound bool) (Verdict, error) {
	frame = asSent(frame, outbound)
	ctx := skBuff{WireLen: uint32(min(max(length, len(frame)), 1<<16))}
	_, _, left, err := runProgram(r.program, frame, ctx)
	if err != nil {
		return Verdict{}, fmt.Errorf("run %s: %w", VenueIngress, err)
	}
	note := left.Tstamp
	return Verdict{Slice: uint8(left.Cb[0] & 15), Rank: uint8(note & 7), Kind: uint8(note >> 8), Detail: uint8(note >> 16)}, nil
}

// Close drops programs and maps.
func (r *Replay) Close() error {
	if r.program != nil {
		r.program.Close()
	}
	return r.set.Close()
}

// asSent gives a frame without VLAN tags, and one that came in as if the venue had sent it, so that both directions have one key.
func asSent(frame []byte, outbound bool) []byte {
	at := 12
	for len(frame) >= at+6 && binary.BigEndian.Uint16(frame[at:]) != 0x0800 && binary.BigEndian.Uint16(frame[at:]) != 0x86dd {
		at += 4
	}
	if len(frame) < at+2+20 {
		return frame
	}
	frame = slices.Concat(frame[:12], frame[at:])
	if outbound {
		return frame
	}
	if ip := frame[14:]; ip[0]>>4 == 4 {
		swap(ip[12:20])
		if header := int(ip[0]&15) * 4; ip[6]&0x1f == 0 && ip[7] == 0 && (ip[9] == 6 || ip[9] == 17) && len(ip) >= header+4 {
			swap(ip[header : header+4])
		}
	} else if len(ip) >= 40 {
		swap(ip[8:40])
		if (ip[6] == 6 || ip[6] == 17) && len(ip) >= 44 {
			swap(ip[40:44])
		}
	}
	return frame
}

// swap exchanges the halves of b.
func swap(b []byte) {
	for i, half := 0, len(b)/2; i < half; i++ {
		b[i], b[half+i] = b[half+i], b[i]
	}
}
