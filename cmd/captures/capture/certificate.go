package capture

import (
	"context"
	"os"
	"path/filepath"
)

// certificate makes server.key and server.crt for the zone and the server's addresses, once.
func (p *place) certificate(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(p.dir, "server.crt")); err == nil {
		return nil
	}
	names := "subjectAltName=DNS:" + zone + ",DNS:*." + zone + ",IP:" + p.server.addr(4) + ",IP:" + p.server.addr(6)
	return p.unseen(ctx, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
		"-subj", "/CN=server."+zone, "-addext", names,
		"-keyout", filepath.Join(p.dir, "server.key"), "-out", filepath.Join(p.dir, "server.crt"))
}

// unseen runs a program that prepares something, and that the manifest says nothing of.
func (p *place) unseen(ctx context.Context, name string, args ...string) error {
	said := p.commands
	err := p.run(ctx, p.server, name, args...)
	p.commands = said
	return err
}
