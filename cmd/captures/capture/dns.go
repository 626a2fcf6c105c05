package capture

import (
	"context"
	"fmt"
	"strings"

	"github.com/slicegate/slicegate/internal/slice"
)

// unboundConf answers for the zone, on port 53 and over TLS on 853.
const unboundConf = `
server:
	interface: 0.0.0.0
	interface: ::0
	interface: 0.0.0.0@853
	interface: ::0@853
	tls-service-key: "%[1]s/server.key"
	tls-service-pem: "%[1]s/server.crt"
	access-control: 0.0.0.0/0 allow
	access-control: ::/0 allow
	username: ""
	chroot: ""
	directory: "%[1]s"
	pidfile: ""
	use-syslog: no
	do-daemonize: no
	edns-buffer-size: 4096
	max-udp-size: 4096
	module-config: "iterator"
	local-zone: "venue.test." static
	local-data: "large.venue.test. TXT %[2]s"
%[3]s
remote-control:
	control-enable: no
`

// names is how many names the zone has.
const names = 40

// startDNS starts a resolver on the server.
func startDNS(ctx context.Context, p *place) error {
	if err := p.certificate(ctx); err != nil {
		return err
	}
	var records strings.Builder
	for i := range names {
		fmt.Fprintf(&records, "\tlocal-data: \"host%d.%s. A %s\"\n", i, zone, p.server.v4)
		fmt.Fprintf(&records, "\tlocal-data: \"host%d.%s. AAAA %s\"\n", i, zone, p.server.v6)
	}
	// One answer that takes three fragments.
	large := strings.TrimSpace(strings.Repeat(`'`+strings.Repeat("x", 250)+`' `, 13))
	conf, err := p.file("unbound.conf", fmt.Sprintf(unboundConf, p.dir, large, records.String()))
	if err != nil {
		return err
	}
	if _, err := p.start(p.server, "unbound", "-d", "-c", conf); err != nil {
		return err
	}
	if err := p.listening(ctx, p.server, "udp", 53); err != nil {
		return err
	}
	return p.listening(ctx, p.server, "tcp", 853)
}

// questions writes a file of questions, one a line, as dig -f wants them.
func (p *place) questions(count int) (string, error) {
	var lines strings.Builder
	kinds := []string{"A", "AAAA", "TXT", "MX"}
	for i := range count {
		fmt.Fprintf(&lines, "host%d.%s %s\n", i%(names+3), zone, kinds[i%len(kinds)])
	}
	return p.file("questions", lines.String())
}

func dnsRuns() []run {
	tools := []tool{{"dig", "bind9-dnsutils"}, {"unbound", "unbound"}}
	label := always(slice.Signalling, "dns", "dns")
	return []run{
		{
			name: "dns-udp", about: "questions from a port each, then many from one port", programs: tools,
			act: digUDP, rules: []rule{{match: ports(slice.UDP, 53), judge: label, atLeast: 12}},
		},
		{
			name: "dns-fragments", about: "answers of three fragments", programs: tools,
			act: digLarge, rules: []rule{{match: ports(slice.UDP, 53), judge: label, atLeast: 2, whole: true}},
		},
		{
			name: "dns-tcp", about: "questions over TCP, and over TLS on port 853", programs: tools,
			act: digTCP,
			rules: []rule{
				{match: ports(slice.TCP, 53), judge: label, atLeast: 2},
				{match: ports(slice.TCP, 853), judge: always(slice.Signalling, "dns", "dns over tls"), atLeast: 2},
			},
		},
	}
}

func digUDP(ctx context.Context, p *place) error {
	if err := startDNS(ctx, p); err != nil {
		return err
	}
	many, err := p.questions(20)
	if err != nil {
		return err
	}
	for _, family := range families {
		server := "@" + p.server.addr(family)
		for i := range 5 {
			name := fmt.Sprintf("host%d.%s", i, zone)
			if err := p.run(ctx, p.attendee, "dig", server, name, "A"); err != nil {
				return err
			}
		}
		from := p.attendee.addr(family) + "#40053"
		if err := p.run(ctx, p.attendee, "dig", server, "-b", from, "-f", many); err != nil {
			return err
		}
	}
	return nil
}

func digLarge(ctx context.Context, p *place) error {
	if err := startDNS(ctx, p); err != nil {
		return err
	}
	many, err := p.file("questions", strings.Repeat("large."+zone+" TXT\n", 5))
	if err != nil {
		return err
	}
	for _, family := range families {
		from := p.attendee.addr(family) + "#40053"
		err := p.run(ctx, p.attendee, "dig", "@"+p.server.addr(family), "-b", from, "+bufsize=4096", "-f", many)
		if err != nil {
			return err
		}
	}
	return nil
}

func digTCP(ctx context.Context, p *place) error {
	if err := startDNS(ctx, p); err != nil {
		return err
	}
	many, err := p.questions(6)
	if err != nil {
		return err
	}
	for _, family := range families {
		for _, how := range []string{"+tcp", "+tls"} {
			err := p.run(ctx, p.attendee, "dig", "@"+p.server.addr(family), how, "+keepopen", "-f", many)
			if err != nil {
				return err
			}
		}
	}
	return nil
}
