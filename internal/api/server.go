package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/net/netutil"
)

// ViewSocket is the name of the read-only socket, in the directory of the other.
const ViewSocket = "view.sock"

// Bounds of what a client can ask for.
const (
	maxConns      = 64 // a socket
	maxBody       = 64 << 10
	maxFile       = 256 << 10 // more than a configuration may be, so that it is the configuration that says so
	maxHeader     = 16 << 10
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second // also ends the context of what only reads
	writeTimeout  = 60 * time.Second // more than a change takes, and more than holdReady
	changeTimeout = 40 * time.Second
	idleTimeout   = 30 * time.Second
	stopTimeout   = 5 * time.Second
	holdReady     = 5 * time.Second // how long an answer about readiness is held back
)

// ServerConfig says where the API is found.
type ServerConfig struct {
	Socket    string // path of the socket for all verbs; ViewSocket is made beside it
	Group     string // of Socket; "" or one that does not exist leaves it to the agent's own group
	ViewGroup string // of ViewSocket, likewise
}

// Server answers on both sockets.
type Server struct {
	log   *slog.Logger
	cfg   ServerConfig
	agent Agent
	ready chan struct{}

	viewPlan chan struct{} // held by a plan on ViewSocket: of those who may only look, one at a time costs the parser's time
}

// NewServer makes a server; it opens nothing before Run.
func NewServer(log *slog.Logger, cfg ServerConfig, agent Agent) (*Server, error) {
	if cfg.Socket == "" {
		return nil, errors.New("make control server: no socket path")
	}
	if filepath.Base(cfg.Socket) == ViewSocket {
		return nil, fmt.Errorf("make control server: %s is the name of the read-only socket (name the socket otherwise)", cfg.Socket)
	}
	return &Server{log: log, cfg: cfg, agent: agent, ready: make(chan struct{}), viewPlan: make(chan struct{}, 1)}, nil
}

// Ready is closed when both sockets take connections.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Run answers until ctx is done, gives running changes stopTimeout to end, and removes the sockets. It may be called once.
func (s *Server) Run(ctx context.Context) error {
	all, err := listenUnix(ctx, s.log, s.cfg.Socket, s.cfg.Group)
	if err != nil {
		return err
	}
	view, err := listenUnix(ctx, s.log, filepath.Join(filepath.Dir(s.cfg.Socket), ViewSocket), s.cfg.ViewGroup)
	if err != nil {
		return errors.Join(err, all.Close())
	}
	close(s.ready)
	s.log.Info("control_listening", "socket", s.cfg.Socket)

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	var errs [2]error
	for i, l := range []net.Listener{all, view} {
		readOnly := i == 1
		wg.Go(func() {
			defer cancel() // one that fails ends the other
			errs[i] = serve(ctx, s.log, netutil.LimitListener(l, maxConns), s.handler(readOnly))
		})
	}
	wg.Wait()
	return errors.Join(errs[0], errs[1])
}

// serve answers on l until ctx is done, and closes l. Requests see ctx's end.
func serve(ctx context.Context, log *slog.Logger, l net.Listener, h http.Handler) error {
	server := &http.Server{
		Handler:           refuseWebPages(h),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		if err := server.Shutdown(late); err != nil {
			err = errors.Join(err, server.Close())
			log.Warn("requests_cut_off", "address", l.Addr().String(), "reason", err.Error())
		}
		stopped <- nil
	})
	err := server.Serve(l)
	if stop() { // not by us: the listener broke
		return errors.Join(fmt.Errorf("serve %s: %w", l.Addr(), err), server.Close())
	}
	return <-stopped
}

// refuseWebPages refuses what a browser sends on behalf of a page: no page has business here.
func refuseWebPages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" || r.Header.Get("Referer") != "" {
			writeProblem(w, &Fault{Type: TypeForbidden, Status: http.StatusForbidden, Detail: "requests from web pages are refused"})
			return
		}
		next.ServeHTTP(w, r)
	})
}
