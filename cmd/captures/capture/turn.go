package capture

import (
	"context"
	"path/filepath"
	"strconv"

	"github.com/slicegate/slicegate/internal/slice"
)

// Ports of the TURN server, and of the peer that echoes.
const (
	turnPort    = 3478
	turnTLSPort = 5349
	peerPort    = 3480
	relayFrom   = 49152
	relayTo     = 49999
)

// Credentials of the TURN server.
const (
	turnUser     = "guest"
	turnPassword = "secret"
)

var coturn = tool{"turnserver", "coturn"}

// startTURN starts a TURN server on the server, on both families.
func startTURN(ctx context.Context, p *place) error {
	if err := p.certificate(ctx); err != nil {
		return err
	}
	_, err := p.start(p.server, "turnserver", "-n", "--no-cli", "--log-file", "stdout", "--simple-log",
		"-L", p.server.addr(4), "-L", p.server.addr(6), "-E", p.server.addr(4), "-E", p.server.addr(6),
		"--min-port", strconv.Itoa(relayFrom), "--max-port", strconv.Itoa(relayTo),
		"--lt-cred-mech", "--user", turnUser+":"+turnPassword, "--realm", zone, "--fingerprint",
		"--userdb", filepath.Join(p.dir, "turn.db"), "--pidfile", "/run/turnserver.pid",
		"--cert", filepath.Join(p.dir, "server.crt"), "--pkey", filepath.Join(p.dir, "server.key"))
	if err != nil {
		return err
	}
	if err := p.listening(ctx, p.server, "udp", turnPort); err != nil {
		return err
	}
	return p.listening(ctx, p.server, "tcp", turnTLSPort)
}

func turnRuns() []run {
	tools := []tool{{"turnutils_uclient", "coturn"}, {"turnutils_peer", "coturn"}, coturn}
	echo := rule{match: ports(slice.UDP, peerPort), judge: always(media, unknown, "relayed test messages"), atLeast: 2}
	return []run{
		{
			name: "turn-udp", about: "test messages through allocations, echoed by a peer", programs: tools,
			act: func(ctx context.Context, p *place) error { return uclient(ctx, p, "-c") },
			rules: []rule{
				echo,
				{match: ports(slice.UDP, turnPort), judge: opaque("turn test messages"), atLeast: 4, whole: true},
			},
		},
		{
			name: "turn-tcp", about: "test messages through allocations made over TCP", programs: tools,
			act: func(ctx context.Context, p *place) error { return uclient(ctx, p, "-c", "-t") },
			rules: []rule{
				echo,
				{match: ports(slice.TCP, turnPort), judge: opaque("turn test messages"), atLeast: 4, whole: true},
			},
		},
		{
			name: "turn-secure", about: "test messages through allocations made over DTLS and TLS", programs: tools,
			act: func(ctx context.Context, p *place) error {
				if err := uclient(ctx, p, "-c", "-S"); err != nil {
					return err
				}
				return uclientOnly(ctx, p, "-c", "-t", "-S")
			},
			rules: []rule{
				echo,
				{match: ports(slice.UDP, turnTLSPort), judge: always(slice.Signalling, "dtls", "turn over dtls"), atLeast: 4},
				{match: ports(slice.TCP, turnTLSPort), judge: always(media, "tls", "turn over tls"), atLeast: 4},
			},
		},
		{
			name: "stun", about: "what is my address, from a port each and again from one port",
			programs: []tool{{"turnutils_stunclient", "coturn"}, {"turnutils_natdiscovery", "coturn"}, coturn}, act: stunclient,
			rules: []rule{{match: ports(slice.UDP, turnPort), judge: always(slice.Signalling, "stun", "stun"), atLeast: 6}},
		},
	}
}

// uclient starts the server and a peer, and sends messages through allocations of both families.
func uclient(ctx context.Context, p *place, args ...string) error {
	if err := startTURN(ctx, p); err != nil {
		return err
	}
	for _, family := range families {
		if _, err := p.start(p.guest, "turnutils_peer", "-p", strconv.Itoa(peerPort), "-L", p.guest.addr(family)); err != nil {
			return err
		}
	}
	if err := p.listening(ctx, p.guest, "udp", peerPort); err != nil {
		return err
	}
	return uclientOnly(ctx, p, args...)
}

func uclientOnly(ctx context.Context, p *place, args ...string) error {
	for _, family := range families {
		ask := map[int]string{4: "-X", 6: "-x"}[family]
		all := append([]string{
			"-u", turnUser, "-w", turnPassword, "-e", p.guest.addr(family), "-r", strconv.Itoa(peerPort), ask,
			"-m", "2", "-n", "60", "-z", "20", "-l", "160", "-L", p.attendee.addr(family),
		}, args...)
		if err := p.run(ctx, p.attendee, "turnutils_uclient", append(all, p.server.addr(family))...); err != nil {
			return err
		}
	}
	return nil
}

func stunclient(ctx context.Context, p *place) error {
	if err := startTURN(ctx, p); err != nil {
		return err
	}
	for _, family := range families {
		for range 3 {
			if err := p.run(ctx, p.attendee, "turnutils_stunclient", p.server.addr(family)); err != nil {
				return err
			}
		}
		for range 3 {
			life := []string{"-t", "-T", "1", "-L", p.attendee.addr(family), "-l", "40054", p.server.addr(family)}
			if err := p.run(ctx, p.attendee, "turnutils_natdiscovery", life...); err != nil {
				return err
			}
		}
	}
	return nil
}
