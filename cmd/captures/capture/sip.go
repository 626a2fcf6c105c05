package capture

import (
	"context"
	"fmt"
	"strconv"

	"github.com/slicegate/slicegate/internal/slice"
)

// Ports of SIP servers: the usual one, and one that says nothing.
const (
	sipPort    = 5060
	sipOddPort = 15070
)

func sipRuns() []run {
	tools := []tool{{"sipp", "sip-tester"}}
	label := always(slice.Signalling, "sip", "sip")
	return []run{
		{
			name: "sip-udp", about: "calls from one port, and from a port each", programs: tools,
			act:   func(ctx context.Context, p *place) error { return sipp(ctx, p, sipPort, "u1", "un") },
			rules: []rule{{match: ports(slice.UDP, sipPort), judge: label, atLeast: 10}},
		},
		{
			name: "sip-tcp", about: "calls over one connection, and over one each", programs: tools,
			act:   func(ctx context.Context, p *place) error { return sipp(ctx, p, sipPort, "t1", "tn") },
			rules: []rule{{match: ports(slice.TCP, sipPort), judge: label, atLeast: 10}},
		},
		{
			name: "sip-elsewhere", about: "calls to a port that says nothing", programs: tools,
			act:   func(ctx context.Context, p *place) error { return sipp(ctx, p, sipOddPort, "u1", "t1") },
			rules: []rule{{match: either(ports(slice.UDP, sipOddPort), ports(slice.TCP, sipOddPort)), judge: label, atLeast: 4}},
		},
	}
}

// sipp makes a few calls in each of the given modes, in both families.
func sipp(ctx context.Context, p *place, port uint16, modes ...string) error {
	for _, family := range families {
		for _, mode := range modes {
			if err := p.sippCalls(ctx, family, port, mode); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *place) sippCalls(ctx context.Context, family int, port uint16, mode string) error {
	proto := map[byte]string{'u': "udp", 't': "tcp"}[mode[0]]
	common := []string{"-t", mode, "-nostdin", "-timeout", "20", "-timeout_error", "-max_socket", "100"}
	answers, err := p.start(p.server, "sipp", append([]string{
		"-sn", "uas", "-i", bracketed(p.server, family), "-p", strconv.Itoa(int(port)), "-t", mode[:1] + "1", "-nostdin", "-max_socket", "100",
	}, "-m", "100")...)
	if err != nil {
		return err
	}
	if err := p.listening(ctx, p.server, proto, port); err != nil {
		return err
	}
	err = p.run(ctx, p.attendee, "sipp", append(common, "-sn", "uac", "-i", bracketed(p.attendee, family),
		"-m", "4", "-r", "4", "-d", "300", p.server.port(family, port))...)
	answers.stop()
	if err != nil {
		return fmt.Errorf("%w; the other end: %s", err, answers.lastWords())
	}
	return nil
}

// bracketed is an address as programs want it that take a port behind it.
func bracketed(h *host, family int) string {
	if family == 6 {
		return "[" + h.addr(6) + "]"
	}
	return h.addr(4)
}
