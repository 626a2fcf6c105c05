package top

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/internal/api/client"
)

func TestKeysRetune(t *testing.T) {
	for _, test := range []struct {
		name string
		keys []string
		want []string
	}{
		{"max up from 20%", []string{"+"}, []string{"set signalling on fibre: min= max=25%"}},
		{"max down", []string{"down", "-"}, []string{"set realtime on fibre: min= max=75%"}},
		{"max is at its end", []string{"down", "down", "+"}, nil},
		{"min down from 5%", []string{"left", "-"}, []string{"set signalling on fibre: min=4% max="}},
		{"of the upload", []string{"down", "down", "down", "down", "down", "right", "+"}, []string{"set realtime on fibre: min=55% max="}},
		{"past the last slice", []string{"j", "j", "j", "j", "j", "j", "j", "j", "j", "j", "-"}, []string{"set telemetry on fibre: min= max=95%"}},
		{"a value", []string{"enter", "8", "m", "b", "i", "t", "enter"}, []string{"set signalling on fibre: min= max=8mbit"}},
		{"a value that is given up", []string{"enter", "8", "esc"}, nil},
		{"no value", []string{"enter", "enter"}, nil},
		{"keys are text while typing", []string{"enter", "q", "r", "?", " ", "enter"}, []string{"set signalling on fibre: min= max=qr?"}},
		{"reset", []string{"r"}, []string{`reset signalling on "fibre"`}},
		{"reset everywhere", []string{"R"}, []string{`reset signalling on ""`}},
		{"another uplink", []string{"tab", "down", "+"}, []string{"set realtime on lte: min= max=85%"}},
		{"around to the first", []string{"tab", "tab", "+"}, []string{"set signalling on fibre: min= max=25%"}},
		{"a key closes the help, and does no more", []string{"?", "+"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBox(t, 80, 24)
			b.answer(0)
			for _, k := range test.keys {
				b.do(k)
			}
			if diff := cmp.Diff(test.want, b.calls); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// A value goes where it was meant to go when typing began, whatever a colleague changes meanwhile, or nowhere.
func TestTypedValueKeepsItsSlice(t *testing.T) {
	for _, test := range []struct {
		name      string
		meanwhile func(*client.Status)
		want      []string
		shows     string
	}{
		{
			"the download is switched off",
			func(s *client.Status) { s.Uplinks[0].Download.RateBPS = nil },
			[]string{"set media on fibre: min= max=8"}, "done: media max 8 on fibre",
		},
		{
			"nothing of the uplink is shaped",
			func(s *client.Status) { s.Uplinks[0].Download.RateBPS, s.Uplinks[0].Upload.RateBPS = nil, nil },
			nil, "not asked for: media is no longer shaped on fibre",
		},
		{
			"the uplink is gone",
			func(s *client.Status) { s.Uplinks = s.Uplinks[1:] },
			nil, "not asked for: media is no longer shaped on fibre",
		},
		{
			"the slice is gone",
			func(s *client.Status) {
				s.Slices = slices.DeleteFunc(s.Slices, func(s client.SliceStatus) bool { return s.Name == "media" })
			},
			nil, "not asked for: media is no longer shaped on fibre",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBox(t, 80, 24)
			b.answer(0)
			b.press("down", "down", "enter", "8")
			test.meanwhile(&b.status)
			b.answer(time.Second)
			b.do("enter")
			if diff := cmp.Diff(test.want, b.calls); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if test.want == nil {
				b.press("esc") // enter began another value
			}
			b.shows(test.shows)
		})
	}
}

func TestKeysWithoutAnAgent(t *testing.T) {
	b := newBox(t, 80, 24)
	for _, k := range []string{"+", "-", "enter", "r", "R", "up", "down", "tab", "left"} {
		b.do(k)
	}
	if len(b.calls) > 0 || b.m.typed != nil {
		t.Errorf("with nothing on the screen: %q", b.calls)
	}
}

func TestQuit(t *testing.T) {
	b := newBox(t, 80, 24)
	b.answer(0)
	cmd := b.press("q")
	if cmd == nil || cmd() != (tea.QuitMsg{}) {
		t.Error("q does not quit")
	}
}

// Keys pressed faster than the agent answers add up, and only the last value is asked for.
func TestStepsAddUp(t *testing.T) {
	b := newBox(t, 80, 24)
	b.answer(0)
	first := b.press("+")
	b.press("+", "+", "left", "-")
	msg := first()
	b.status.Slices[4].MaxBPS = 95e6 / 4 // the download's signalling
	b.answer(time.Second)                // a status in between changes nothing
	_, next := b.m.Update(msg)
	for next != nil {
		msg, ok := next().(changed)
		if !ok {
			break
		}
		_, next = b.m.Update(msg)
	}
	want := []string{"set signalling on fibre: min= max=25%", "set signalling on fibre: min= max=35%", "set signalling on fibre: min=4% max="}
	if diff := cmp.Diff(want, b.calls); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	b.answer(time.Second)
	if len(b.m.wanted) != 0 {
		t.Errorf("all is done, still wanted: %v", b.m.wanted)
	}
	b.shows("done: signalling min 4% on fibre")
}

func TestRefusalDropsWhatWaits(t *testing.T) {
	b := newBox(t, 80, 24)
	b.answer(0)
	b.refuse = errors.New("view.sock only shows: changes go through the agent's other socket")
	first := b.press("+")
	b.press("down", "+")
	_, next := b.m.Update(first())
	if next == nil {
		t.Fatal("the status is not asked for after a refusal")
	}
	if _, ok := next().(polled); !ok {
		t.Error("what waited was sent though the change before it was refused")
	}
	b.shows("not done, signalling max 25% on fibre", "view.sock only shows")
	b.answer(time.Second)
	b.refuse = nil
	b.do("-")
	if diff := cmp.Diff([]string{"set signalling on fibre: min= max=25%", "set realtime on fibre: min= max=75%"}, b.calls); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	b.answer(answerShown + time.Second)
	if screen := b.screen(); strings.Contains(screen, "done") {
		t.Errorf("an answer stays for ever:\n%s", screen)
	}
}

func TestStepped(t *testing.T) {
	for _, test := range []struct{ from, up, down float64 }{
		{1, 2, 1}, {4, 5, 3}, {4.2, 5, 4}, {5, 10, 4}, {4.9999999, 10, 4}, {6, 10, 5}, {10, 15, 5}, {97, 100, 95}, {100, 100, 95}, {130, 100, 100}, {0, 1, 1},
	} {
		if up, down := stepped(test.from, 1), stepped(test.from, -1); up != test.up || down != test.down {
			t.Errorf("from %v: up to %v and down to %v, want %v and %v", test.from, up, down, test.up, test.down)
		}
	}
}

func TestRatesNeverGoBelowZero(t *testing.T) {
	f := make(figures)
	at := time.Unix(1_800_000_000, 0)
	k := rowKey{"fibre", client.Up, "media"}
	for i, step := range []struct {
		after        time.Duration
		bytes, drops uint64
		rate, lost   float64
	}{
		{0, 1000, 5, unknown, unknown},
		{time.Second, 2000, 5, 8000, 0},
		{2 * time.Second, 4000, 9, 8000, 2},
		{time.Second / 10, 9000, 9, 8000, 2}, // too soon
		{9 * time.Second / 10, 9000, 9, 40_000, 0},
		{time.Second, 10, 0, unknown, unknown}, // new maps
		{time.Second, 135, 0, 1000, 0},
	} {
		at = at.Add(step.after)
		f.take(at, []client.SliceStatus{{Uplink: "fibre", Direction: client.Up, Name: "media", Bytes: step.bytes, Drops: step.drops}})
		got, want := fmt.Sprint(f.rate(k), f.drops(k)), fmt.Sprint(step.rate, step.lost)
		if got != want {
			t.Errorf("step %d: %s bit/s and drops/s, want %s", i, got, want)
		}
	}
	f.gap()
	if !math.IsNaN(f.rate(k)) || len(f.history(k, 3)) != 3 {
		t.Errorf("after a gap: rate %v, history %v", f.rate(k), f.history(k, 3))
	}
	f.take(at, nil)
	if len(f) != 0 {
		t.Errorf("a slice that is gone is kept: %v", f)
	}
}
