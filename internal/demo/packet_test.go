package demo

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

func TestKindsOfPackets(t *testing.T) {
	now := time.Now()
	audio := &stream{ssrc: 1, payloadType: 111}
	query, err := dnsQuery(1)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		packet []byte
		want   kind
	}{
		{"RTP", audio.next(make([]byte, 1500), 160, false, now), kindRTP},
		{"RTP with marker", audio.next(make([]byte, 1500), 160, true, now), kindRTP},
		{"RTCP", receiverReport(1, 2), kindRTCP},
		{"STUN request", bindingRequest(now), kindSTUN},
		{"DNS", query, kindOther},
		{"short", []byte{0x80, 111}, kindOther},
		{"nothing", nil, kindOther},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := kindOf(tt.packet); got != tt.want {
				t.Errorf("kind %d, want %d", got, tt.want)
			}
		})
	}
}

func TestStreamCountsAndStamps(t *testing.T) {
	s := &stream{ssrc: 0x1234, payloadType: 111, seq: 0xffff}
	now := time.Now()
	for _, want := range []uint16{0xffff, 0, 1} {
		b := s.next(make([]byte, 1500), 160, false, now)
		if got := binary.BigEndian.Uint16(b[2:]); got != want {
			t.Errorf("sequence number %d, want %d", got, want)
		}
		if at, ok := stampOf(b); !ok || !at.Equal(now) {
			t.Errorf("stamp %v, want %v", at, now)
		}
		if len(b) != rtpHeader+160 {
			t.Errorf("length %d", len(b))
		}
	}
}

func TestSTUNAnswerHoldsTheAddress(t *testing.T) {
	for _, client := range []string{"192.0.2.7:40000", "[2001:db8::7]:40000"} {
		t.Run(client, func(t *testing.T) {
			from := netip.MustParseAddrPort(client)
			request := bindingRequest(time.Now())
			answer := answerSTUN(request, from)
			if length := int(binary.BigEndian.Uint16(answer[2:])); length%4 != 0 || length+stunHeader != len(answer) {
				t.Fatalf("length field %d of %d bytes", length, len(answer))
			}
			value := answer[stunHeader+4:]
			port := binary.BigEndian.Uint16(value[2:]) ^ stunCookie>>16
			plain := make([]byte, len(value)-4)
			for i := range plain {
				plain[i] = value[4+i] ^ request[4+i]
			}
			addr, _ := netip.AddrFromSlice(plain)
			if got := netip.AddrPortFrom(addr, port); got != from {
				t.Errorf("the client is told %s, want %s", got, from)
			}
		})
	}
	if answerSTUN(receiverReport(1, 2), netip.AddrPort{}) != nil {
		t.Error("RTCP got a STUN answer")
	}
}
