package capture

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/slicegate/slicegate/internal/replay/corpus"
	"github.com/slicegate/slicegate/internal/slice"
)

// nginxConf serves the place's folder www, and takes what is put into it.
const nginxConf = `daemon off;
user root;
worker_processes 1;
pid /run/nginx.pid;
error_log stderr;
events {}
http {
	access_log off;
	client_max_body_size 10m;
	client_body_temp_path /run/body;
	proxy_temp_path /run/proxy;
	fastcgi_temp_path /run/fastcgi;
	uwsgi_temp_path /run/uwsgi;
	scgi_temp_path /run/scgi;
	server {
		listen 80; listen [::]:80;
		listen 443 ssl http2; listen [::]:443 ssl http2;
		ssl_certificate %[1]s/server.crt;
		ssl_certificate_key %[1]s/server.key;
		root %[1]s/www;
		location /upload { return 204; }
	}
}
`

// Sizes of the files that are served: a page, and one that is a download.
const (
	pageSize = 20_000
	bulkSize = 1_500_000
)

// startWeb starts a web server on the server.
func startWeb(ctx context.Context, p *place) error {
	if err := p.certificate(ctx); err != nil {
		return err
	}
	if err := p.makePages(); err != nil {
		return err
	}
	conf, err := p.file("nginx.conf", fmt.Sprintf(nginxConf, p.dir))
	if err != nil {
		return err
	}
	if _, err := p.start(p.server, "nginx", "-e", "stderr", "-c", conf); err != nil {
		return err
	}
	return p.listening(ctx, p.server, "tcp", 443)
}

// makePages writes the files of www.
func (p *place) makePages() error {
	dir := filepath.Join(p.dir, "www")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, size := range map[string]int64{"page": pageSize, "bulk": bulkSize} {
		b, err := io.ReadAll(io.LimitReader(rand.Reader, size))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func webRuns() []run {
	return []run{
		{
			name: "https", about: "pages, downloads and an upload", programs: []tool{{"curl", "curl"}, {"nginx", "nginx-light"}},
			act: curl, rules: []rule{{match: ports(slice.TCP, 443), judge: web("tls"), atLeast: 8}},
		},
		{
			name: "http", about: "pages and downloads in the clear", programs: []tool{{"curl", "curl"}, {"nginx", "nginx-light"}},
			format: pcapng, act: curlPlain, rules: []rule{{match: ports(slice.TCP, 80), judge: web(unknown), atLeast: 4}},
		},
	}
}

// web labels a flow with a web server: what is large is bulk.
func web(kind string) func(*corpus.Seen) label {
	return func(f *corpus.Seen) label {
		bytes := 0
		for _, s := range f.Packets {
			bytes += s.Length
		}
		if bytes > 5*pageSize {
			return always(media, kind, "bulk")(f)
		}
		return always(media, kind, "web")(f)
	}
}

func curl(ctx context.Context, p *place) error {
	if err := startWeb(ctx, p); err != nil {
		return err
	}
	for _, family := range families {
		site := "https://" + site
		for _, args := range [][]string{
			{"--http1.1", site + "/page"},
			{"--http2", site + "/page", "-o", "/dev/null", site + "/page"},
			{"--http2", "--limit-rate", "1M", site + "/bulk"},
			{"--http1.1", "--limit-rate", "1M", "-T", filepath.Join(p.dir, "www", "bulk"), site + "/upload"},
		} {
			if err := p.run(ctx, p.attendee, "curl", append([]string{"-sSk", "-" + strconv.Itoa(family), "-o", "/dev/null"}, args...)...); err != nil {
				return err
			}
		}
	}
	return nil
}

func curlPlain(ctx context.Context, p *place) error {
	if err := startWeb(ctx, p); err != nil {
		return err
	}
	for _, family := range families {
		site := "http://" + p.server.port(family, 80)
		for _, args := range [][]string{{site + "/page"}, {"--limit-rate", "1M", site + "/bulk"}} {
			if err := p.run(ctx, p.attendee, "curl", append([]string{"-sS", "-o", "/dev/null"}, args...)...); err != nil {
				return err
			}
		}
	}
	return nil
}
