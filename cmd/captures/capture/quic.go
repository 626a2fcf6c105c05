package capture

import (
	"context"
	"path/filepath"
	"strconv"

	"github.com/slicegate/slicegate/internal/slice"
)

// Ports of the QUIC servers: one that answers at once, and one that has clients prove their address first.
const (
	quicPort      = 443
	quicRetryPort = 8443
)

var quicTools = []tool{{"gtlsclient", "ngtcp2-client"}, {"gtlsserver", "ngtcp2-server"}}

func quicRuns() []run {
	label := always(media, "quic", "quic")
	return []run{{
		name: "quic", about: "pages, downloads, a retry, a resumed session with early data, a version nobody knows", programs: quicTools,
		act: quic,
		rules: []rule{
			{match: ports(slice.UDP, quicPort), judge: web("quic"), atLeast: 10},
			{match: ports(slice.UDP, quicRetryPort), judge: label, atLeast: 2},
		},
	}}
}

// startQUIC starts an HTTP/3 server on the server, in one family.
func startQUIC(ctx context.Context, p *place, family int, port uint16, args ...string) error {
	all := append([]string{"-q", "-d", filepath.Join(p.dir, "www")}, args...)
	all = append(all, p.server.addr(family), strconv.Itoa(int(port)),
		filepath.Join(p.dir, "server.key"), filepath.Join(p.dir, "server.crt"))
	if _, err := p.start(p.server, "gtlsserver", all...); err != nil {
		return err
	}
	return p.listening(ctx, p.server, "udp", port)
}

func quic(ctx context.Context, p *place) error {
	if err := p.certificate(ctx); err != nil {
		return err
	}
	if err := p.makePages(); err != nil {
		return err
	}
	for _, family := range families {
		if err := startQUIC(ctx, p, family, quicPort); err != nil {
			return err
		}
		if err := startQUIC(ctx, p, family, quicRetryPort, "-V"); err != nil {
			return err
		}
		session := filepath.Join(p.dir, "session"+strconv.Itoa(family))
		again := []string{"--session-file", session, "--tp-file", session + ".tp"}
		for _, visit := range []struct {
			port uint16
			page string
			args []string
		}{
			{quicPort, "/page", nil},
			{quicPort, "/bulk", nil},
			{quicPort, "/page", again},
			{quicPort, "/page", again},
			{quicPort, "/page", []string{"--version", "0x1a2a3a4a"}},
			{quicRetryPort, "/page", nil},
		} {
			address := "https://" + p.server.port(family, visit.port)
			args := append([]string{"-q", "--exit-on-all-streams-close", "--timeout", "2s", "--sni", site}, visit.args...)
			args = append(args, p.server.addr(family), strconv.Itoa(int(visit.port)), address+visit.page)
			if err := p.run(ctx, p.attendee, "gtlsclient", args...); err != nil {
				return err
			}
		}
	}
	return nil
}
