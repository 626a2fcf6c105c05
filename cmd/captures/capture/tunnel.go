package capture

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/slicegate/slicegate/internal/replay/pcapfile"
	"github.com/slicegate/slicegate/internal/slice"
)

const wireguardPort = 51820

// Addresses inside the tunnel.
const (
	innerServer4, innerAttendee4 = "10.99.0.1", "10.99.0.2"
	innerServer6, innerAttendee6 = "2001:db8:99::1", "2001:db8:99::2"
)

// tunnelIf is the tunnel's interface at either end.
const tunnelIf = "wg0"

var wireguard = []tool{{"wireguard-go", "wireguard-go"}, {"wg", "wireguard-tools"}}

func tunnelRuns() []run {
	inside := append([]tool{{"ping", "iputils-ping"}, {"dig", "bind9-dnsutils"}, {"iperf3", "iperf3"}}, wireguard...)
	return []run{
		{
			name: "wireguard", about: "a tunnel over either family, with echoes and a speed test inside", programs: inside,
			act: tunnels, rules: []rule{{match: ports(slice.UDP, wireguardPort), judge: always(media, unknown, "wireguard"), atLeast: 2}},
		},
		{
			name: "tunnel-inside", about: "what goes through a tunnel: packets that begin with their IP header", programs: inside, format: pcapng,
			elsewhere: &spot{link: pcapfile.Raw, watch: watchTunnel},
			act:       useTunnel,
			rules: []rule{
				{match: protocol(icmp), judge: always(slice.Signalling, "icmp", "ping")},
				{match: isPing6, judge: always(slice.Signalling, "icmpv6", "ping")},
				{match: ports(slice.UDP, 53), judge: always(slice.Signalling, "dns", "dns"), atLeast: 2},
				{match: ports(slice.TCP, iperfPort), judge: test, atLeast: 4},
			},
		},
	}
}

// wgConf is one end of a tunnel.
const wgConf = `[Interface]
PrivateKey = %s
ListenPort = %d
[Peer]
PublicKey = %s
AllowedIPs = 0.0.0.0/0, ::/0
Endpoint = %s
`

// tunnel makes a tunnel between attendee and server over a family.
func tunnel(ctx context.Context, p *place, family int) error {
	curve := ecdh.X25519()
	near, err := curve.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	far, err := curve.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	for _, end := range []struct {
		at, to    *host
		own, peer *ecdh.PrivateKey
		inner     []string
	}{
		{p.attendee, p.server, near, far, []string{innerAttendee4 + "/24", innerAttendee6 + "/64"}},
		{p.server, p.attendee, far, near, []string{innerServer4 + "/24", innerServer6 + "/64"}},
	} {
		encode := base64.StdEncoding.EncodeToString
		text := fmt.Sprintf(wgConf, encode(end.own.Bytes()), wireguardPort, encode(end.peer.PublicKey().Bytes()),
			end.to.port(family, wireguardPort))
		conf, err := p.file(end.at.name+"-wg.conf", text)
		if err != nil {
			return err
		}
		if err := p.tunnelEnd(ctx, end.at, conf, end.inner); err != nil {
			return err
		}
	}
	return nil
}

func (p *place) tunnelEnd(ctx context.Context, h *host, conf string, inner []string) error {
	if _, err := p.start(h, "wireguard-go", "-f", tunnelIf); err != nil {
		return err
	}
	err := until(ctx, "the tunnel's interface is there", func() (bool, error) {
		_, err := h.Links().LinkByName(tunnelIf)
		return err == nil, nil
	})
	if err != nil {
		return err
	}
	err = until(ctx, "the tunnel takes its configuration", func() (bool, error) {
		err := p.run(ctx, h, "wg", "setconf", tunnelIf, conf)
		return err == nil, nil
	})
	if err != nil {
		return err
	}
	link, err := h.Links().LinkByName(tunnelIf)
	if err != nil {
		return err
	}
	return errors.Join(h.Addr(tunnelIf, inner...), h.Links().LinkSetUp(link))
}

func tunnels(ctx context.Context, p *place) error {
	for _, family := range families {
		if err := tunnel(ctx, p, family); err != nil {
			return err
		}
		if err := useTunnel(ctx, p); err != nil {
			return err
		}
		stop(p.programs...)
	}
	return nil
}

// watchTunnel makes a tunnel, and watches its inside.
func watchTunnel(ctx context.Context, p *place) (watcher, error) {
	if err := tunnel(ctx, p, 4); err != nil {
		return nil, err
	}
	return sniff(p.attendee.NS, tunnelIf, pcapfile.Raw)
}

// useTunnel does a little of everything through the tunnel.
func useTunnel(ctx context.Context, p *place) error {
	if err := startDNS(ctx, p); err != nil {
		return err
	}
	if _, err := p.start(p.server, "iperf3", "-s"); err != nil {
		return err
	}
	if err := p.listening(ctx, p.server, "tcp", iperfPort); err != nil {
		return err
	}
	many, err := p.questions(10)
	if err != nil {
		return err
	}
	for _, ends := range [][2]string{{innerAttendee4, innerServer4}, {innerAttendee6, innerServer6}} {
		from, to := ends[0], ends[1]
		for _, args := range [][]string{
			{"ping", "-n", "-c", "5", "-i", "0.1", to},
			{"dig", "@" + to, "-b", from + "#40053", "-f", many},
			{"iperf3", "-c", to, "-t", "1", "-b", "2M"},
		} {
			if err := p.run(ctx, p.attendee, args[0], args[1:]...); err != nil {
				return err
			}
		}
	}
	return nil
}
