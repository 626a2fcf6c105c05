package bpf

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/cilium/ebpf"
)

// skBuff is the kernel's struct __sk_buff (linux/bpf.h), which test runs take and give back. A test holds it equal to BTF.
type skBuff struct {
	Len, PktType, Mark, QueueMapping uint32
	Protocol, VlanPresent, VlanTci   uint32
	VlanProto, Priority              uint32
	IngressIfindex, Ifindex          uint32
	TcIndex                          uint32
	Cb                               [5]uint32
	Hash, TcClassid                  uint32
	Data, DataEnd                    uint32
	NapiId, Family                   uint32
	RemoteIp4, LocalIp4              uint32
	RemoteIp6, LocalIp6              [4]uint32
	RemotePort, LocalPort            uint32
	DataMeta                         uint32
	FlowKeys, Tstamp                 uint64
	WireLen, GsoSegs                 uint32
	Sk                               uint64
	GsoSize                          uint32
	TstampType                       uint8
	_                                [3]uint8
	Hwtstamp                         uint64
}

// A kernel's test run refuses shorter frames.
const minFrame = 14

// run puts one Ethernet frame through v's program, as if it were on the interface that ctx names, and gives back ctx as it left it.
func (s *Set) run(v Variant, frame []byte, ctx skBuff) (skBuff, error) {
	p, err := s.program(v)
	if err != nil {
		return skBuff{}, err
	}
	_, _, ctx, err = runProgram(p, frame, ctx)
	if err != nil {
		err = fmt.Errorf("run %s: %w", v.Role, err)
	}
	return ctx, err
}

// runProgram gives back what the program returned, and the frame and ctx as it left them.
func runProgram(p *ebpf.Program, frame []byte, ctx skBuff) (ret int32, frameOut []byte, ctxOut skBuff, err error) {
	if len(frame) < minFrame {
		return 0, nil, ctxOut, fmt.Errorf("a frame of %d bytes is shorter than an Ethernet header", len(frame))
	}
	var in bytes.Buffer
	if err := binary.Write(&in, binary.NativeEndian, ctx); err != nil {
		return 0, nil, ctxOut, fmt.Errorf("encode context: %w", err)
	}
	opts := ebpf.RunOptions{
		Data:       frame,
		DataOut:    make([]byte, len(frame)+256),
		Context:    in.Bytes(),
		ContextOut: make([]byte, in.Len()),
	}
	code, err := p.Run(&opts)
	if err != nil {
		return 0, nil, ctxOut, err
	}
	if err := binary.Read(bytes.NewReader(opts.ContextOut.([]byte)), binary.NativeEndian, &ctxOut); err != nil {
		return 0, nil, ctxOut, fmt.Errorf("decode context: %w", err)
	}
	return int32(code), opts.DataOut, ctxOut, nil
}

// Judge says what the venue's side would give to an Ethernet frame as the first packet of its flow, and who pays. It changes nothing.
func (s *Set) Judge(v Variant, frame []byte) (Verdict, uint8, error) {
	v.Role, v.Dry, v.RawIP = VenueIngress, true, false
	ctx, err := s.run(v, frame, skBuff{})
	if err != nil {
		return Verdict{}, 0, err
	}
	return verdictIn(ctx), uint8(ctx.Cb[1]), nil
}
