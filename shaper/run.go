package shaper

import (
	"context"
	"sync"
	"time"

	"github.com/slicegate/slicegate/internal/tcnl"
)

const (
	// Traffic control is mostly changed by several requests in a row: wait for the last of them.
	settleTC = 100 * time.Millisecond
	// An ifb that goes down takes the downloads along: do not wait for company, unless it happens all the time.
	settleLinks = 5 * time.Millisecond

	firstRetry = time.Second
	lastRetry  = time.Minute
)

// Run keeps the kernel as configured until ctx ends: it follows what happens to interfaces and to traffic control, tries again what
// failed, and looks by itself now and then. It may be called once.
func (r *Reconciler) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		done <- r.watcher.Run(ctx, r.heard.put)
		cancel()
	}()
	r.setFollows(true)
	r.follow(ctx)
	r.setFollows(false)
	cancel()
	return <-done
}

// follow reconciles at the start, when nobody is to blame for what is different, and then whenever there is a reason to.
func (r *Reconciler) follow(ctx context.Context) {
	drift := time.NewTicker(r.cfg.Drift)
	defer drift.Stop()
	retry, pause := time.NewTimer(lastRetry), firstRetry
	retry.Stop()
	defer retry.Stop()
	for why := onRetry; ctx.Err() == nil; {
		last := time.Now()
		failed, keepStill := r.look(context.WithoutCancel(ctx), why)
		switch {
		case keepStill > 0:
			retry.Reset(keepStill)
		case failed:
			retry.Reset(pause)
			pause = min(2*pause, lastRetry)
		default:
			pause = firstRetry
		}
		why = onDrift
		select {
		case <-ctx.Done():
			return
		case <-drift.C:
		case <-retry.C:
			why = onRetry
		case <-r.heard.wake:
			if !sleep(ctx, r.heard.settle(time.Since(last))) {
				return
			}
		}
	}
}

// look reconciles, unless there is a fight to keep out of; then it says for how long.
func (r *Reconciler) look(ctx context.Context, why reason) (failed bool, keepStill time.Duration) {
	r.working.Lock()
	defer r.working.Unlock()
	n := r.heard.take() // with what came while another was at work: this look sees it as well
	for ifindex := range n.touched {
		r.kernel.forget(ifindex)
	}
	if n.lost {
		r.kernel.forget(0)
	}
	if n.failed {
		why = onRetry
	}
	if why == onDrift && !n.links {
		if left := r.fights.wait(time.Now()); left > 0 {
			r.settled = nil // the kernel is as the other program left it
			return false, left
		}
	}
	_, err := r.reconcileLocked(ctx, why)
	return err != nil || r.untold, 0
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// news is what was heard since the last look.
type news struct {
	links   bool         // interfaces changed
	tc      bool         // somebody changed traffic control
	lost    bool         // events were lost
	failed  bool         // something is to be tried again
	touched map[int]bool // interfaces whose qdiscs somebody changed
}

// mailbox gathers events until they are looked at.
type mailbox struct {
	wake chan struct{} // has something in it when there are news

	mu   sync.Mutex // guards news
	news news
}

func newMailbox() *mailbox {
	return &mailbox{wake: make(chan struct{}, 1), news: news{touched: make(map[int]bool)}}
}

func (m *mailbox) put(e tcnl.Event) {
	m.mu.Lock()
	m.news.tc = m.news.tc || e.What != tcnl.LinkChanged && e.What != tcnl.Lost
	switch e.What {
	case tcnl.Lost:
		m.news.lost = true
	case tcnl.LinkChanged:
		m.news.links = true
		if e.Removed {
			m.news.touched[e.Ifindex] = true
		}
	case tcnl.QdiscChanged:
		m.news.touched[e.Ifindex] = true
	}
	m.mu.Unlock()
	m.ring()
}

// quiet reports whether there are no news.
func (m *mailbox) quiet() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.news
	return !n.links && !n.tc && !n.lost && !n.failed
}

// retry is news of a failure that no event will tell of.
func (m *mailbox) retry() {
	m.mu.Lock()
	m.news.failed = true
	m.mu.Unlock()
	m.ring()
}

func (m *mailbox) ring() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// settle is how long to wait for more, so long after the last look.
func (m *mailbox) settle(since time.Duration) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.news.links && since > settleTC {
		return settleLinks
	}
	return settleTC
}

func (m *mailbox) take() news {
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case <-m.wake:
	default:
	}
	n := m.news
	m.news = news{touched: make(map[int]bool)}
	return n
}
