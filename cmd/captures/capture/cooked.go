package capture

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/slicegate/slicegate/internal/replay/pcapfile"
	"github.com/slicegate/slicegate/internal/slice"
)

// cookedRuns are taken on all interfaces of a host at once, as whoever has a problem is likely to do.
func cookedRuns() []run {
	cooked := func(name string, link pcapfile.Link, kind string) run {
		return run{
			name: name, about: "a little of several things, on all interfaces of the attendee",
			programs: []tool{
				{"tcpdump", "tcpdump"}, {"dig", "bind9-dnsutils"}, {"ping", "iputils-ping"}, {"gst-launch-1.0", "gstreamer1.0-tools"},
			},
			elsewhere: &spot{link: link, watch: func(ctx context.Context, p *place) (watcher, error) { return tcpdump(ctx, p, kind) }},
			act:       mixture,
			rules: []rule{
				{match: ports(slice.UDP, 53), judge: always(slice.Signalling, "dns", "dns"), atLeast: 2},
				{match: protocol(icmp), judge: always(slice.Signalling, "icmp", "ping")},
				{match: isPing6, judge: always(slice.Signalling, "icmpv6", "ping")},
				{match: ports(slice.UDP, rtpBase, rtpBase+10), judge: always(slice.Realtime, "rtp-audio", "rtp"), atLeast: 2},
			},
		}
	}
	return []run{
		cooked("cooked", pcapfile.Cooked, "LINUX_SLL"),
		cooked("cooked2", pcapfile.Cooked2, "LINUX_SLL2"),
	}
}

// mixture is some signalling and two streams.
func mixture(ctx context.Context, p *place) error {
	if err := startDNS(ctx, p); err != nil {
		return err
	}
	many, err := p.questions(10)
	if err != nil {
		return err
	}
	for i, family := range families {
		server := p.server.addr(family)
		if err := p.run(ctx, p.attendee, "dig", "@"+server, "-b", p.attendee.addr(family)+"#40053", "-f", many); err != nil {
			return err
		}
		if err := p.run(ctx, p.attendee, "ping", "-n", "-c", "6", "-i", "0.1", server); err != nil {
			return err
		}
		from, to := p.attendee, p.server
		if family == 6 {
			from, to = to, from
		}
		if err := p.stream(ctx, audioCodecs[0], from, to, family, rtpBase+10*i); err != nil {
			return err
		}
	}
	return p.alive(ctx, 2*time.Second)
}

// recorder is tcpdump at work.
type recorder struct {
	it   *program
	file string
}

// tcpdump captures on all interfaces of the attendee.
func tcpdump(ctx context.Context, p *place, kind string) (watcher, error) {
	file := filepath.Join(p.attendee.dir, "home", "all.pcap")
	it, err := p.start(p.attendee, "tcpdump", "-i", "any", "-y", kind, "-Z", "root", "-n", "-U", "-w", file)
	if err != nil {
		return nil, err
	}
	return &recorder{it, file}, it.says(ctx, "listening on any")
}

func (r *recorder) end(ctx context.Context) ([]pcapfile.Packet, error) {
	select {
	case <-time.After(settle):
	case <-ctx.Done():
	}
	r.it.stop()
	packets, err := pcapfile.ReadAll(r.file)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, r.it.lastWords())
	}
	return packets, nil
}
