package demo

import (
	"context"
	"sync"
	"time"

	"github.com/slicegate/slicegate/internal/api/client"
)

// Frame is what goes on in a run at a moment.
type Frame struct {
	Note string // what is being prepared; all else is zero

	Slicing   bool
	Saturated Direction     // "" before the first part
	Elapsed   time.Duration // of the part
	Length    time.Duration

	Calls  Figures       // of a recent second
	Bulk   float64       // since the frame before, bit/s
	Queue  time.Duration // how long the modem needs for what waits in it
	Slices []SliceUse    // of the saturated direction, since the frame before; nil without slicing
}

const (
	frameEvery = 500 * time.Millisecond
	// A packet gets this long to come back before a frame takes it for lost.
	patience = 800 * time.Millisecond
)

// live is what a watcher may look at while a run changes it.
type live struct {
	venue *Venue

	mu      sync.Mutex // guards what follows
	crowd   *Crowd
	agent   *Agent
	way     Direction
	began   time.Time
	length  time.Duration
	at      time.Time // of the last frame
	moved   uint64
	figures []client.SliceStatus
}

func (l *live) enter(crowd *Crowd) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.crowd = crowd
}

func (l *live) slicing(agent *Agent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.agent = agent
}

func (l *live) begin(way Direction, length time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.way, l.length, l.began = way, length, time.Now()
	l.moved, l.figures = l.crowd.Moved(way), nil
}

// end leaves nothing to look at. Once it has returned, nobody asks the agent.
func (l *live) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.way = ""
}

// watch shows frames until ctx is done.
func (l *live) watch(ctx context.Context, show func(Frame)) error {
	return every(ctx, frameEvery, func(int) error {
		frame, err := l.frame(ctx)
		if err != nil {
			return ended(ctx, err)
		}
		show(frame)
		return nil
	})
}

func (l *live) frame(ctx context.Context) (Frame, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	span := now.Sub(l.at)
	l.at = now
	if l.way == "" {
		return Frame{}, nil
	}
	moved := l.crowd.Moved(l.way)
	f := Frame{
		Slicing:   l.agent != nil,
		Saturated: l.way,
		Elapsed:   min(now.Sub(l.began), l.length),
		Length:    l.length,
		Calls:     l.crowd.Calls.Between(now.Add(-patience-time.Second), now.Add(-patience)),
		Bulk:      bitrate(moved-l.moved, span),
	}
	l.moved = moved
	waiting, err := l.venue.Modem.Backlog(l.way)
	if err != nil {
		return f, err
	}
	f.Queue = l.venue.Modem.link.timeFor(waiting)
	if l.agent == nil {
		return f, nil
	}
	figures, err := l.agent.slices(ctx, l.way)
	if err != nil {
		return f, err
	}
	if l.figures != nil {
		f.Slices = usesOf(l.figures, figures, span)
	}
	l.figures = figures
	return f, nil
}
