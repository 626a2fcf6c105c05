package capture

import (
	"context"
	"fmt"
	"time"

	"github.com/slicegate/slicegate/internal/replay/corpus"
	"github.com/slicegate/slicegate/internal/slice"
)

// IP protocols beside those that slice names.
const (
	icmp   slice.Proto = 1
	igmp   slice.Proto = 2
	icmpv6 slice.Proto = 58
)

// controlRuns are the small protocols that keep a network running.
func controlRuns() []run {
	return []run{
		{
			name: "ping", about: "echoes, also in fragments", programs: []tool{{"ping", "iputils-ping"}}, act: ping,
			rules: []rule{
				{match: protocol(icmp), judge: always(slice.Signalling, "icmp", "ping"), atLeast: 2},
				{match: isPing6, judge: always(slice.Signalling, "icmpv6", "ping"), atLeast: 2},
			},
		},
		{
			name: "ntp", about: "a client with a port for each question, and one that keeps port 123", programs: []tool{{"chronyd", "chrony"}},
			act: ntp, rules: []rule{{match: ports(slice.UDP, 123), judge: always(slice.Signalling, "ntp", "ntp"), atLeast: 8}},
		},
		{
			name: "dhcp", about: "a lease of each family", programs: []tool{{"dhclient", "isc-dhcp-client"}, {"dnsmasq", "dnsmasq-base"}},
			point: atAttendee, act: dhcp,
			rules: []rule{
				{match: ports(slice.UDP, 67, 68), judge: always(slice.Signalling, "dhcp", "dhcp")},
				{match: ports(slice.UDP, 546, 547), judge: always(slice.Signalling, "dhcp", "dhcpv6")},
			},
		},
		{
			name: "multicast", about: "groups joined and left", programs: []tool{{"socat", "socat"}}, point: atAttendee, act: join,
			rules: []rule{
				{match: protocol(igmp), judge: always(slice.Signalling, "igmp", "igmp")},
				{match: protocol(icmpv6), judge: always(slice.Signalling, "icmpv6", "mld and neighbours")},
			},
		},
	}
}

func ping(ctx context.Context, p *place) error {
	for _, from := range []*host{p.attendee, p.guest} {
		for _, family := range families {
			for _, size := range []string{"56", "3000"} {
				err := p.run(ctx, from, "ping", "-n", "-c", "6", "-i", "0.1", "-s", size, p.server.addr(family))
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// isPing6 leaves out what hosts and routers say to their neighbours.
func isPing6(f *corpus.Seen) bool {
	return f.Proto == icmpv6 && !f.Src.Addr().IsLinkLocalUnicast() && !f.Dst.Addr().IsMulticast() && len(f.Packets) > 4
}

const chronyServer = "local stratum 8\nallow all\ncmdport 0\nbindcmdaddress /\npidfile /run/chronyd.pid\n"

// chronyClient asks once a second, each time from another port.
const chronyClient = `server %s iburst minpoll 0 maxpoll 0
cmdport 0
bindcmdaddress /
pidfile /run/chronyd.pid
`

func ntp(ctx context.Context, p *place) error {
	conf, err := p.file("server.conf", chronyServer)
	if err != nil {
		return err
	}
	// -x: nobody's clock is touched.
	if _, err := p.start(p.server, "chronyd", "-x", "-d", "-u", "root", "-f", conf); err != nil {
		return err
	}
	if err := p.listening(ctx, p.server, "udp", 123); err != nil {
		return err
	}
	for _, family := range families {
		for _, kept := range []string{"", "acquisitionport 123\n"} {
			text := fmt.Sprintf(chronyClient, p.server.addr(family)) + kept
			conf, err := p.file(fmt.Sprintf("client%d-%d.conf", family, len(kept)), text)
			if err != nil {
				return err
			}
			if err := p.runFor(ctx, 9*time.Second, p.attendee, "chronyd", "-x", "-d", "-u", "root", "-f", conf); err != nil {
				return err
			}
		}
	}
	return nil
}

// dnsmasqConf leases addresses of the attendee's network.
const dnsmasqConf = `port=0
interface=%s
bind-interfaces
user=root
leasefile-ro
log-facility=-
dhcp-range=10.7.1.100,10.7.1.200,1h
dhcp-range=2001:db8:7:1::100,2001:db8:7:1::200,64,1h
enable-ra
`

func dhcp(ctx context.Context, p *place) error {
	conf, err := p.file("dnsmasq.conf", fmt.Sprintf(dnsmasqConf, atAttendee))
	if err != nil {
		return err
	}
	router, err := p.router()
	if err != nil {
		return err
	}
	server, err := p.start(router, "dnsmasq", "--keep-in-foreground", "--conf-file="+conf)
	if err != nil {
		return err
	}
	if err := p.listening(ctx, router, "udp", 547); err != nil {
		return fmt.Errorf("%w: %s", err, server.lastWords())
	}
	// Nothing is asked for by name, and nothing is set up with the answers.
	client, err := p.file("dhclient.conf", "request subnet-mask, routers;\n")
	if err != nil {
		return err
	}
	for _, family := range []string{"-4", "-6"} {
		lease, pid := p.dir+"/lease"+family, p.dir+"/pid"+family
		common := []string{family, "-d", "-cf", client, "-sf", "/bin/true", "-lf", lease, "-pf", pid}
		ask, err := p.start(p.attendee, "dhclient", append(common, "eth0")...)
		if err != nil {
			return err
		}
		answer := map[string]string{"-4": "DHCPACK", "-6": "Reply message"}[family]
		if err := ask.says(ctx, answer); err != nil {
			return err
		}
		ask.stop()
		// Give the lease back, and take it again, so that the flows have some packets.
		for range 3 {
			if err := p.run(ctx, p.attendee, "dhclient", append([]string{"-r"}, append(common, "eth0")...)...); err != nil {
				return err
			}
			if err := p.run(ctx, p.attendee, "dhclient", append([]string{"-1"}, append(common[:1:1], common[2:]...)...)...); err != nil {
				return err
			}
		}
	}
	return nil
}

func join(ctx context.Context, p *place) error {
	for n := range 4 {
		for _, group := range []string{
			fmt.Sprintf("UDP4-RECV:5400,ip-add-membership=239.255.7.%d:eth0", n+1),
			fmt.Sprintf("UDP6-RECV:5400,ipv6-join-group=[ff05::7:%d]:eth0", n+1),
		} {
			if err := p.runFor(ctx, 1500*time.Millisecond, p.attendee, "socat", "-u", group, "STDOUT"); err != nil {
				return err
			}
		}
	}
	return nil
}
