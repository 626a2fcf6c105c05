package demo

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sync/errgroup"
)

// lookupTimeout is how long an attendee waits for an answer before it counts as lost.
const lookupTimeout = 3 * time.Second

// lookups are the small questions that every device keeps asking: a name, and its own address as seen from outside.
type lookups struct {
	host      *Host
	dns, stun netip.AddrPort
	delay     time.Duration // before the first
	interval  time.Duration

	dnsTrips, stunTrips *Trips
}

// Run asks until ctx is done.
func (l *lookups) Run(ctx context.Context) error {
	if !pause(ctx, l.delay) {
		return nil
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return every(ctx, l.interval, func(n int) error {
			query, err := dnsQuery(uint16(n + 1))
			if err != nil {
				return err
			}
			return ended(ctx, inquire(ctx, l.host, l.dns, query, l.dnsTrips))
		})
	})
	g.Go(func() error {
		return every(ctx, l.interval, func(int) error {
			return ended(ctx, inquire(ctx, l.host, l.stun, bindingRequest(time.Now()), l.stunTrips))
		})
	})
	return g.Wait()
}

// inquire sends a question from a socket of its own and waits for the answer, if not for ever.
func inquire(ctx context.Context, host *Host, peer netip.AddrPort, question []byte, trips *Trips) error {
	conn, err := host.DialUDP(peer)
	if err != nil {
		return err
	}
	defer untilDone(ctx, conn)()
	in, err := newReceiver(conn)
	if err != nil {
		return err
	}
	sent := time.Now()
	if err := conn.SetReadDeadline(sent.Add(lookupTimeout)); err != nil {
		return err
	}
	if err := write(conn, question); err != nil {
		return fmt.Errorf("ask %s: %w", peer, err)
	}
	trips.Sent(sent)
	_, at, err := in.next()
	if err != nil {
		return err
	}
	trips.Done(sent, at)
	return nil
}

func dnsQuery(id uint16) ([]byte, error) {
	m := dnsmessage.Message{
		Header: dnsmessage.Header{ID: id, RecursionDesired: true},
		Questions: []dnsmessage.Question{{
			Name: dnsmessage.MustNewName("stage.example.net."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET,
		}},
	}
	return m.Pack()
}

// answerDNS says that every name is on the far side.
func answerDNS(query []byte, _ netip.AddrPort) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	m.Response = true
	m.Answers = []dnsmessage.Resource{{
		Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60},
		Body:   &dnsmessage.AResource{A: [4]byte{203, 0, 113, 2}},
	}}
	b, err := m.Pack()
	if err != nil {
		return nil
	}
	return b
}

// answerSTUN tells a client its address (RFC 8489, section 14.2).
func answerSTUN(request []byte, from netip.AddrPort) []byte {
	if kindOf(request) != kindSTUN || binary.BigEndian.Uint16(request) != stunBindingRequest {
		return nil
	}
	return bindingResponse(request, from)
}

// answerCall sends media back and answers consent checks; what else there is needs no answer.
func answerCall(b []byte, from netip.AddrPort) []byte {
	switch kindOf(b) {
	case kindSTUN:
		return answerSTUN(b, from)
	case kindRTP:
		turnAround(b)
		return b
	}
	return nil
}
