package capture

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/slicegate/slicegate/internal/slice"
)

const dtlsPort = 4433

func dtlsRuns() []run {
	return []run{
		{
			name: "dtls", about: "lines both ways", programs: []tool{{"openssl s_client", "openssl"}, {"openssl s_server", "openssl"}},
			act: dtls, rules: []rule{{match: ports(slice.UDP, dtlsPort), judge: always(slice.Signalling, "dtls", "dtls"), atLeast: 4}},
		},
	}
}

// dtls talks line by line, in two versions and both families.
func dtls(ctx context.Context, p *place) error {
	if err := p.certificate(ctx); err != nil {
		return err
	}
	for _, family := range families {
		for _, version := range [][]string{{"-dtls1_2"}, {"-dtls1", "-cipher", "ALL:@SECLEVEL=0"}} {
			if err := p.dtlsOnce(ctx, family, version); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *place) dtlsOnce(ctx context.Context, family int, version []string) error {
	line := func(i int) []byte { return fmt.Appendf(nil, "line %d of what is said from this end\n", i) }
	server, err := p.startWith(p.server, paced(ctx, 100, 50*time.Millisecond, line), "openssl", append([]string{
		"s_server", "-accept", p.server.port(family, dtlsPort), "-quiet",
		"-cert", filepath.Join(p.dir, "server.crt"), "-key", filepath.Join(p.dir, "server.key"),
	}, version...)...)
	if err != nil {
		return err
	}
	defer server.stop()
	if err := p.listening(ctx, p.server, "udp", dtlsPort); err != nil {
		return err
	}
	client, err := p.startWith(p.attendee, paced(ctx, 100, 40*time.Millisecond, line), "openssl",
		append([]string{"s_client", "-connect", p.server.port(family, dtlsPort), "-quiet"}, version...)...)
	if err != nil {
		return err
	}
	return client.live(ctx, 1500*time.Millisecond)
}
