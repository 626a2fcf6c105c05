package capture

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/slicegate/slicegate/internal/replay/corpus"
	"github.com/slicegate/slicegate/internal/slice"
)

const (
	iperfPort  = 5201
	randomPort = 9999
)

func bulkRuns() []run {
	tools := []tool{{"iperf3", "iperf3"}}
	return []run{
		{
			name: "bulk-tcp", about: "one stream up, one down", programs: tools, format: pcapng,
			act: func(ctx context.Context, p *place) error {
				return iperf(ctx, p, []string{"-b", "6M"}, []string{"-b", "6M", "-R"})
			},
			rules: []rule{{match: ports(slice.TCP, iperfPort), judge: test, atLeast: 8}},
		},
		{
			name: "bulk-udp", about: "datagrams up and down, full and small ones", programs: tools,
			act: func(ctx context.Context, p *place) error {
				return iperf(ctx, p,
					[]string{"-u", "-b", "3M"}, []string{"-u", "-b", "3M", "-R"},
					// As many and as large as some calls: 90 a second of 400 bytes.
					[]string{"-u", "-b", "288k", "-l", "400"}, []string{"-u", "-b", "288k", "-l", "400", "-R"})
			},
			rules: []rule{
				{match: ports(slice.UDP, iperfPort), judge: always(media, unknown, "bulk"), atLeast: 8},
				{match: ports(slice.TCP, iperfPort), judge: test, atLeast: 8},
			},
		},
		{
			name: "random-udp", about: "datagrams of random bytes and lengths, echoed", programs: []tool{{"socat", "socat"}},
			act: random, rules: []rule{{match: ports(slice.UDP, randomPort), judge: always(media, unknown, "random"), atLeast: 4}},
		},
	}
}

// test labels a connection of iperf3: it has one for control.
func test(f *corpus.Seen) label {
	bytes := 0
	for _, s := range f.Packets {
		bytes += s.Length
	}
	if bytes < 20_000 {
		return always(media, unknown, "control of a speed test")(f)
	}
	return always(media, unknown, "bulk")(f)
}

func iperf(ctx context.Context, p *place, ways ...[]string) error {
	if _, err := p.start(p.server, "iperf3", "-s"); err != nil {
		return err
	}
	if err := p.listening(ctx, p.server, "tcp", iperfPort); err != nil {
		return err
	}
	for _, family := range families {
		for _, way := range ways {
			args := append([]string{"-c", p.server.addr(family), "-t", "2"}, way...)
			if err := p.run(ctx, p.attendee, "iperf3", args...); err != nil {
				return err
			}
		}
	}
	return nil
}

// random sends what has no structure, from a seed.
func random(ctx context.Context, p *place) error {
	const largest = 1200
	for _, family := range families {
		kind := map[int]string{4: "UDP4", 6: "UDP6"}[family]
		if _, err := p.start(p.server, "socat", kind+"-LISTEN:9999,fork,bind="+bracketed(p.server, family), "PIPE"); err != nil {
			return err
		}
		if err := p.listening(ctx, p.server, "udp", randomPort); err != nil {
			return err
		}
		for n := range 2 {
			rng := rand.New(rand.NewPCG(uint64(family), uint64(n)))
			source := rand.NewChaCha8([32]byte{byte(family), byte(n)})
			pieces := paced(ctx, 110, 15*time.Millisecond, func(int) []byte {
				b := make([]byte, 8+rng.IntN(largest))
				_, _ = source.Read(b) // never fails
				return b
			})
			it, err := p.startWith(p.attendee, pieces, "socat", "-b", "2000", "STDIO", kind+":"+p.server.port(family, randomPort))
			if err != nil {
				return err
			}
			if err := it.wait(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}
