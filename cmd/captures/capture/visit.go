package capture

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/slicegate/slicegate/internal/replay/corpus"
	"github.com/slicegate/slicegate/internal/slice"
)

// visitRuns are pages opened in a browser.
func visitRuns() []run {
	return []run{
		{
			name: "browser-tls", about: "a page over TLS in either family", programs: []tool{chromium, {"nginx", "nginx-light"}},
			act: func(ctx context.Context, p *place) error {
				return visit(ctx, p, func(int) error { return startWeb(ctx, p) })
			},
			rules: []rule{{match: toServerPort(slice.TCP, 443), judge: web("tls"), atLeast: 2}},
		},
		{
			name: "browser-quic", about: "a page over QUIC in either family", programs: []tool{chromium, {"gtlsserver", "ngtcp2-server"}},
			act: func(ctx context.Context, p *place) error {
				return visit(ctx, p, func(family int) error { return startQUIC(ctx, p, family, quicPort) },
					"--enable-quic", "--origin-to-force-quic-on="+site+":443")
			},
			rules: []rule{{match: toServerPort(slice.UDP, quicPort), judge: web("quic"), atLeast: 2}},
		},
	}
}

// toServerPort matches flows with a port of the server.
func toServerPort(proto slice.Proto, port uint16) func(*corpus.Seen) bool {
	return func(f *corpus.Seen) bool {
		return f.Proto == proto && within(serverNetwork, f.Dst) && f.Dst.Port() == port
	}
}

// visit opens a page by name in each family.
func visit(ctx context.Context, p *place, serve func(family int) error, args ...string) error {
	if err := errors.Join(p.certificate(ctx), p.makePages()); err != nil {
		return err
	}
	key, err := p.keyHash()
	if err != nil {
		return err
	}
	// Pages with pictures, as it were: each asks for more.
	page := `<!doctype html><title>page</title><script>for (const n of [1, 2, 3]) fetch("/page?" + n)</script>`
	if err := os.WriteFile(filepath.Join(p.dir, "www", "index.html"), []byte(page), 0o644); err != nil {
		return err
	}
	for _, family := range families {
		if err := serve(family); err != nil {
			return err
		}
		rule := fmt.Sprintf("--host-resolver-rules=MAP %s %s", site, bracketed(p.server, family))
		it, err := p.startBrowser(p.attendee, "https://"+site+"/index.html",
			append([]string{rule, "--ignore-certificate-errors-spki-list=" + key}, args...)...)
		if err != nil {
			return err
		}
		if err := it.live(ctx, 4*time.Second); err != nil {
			return err
		}
		stop(p.programs...)
	}
	return nil
}

// keyHash is the hash by which a browser may be told to trust the server's certificate.
func (p *place) keyHash() (string, error) {
	text, err := os.ReadFile(filepath.Join(p.dir, "server.crt"))
	if err != nil {
		return "", err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return "", errors.New("read server.crt: no certificate")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return "", fmt.Errorf("read server.crt: %w", err)
	}
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:]), nil
}
