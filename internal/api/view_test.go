package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// planner counts the plans that are made at the same time.
type planner struct {
	Agent
	now, most atomic.Int32
}

func (p *planner) Plan(context.Context, *File) (Plan, error) {
	n := p.now.Add(1)
	defer p.now.Add(-1)
	p.most.Store(max(p.most.Load(), n))
	time.Sleep(time.Second)
	return Plan{}, nil
}

// Those who may only look cost the parser's time once, however many they are.
func TestViewPlansOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		agent := new(planner)
		s, err := NewServer(slog.New(slog.DiscardHandler), ServerConfig{Socket: "sliced.sock"}, agent)
		if err != nil {
			t.Fatal(err)
		}
		view := s.handler(true)
		for range 3 {
			go func() {
				w := httptest.NewRecorder()
				view.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, PathPlan, nil))
				if w.Code != http.StatusOK {
					t.Errorf("status %d: %s", w.Code, w.Body)
				}
			}()
		}
		time.Sleep(10 * time.Second)
		if most := agent.most.Load(); most != 1 {
			t.Errorf("%d plans at the same time", most)
		}
	})
}

func TestTimesAreBounded(t *testing.T) {
	for text, ok := range map[string]bool{"720h": true, "720h1s": false, "2562047h": false, "0s": false, "-1s": false} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, PathPause+"?for="+text, nil)
		if _, err := readDuration(r, "for"); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}
