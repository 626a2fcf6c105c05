package tcnl_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/tcnl"
)

// log collects events as they come.
type log struct {
	mu     sync.Mutex // guards events
	events []tcnl.Event
}

func (l *log) add(e tcnl.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

func (l *log) has(want tcnl.Event) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Contains(l.events, want)
}

func (l *log) await(t *testing.T, want tcnl.Event) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if l.has(want) {
			return
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	t.Fatalf("no event %+v among %+v", want, l.events)
}

func TestWatcherHearsOthersAlone(t *testing.T) {
	b := newBench(t, "htb", "clsact", "bpf", "ifb")
	w, err := tcnl.Listen(b.Fd(), b.conn)
	must(t, err)
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var seen log
	done := make(chan error)
	go func() { done <- w.Run(ctx, seen.add) }()

	must(t, b.conn.AddQdisc(b.root(0))) // our own: no event
	b.clsact(t)
	b.tc(t, "class", "add", "dev", "a", "parent", "5c1e:", "classid", "5c1e:1", "htb", "rate", "1mbit")
	seen.await(t, tcnl.Event{What: tcnl.ClassChanged, Ifindex: b.ifindex})
	b.tc(t, "filter", "add", "dev", "a", "egress", "u32", "match", "u32", "0", "0")
	seen.await(t, tcnl.Event{What: tcnl.FilterChanged, Ifindex: b.ifindex})
	if seen.has(tcnl.Event{What: tcnl.QdiscChanged, Ifindex: b.ifindex}) {
		t.Error("our own writes are events")
	}
	b.tc(t, "qdisc", "del", "dev", "a", "root")
	seen.await(t, tcnl.Event{What: tcnl.QdiscChanged, Ifindex: b.ifindex, Removed: true})
	link, err := b.Links().LinkByName("a")
	must(t, err)
	must(t, b.Links().LinkDel(link))
	seen.await(t, tcnl.Event{What: tcnl.LinkChanged, Ifindex: b.ifindex, Removed: true})

	cancel()
	if err := <-done; err != nil {
		t.Errorf("after cancel: %v", err)
	}
}
