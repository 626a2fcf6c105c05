package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/net/netutil"

	"github.com/slicegate/slicegate/internal/api"
)

// Bounds of what a scraper can ask for.
const (
	maxConns      = 16
	maxHeader     = 16 << 10
	headerTimeout = 5 * time.Second
	writeTimeout  = 30 * time.Second
	scrapeTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute // more than the usual scrape interval
	stopTimeout   = 2 * time.Second
	retryListen   = 10 * time.Second
)

// Config says where Prometheus scrapes.
type Config struct {
	Listen string // address:port; "" for nowhere
}

// Listener serves /metrics.
type Listener struct {
	log   *slog.Logger
	cfg   Config
	meter api.Meter
	retry time.Duration // between attempts to listen

	mu     sync.Mutex // guards addr and failed
	addr   net.Addr   // nil while not listening
	failed error      // of the last attempt to listen
}

// New makes a listener; it opens nothing before Run.
func New(log *slog.Logger, cfg Config, meter api.Meter) (*Listener, error) {
	if cfg.Listen != "" {
		if _, _, err := net.SplitHostPort(cfg.Listen); err != nil {
			return nil, fmt.Errorf("read metrics address: %w (want ADDRESS:PORT, such as 127.0.0.1:9469)", err)
		}
	}
	return &Listener{log: log, cfg: cfg, meter: meter, retry: retryListen}, nil
}

// Addr is where it listens; nil while it does not.
func (l *Listener) Addr() net.Addr {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.addr
}

// Problems says that nobody can scrape, and why.
func (l *Listener) Problems() []api.Problem {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == nil {
		return nil
	}
	return []api.Problem{{What: "metrics: " + l.failed.Error(), Do: "free the address, or set another one as listen in [metrics]"}}
}

// Run serves until ctx is done. While the address cannot be had it tries again: a port that somebody else has is no reason to
// stop shaping.
func (l *Listener) Run(ctx context.Context) error {
	if l.cfg.Listen == "" {
		<-ctx.Done()
		return nil
	}
	var cfg net.ListenConfig
	for {
		listener, err := cfg.Listen(ctx, "tcp", l.cfg.Listen)
		if ctx.Err() != nil {
			if listener != nil {
				return listener.Close()
			}
			return nil
		}
		if l.note(listener, err) {
			return l.serve(ctx, listener)
		}
		retry := time.NewTimer(l.retry)
		select {
		case <-ctx.Done():
			retry.Stop()
			return nil
		case <-retry.C:
		}
	}
}

// note remembers how listening went, and logs a failure once.
func (l *Listener) note(listener net.Listener, err error) (listening bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		if l.failed == nil {
			l.log.Warn("metrics_not_listening", "address", l.cfg.Listen, "reason", err.Error())
		}
		l.failed = err
		return false
	}
	l.addr, l.failed = listener.Addr(), nil
	l.log.Info("metrics_listening", "address", l.addr.String())
	return true
}

func (l *Listener) serve(ctx context.Context, listener net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", l.scrape)
	server := &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       headerTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(l.log.Handler(), slog.LevelWarn),
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		if err := server.Shutdown(late); err != nil {
			l.log.Warn("scrapes_cut_off", "reason", errors.Join(err, server.Close()).Error())
		}
	})
	err := server.Serve(netutil.LimitListener(listener, maxConns))
	l.mu.Lock()
	l.addr = nil
	l.mu.Unlock()
	if stop() { // not by us: the listener broke
		return errors.Join(fmt.Errorf("serve metrics: %w", err), server.Close())
	}
	<-stopped
	return nil
}

// scrape measures once, and writes that down.
func (l *Listener) scrape(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), scrapeTimeout)
	defer cancel()
	m, err := l.meter.Measure(ctx)
	if err != nil {
		l.log.Warn("scrape_failed", "reason", err.Error())
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	registry := prometheus.NewRegistry()
	if err := registry.Register(measured(m)); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	opts := promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(l.log.Handler(), slog.LevelWarn)}
	promhttp.HandlerFor(registry, opts).ServeHTTP(w, r)
}
