package capture

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

//go:embed call.html
var callPage []byte

// plan is what the pages of a call do. Its JSON is theirs.
type plan struct {
	Family   int      `json:"family"` // of host candidates; 0 for both
	Audio    bool     `json:"audio"`
	Videos   int      `json:"videos"` // streams
	Codec    string   `json:"codec"`  // of video; the browser's choice when empty
	Data     bool     `json:"data"`
	Both     bool     `json:"both"`   // ends send media; else the caller alone
	Bundle   bool     `json:"bundle"` // one 5-tuple for all
	Servers  []string `json:"servers"`
	User     string   `json:"user"`
	Password string   `json:"password"`
	Relayed  []string `json:"relayed"` // which ends, of a and b, talk through the TURN server alone
}

// progress is what a page says of its end.
type progress struct {
	Packets  int    `json:"packets"`
	Messages int    `json:"messages"`
	Pair     string `json:"pair"`
	State    string `json:"state"`
}

// exchange serves the page to both ends, and carries their messages.
type exchange struct {
	plan plan

	mu      sync.Mutex // guards the rest
	mail    map[string][]json.RawMessage
	reports map[string]progress
}

func newExchange(plan plan) *exchange {
	return &exchange{plan: plan, mail: make(map[string][]json.RawMessage), reports: make(map[string]progress)}
}

func (x *exchange) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(callPage) // a page that is gone misses nothing
	})
	mux.HandleFunc("GET /plan", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(x.plan) })
	mux.HandleFunc("POST /send", func(w http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20)); err == nil {
			x.put(r.FormValue("to"), body)
		}
	})
	mux.HandleFunc("GET /recv", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(x.take(r.Context(), r.FormValue("me")))
	})
	mux.HandleFunc("POST /report", func(w http.ResponseWriter, r *http.Request) {
		var p progress
		if err := json.NewDecoder(io.LimitReader(r.Body, 1<<16)).Decode(&p); err == nil {
			x.report(r.FormValue("me"), p)
		}
	})
	return mux
}

func (x *exchange) put(to string, message json.RawMessage) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.mail[to] = append(x.mail[to], message)
}

func (x *exchange) report(me string, p progress) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.reports[me] = p
}

// take waits a while for messages.
func (x *exchange) take(ctx context.Context, me string) []json.RawMessage {
	for range 50 {
		x.mu.Lock()
		mail := x.mail[me]
		delete(x.mail, me)
		x.mu.Unlock()
		if len(mail) > 0 {
			return mail
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(20 * time.Millisecond):
		}
	}
	return []json.RawMessage{}
}

// flowing says whether the call carries what it should.
func (x *exchange) flowing() bool {
	const enough = 30
	x.mu.Lock()
	defer x.mu.Unlock()
	a, b := x.reports["a"], x.reports["b"]
	media := x.plan.Audio || x.plan.Videos > 0
	switch {
	case media && (b.Packets < enough || x.plan.Both && a.Packets < enough):
		return false
	case x.plan.Data && (a.Messages < enough || b.Messages < enough):
		return false
	}
	return true
}

func (x *exchange) String() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return fmt.Sprintf("a %+v, b %+v", x.reports["a"], x.reports["b"])
}

const pagePort = 8080

// startBrowser opens a page in a browser without a screen, with a camera and a microphone that are made up.
func (p *place) startBrowser(h *host, url string, args ...string) (*program, error) {
	profile := filepath.Join(h.dir, "home", fmt.Sprintf("profile%d", len(p.programs)))
	if err := os.MkdirAll(profile, 0o700); err != nil {
		return nil, err
	}
	all := append([]string{
		"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--enable-logging=stderr",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
		"--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--user-data-dir=" + profile,
	}, args...)
	return p.start(h, "chromium", append(all, url)...)
}

// browserCall has two browsers call each other for a while, a on the attendee and b on the guest.
func browserCall(ctx context.Context, p *place, plan plan) error {
	x := newExchange(plan)
	said, err := json.Marshal(plan)
	if err != nil {
		return err
	}
	p.commands = append(p.commands, "plan of the pages: "+string(said))
	var ends []*program
	for _, end := range []struct {
		at *host
		me string
	}{{p.guest, "b"}, {p.attendee, "a"}} {
		listener, err := end.at.listen(pagePort)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(ctx)
		served := make(chan error, 1)
		go func() { served <- serve(ctx, listener, x.handler()) }()
		defer func() {
			cancel()
			<-served //nolint:errcheck // the call is over, and whatever ended its page with it
		}()
		it, err := p.startBrowser(end.at, fmt.Sprintf("http://localhost:%d/?me=%s", pagePort, end.me))
		if err != nil {
			return err
		}
		ends = append(ends, it)
	}
	defer stop(ends...)
	err = until(ctx, "the call carries something", func() (bool, error) { return x.flowing(), nil })
	if err != nil {
		return fmt.Errorf("%w; %v; b: %s", err, x, ends[0].lastWords())
	}
	select {
	case <-ctx.Done():
	case <-time.After(3 * time.Second):
	}
	return nil
}

// listen opens a port for browsers on h itself: pages from there may use camera and microphone.
func (h *host) listen(port uint16) (listener net.Listener, err error) {
	err = h.Do(func() error {
		listener, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		return err
	})
	return listener, err
}
