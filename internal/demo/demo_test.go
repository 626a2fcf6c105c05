package demo

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/nettest"
)

// TestDemo runs both halves, as short as they get. How much better the second one is, the benchmark says.
func TestDemo(t *testing.T) {
	nettest.Require(t, Needs...)
	var frames []Frame
	report, err := Run(t.Context(), Options{Duration: MinDuration, Watch: func(f Frame) { frames = append(frames, f) }})
	if err != nil {
		t.Fatal(err)
	}
	for way, parts := range map[Direction][2]Part{Up: {report.Without.Up, report.With.Up}, Down: {report.Without.Down, report.With.Down}} {
		without, with := parts[0], parts[1]
		if without.Calls.P99 < DefaultLink.Queue/4 {
			t.Errorf("%s: p99 is %s without slicing: the modem's queue does not fill", way, without.Calls.P99)
		}
		if with.Calls.P50 > without.Calls.P50 {
			t.Errorf("%s: p50 is %s with slicing and %s without", way, with.Calls.P50, without.Calls.P50)
		}
		if way == Down && with.Stage.P50 > without.Stage.P50 {
			t.Errorf("a stream's p50 is %s with slicing and %s without", with.Stage.P50, without.Stage.P50)
		}
		if with.Bulk == 0 {
			t.Errorf("%s: bulk transfers starve with slicing", way)
		}
		for name, figures := range map[string]Figures{"stage": with.Stage, "DNS": with.DNS, "STUN": with.STUN, "pages": with.Pages} {
			if figures.Sent == figures.Lost {
				t.Errorf("%s: %s: none of %d came back", way, name, figures.Sent)
			}
		}
		for _, s := range with.Slices {
			if s.Rate == 0 {
				t.Errorf("%s: nothing in slice %s", way, s.Name)
			}
		}
	}
	if len(frames) < 4 {
		t.Errorf("%d frames were shown", len(frames))
	}
}

func TestRunRefuses(t *testing.T) {
	if _, err := Run(t.Context(), Options{Duration: time.Second}); err == nil || !strings.Contains(err.Error(), "too short") {
		t.Errorf("a half of a second: error %v", err)
	}
}

// TestInterruptedRunEnds stops a run in its first half.
func TestInterruptedRunEnds(t *testing.T) {
	nettest.Require(t, Needs...)
	ctx, interrupt := context.WithCancel(t.Context())
	frames := 0
	began := time.Now()
	_, err := Run(ctx, Options{Duration: time.Minute, Sliced: "/bin/false", Watch: func(Frame) {
		if frames++; frames == 6 {
			interrupt()
		}
	}})
	if err == nil {
		t.Error("an interrupted run succeeded")
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %s to end", took)
	}
}

// TestAgentThatDiesIsAnError runs a program that ends at once in the agent's place.
func TestAgentThatDiesIsAnError(t *testing.T) {
	nettest.Require(t, Needs...)
	_, err := Run(t.Context(), Options{Duration: MinDuration, Sliced: "/bin/false"})
	if err == nil || !strings.Contains(err.Error(), "sliced ended") {
		t.Errorf("error %v, want one that says that sliced ended", err)
	}
}
