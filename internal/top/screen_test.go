package top

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/slicegate/slicegate/internal/api/client"
)

func TestScreens(t *testing.T) {
	for _, test := range []struct {
		name          string
		width, height int
		do            func(*box)
	}{
		{"busy-80x24", 80, 24, func(b *box) { b.crowd(); b.busy(); b.press("down", "down") }},
		{"busy-200x50", 200, 50, func(b *box) { b.crowd(); b.busy(); b.press("down", "down") }},
		{"busy-72x16", 72, 16, func(b *box) { b.crowd(); b.busy(); b.press("down", "down", "down", "down", "down") }},
		{"calm", 80, 24, func(b *box) { b.answer(0); b.answer(time.Second) }},
		{"waiting-uplink", 80, 24, func(b *box) { b.answer(0); b.press("tab") }},
		{"away", 80, 24, func(b *box) { b.busy(); b.fail(time.Second); b.fail(7 * time.Second) }},
		{"typing", 80, 24, func(b *box) { b.answer(0); b.press("enter", "4", "0", "x", "backspace", "%") }},
		{"refused", 80, 24, func(b *box) {
			b.answer(0)
			b.refuse = fmt.Errorf("%w: slice.min: the minima sum to 105%% on the download (lower some)\nslice.min: and on the upload", client.ErrInvalid)
			b.do("left", "+")
			b.answer(time.Second)
		}},
		{"help", 72, 16, func(b *box) { b.answer(0); b.press("?") }},
		{"too-small", 60, 20, func(b *box) { b.busy() }},
		{"before-the-first-answer", 80, 24, func(*box) {}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBox(t, test.width, test.height)
			test.do(b)
			b.golden(test.name)
		})
	}
}

// What was away comes back, and the time in between is a gap.
func TestAgentComesBack(t *testing.T) {
	b := newBox(t, 80, 24)
	b.busy()
	b.fail(time.Second)
	b.shows("NO ANSWER", "is sliced running?")
	b.answer(time.Second)
	if screen := b.screen(); strings.Contains(screen, "NO ANSWER") {
		t.Errorf("the agent is back, but\n%s", screen)
	}
	b.shows("█ ·")
}

func TestAgentWithoutDevices(t *testing.T) {
	b := newBox(t, 80, 24)
	b.noList = errors.New("no such request: GET /v1/devices (use the slicectl of the same release as sliced)")
	b.answer(0)
	b.shows("HEAVIEST DEVICES", "unknown: no such request")
}

// A figure that no int holds is as much as can be drawn, and not as little.
func TestHugeFigures(t *testing.T) {
	b := newBox(t, 80, 24)
	one := uint64(1)
	b.status.Uplinks[0].Download = client.LinkStatus{RateBPS: &one, UsedBPS: 1 << 62}
	b.row(client.Down, "media").MaxBPS = 1
	b.answer(0)
	b.row(client.Down, "media").Bytes = 1 << 62
	b.answer(time.Second)
	b.shows(strings.Repeat("█", 80/3), "media                  █ ")
}

// Every line fits, whatever the size of the terminal, whatever things are called and however large figures are.
func FuzzScreenFits(f *testing.F) {
	f.Add(80, 24, "media", "02:00:00:00:00:01", "a problem", "+", uint8(4), uint64(95e6), uint64(1<<63))
	f.Add(72, 16, "a-very-long-name-of-32-characters", "2001:db8::/64", strings.Repeat("words ", 90), "?", uint8(15), uint64(1), uint64(1<<62))
	f.Add(200, 50, "\u754c\u754c\u754c\u754c\u754c\u754c\u754c", "e\u0301\u0301", "\x1b[31m\x9b2J\u202e", "-", uint8(1), uint64(math.MaxUint64), uint64(math.MaxUint64))
	f.Add(0, -1, "", "", "", "", uint8(0), uint64(0), uint64(1))
	f.Add(100, 17, "x", "y", strings.Repeat("w", 300), "!", uint8(9), uint64(19e6), uint64(0))
	f.Fuzz(func(t *testing.T, width, height int, name, device, problem, typed string, n uint8, rate, used uint64) {
		width, height = width%300, height%120
		b := newBox(t, width, height)
		b.status = manySlices(name, int(n%16), rate, used)
		b.status.Problems = []client.Problem{{What: problem, Do: problem}, {What: device}}
		heavy := client.DeviceTraffic{Bytes: used, UsedBPS: used}
		b.devices.Devices = []client.DeviceStatus{{Device: device, Experience: name, Download: heavy}, {Device: name, Experience: problem}}
		check := func(when string) {
			t.Helper()
			lines := strings.Split(b.m.View().Content, "\n")
			if height > 0 && len(lines) > height {
				t.Errorf("%s: %d lines on %d×%d", when, len(lines), width, height)
			}
			for _, line := range lines {
				if w := ansi.StringWidth(line); w > max(width, 0) {
					t.Errorf("%s: %d columns on %d×%d: %q", when, w, width, height, line)
				}
				if strings.ContainsAny(ansi.Strip(line), "\x1b\u009b\r\t") {
					t.Errorf("%s: a control character gets through: %q", when, line)
				}
			}
		}
		check("at first")
		b.answer(0)
		b.status.Slices[0].Bytes, b.status.Slices[0].Drops = used, used
		b.answer(time.Second)
		check("shown")
		b.press("down", "enter")
		b.m.Update(tea.PasteMsg{Content: typed + name})
		check("typing")
		b.refuse = errors.New(problem)
		b.do("enter")
		check("refused")
		b.fail(time.Second)
		check("away")
		b.press("?")
		check("help")
	})
}

// manySlices is a status with a name of somebody's choice everywhere, and at least one slice.
func manySlices(name string, n int, rate, used uint64) client.Status {
	link := client.LinkStatus{RateBPS: &rate, UsedBPS: used}
	st := client.Status{Uplinks: []client.UplinkStatus{{Name: name, Interface: name, State: name, Download: link, Upload: link}, {Name: "b"}}}
	for i := range n + 1 {
		for _, direction := range directions {
			st.Slices = append(st.Slices, client.SliceStatus{Uplink: name, Direction: direction, Name: fmt.Sprint(name, i), MinBPS: used, MaxBPS: rate})
		}
	}
	return st
}
