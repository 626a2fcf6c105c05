package top

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/internal/api/client"
)

var update = flag.Bool("update", false, "rewrite golden files")

// box is a made-up agent, and the screen that watches it. Time passes when it is told to.
type box struct {
	t       *testing.T
	m       *Model
	at      time.Time
	status  client.Status
	devices client.Devices
	noList  error
	refuse  error    // of changes
	calls   []string // changes that were asked for
}

func (b *box) Status(context.Context) (client.Status, error) { return b.status, nil }

func (b *box) Devices(context.Context, int) (client.Devices, error) { return b.devices, b.noList }

func (b *box) SetSlice(_ context.Context, c client.SliceChange) error {
	b.calls = append(b.calls, fmt.Sprintf("set %s on %s: min=%s max=%s", c.Name, c.Uplink, c.Min, c.Max))
	return b.refuse
}

func (b *box) ResetSlice(_ context.Context, name, uplink string) error {
	b.calls = append(b.calls, fmt.Sprintf("reset %s on %q", name, uplink))
	return b.refuse
}

func newBox(t *testing.T, width, height int) *box {
	b := &box{t: t, at: time.Unix(1_800_000_000, 0), status: venue()}
	b.m = New(b)
	b.m.Update(tea.WindowSizeMsg{Width: width, Height: height})
	return b
}

// venue is a box with two uplinks, of which one has no interface.
func venue() client.Status {
	rate := func(r uint64) client.LinkStatus { return client.LinkStatus{RateBPS: &r} }
	st := client.Status{Uplinks: []client.UplinkStatus{
		{Name: "fibre", Interface: "eth0", State: client.Shaped, Download: rate(95e6), Upload: rate(19e6)},
		{Name: "lte", Interface: "wwan0", State: "waiting", Upload: rate(4e6)},
	}}
	shares := []struct {
		name     string
		min, max uint64
	}{{"signalling", 5, 20}, {"realtime", 50, 80}, {"media", 30, 100}, {"telemetry", 5, 100}}
	for _, u := range st.Uplinks {
		for _, direction := range []string{client.Up, client.Down} {
			for _, s := range shares {
				row := client.SliceStatus{Uplink: u.Name, Direction: direction, Name: s.name}
				if link := linkOf(u, direction).RateBPS; link != nil {
					row.MinBPS, row.MaxBPS = *link*s.min/100, *link*s.max/100
				}
				st.Slices = append(st.Slices, row)
			}
		}
	}
	return st
}

// row finds a slice of fibre.
func (b *box) row(direction, name string) *client.SliceStatus {
	for i, s := range b.status.Slices {
		if s.Uplink == "fibre" && s.Direction == direction && s.Name == name {
			return &b.status.Slices[i]
		}
	}
	b.t.Fatalf("no slice %s %s", direction, name)
	return nil
}

// answer lets some time pass, and the agent answer.
func (b *box) answer(after time.Duration) {
	b.at = b.at.Add(after)
	b.m.Update(polled{at: b.at, status: b.copied(), devices: b.devices, noDevices: b.noList})
}

// copied is the status as a new answer has it: the screen keeps nothing of the box's own.
func (b *box) copied() client.Status {
	st := b.status
	st.Uplinks = append([]client.UplinkStatus(nil), st.Uplinks...)
	st.Slices = append([]client.SliceStatus(nil), st.Slices...)
	st.Problems = append([]client.Problem(nil), st.Problems...)
	return st
}

// fail lets some time pass, and nobody answer.
func (b *box) fail(after time.Duration) {
	b.at = b.at.Add(after)
	b.m.Update(polled{at: b.at, err: errors.New("agent is not reachable: nobody listens on /run/sliced/sliced.sock: is sliced running?")})
}

// press types keys one after the other, and gives the last one's command.
func (b *box) press(keys ...string) (cmd tea.Cmd) {
	special := map[string]rune{
		"up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "right": tea.KeyRight, "tab": tea.KeyTab,
		"enter": tea.KeyEnter, "esc": tea.KeyEscape, "backspace": tea.KeyBackspace,
	}
	for _, k := range keys {
		key := tea.KeyPressMsg{Code: special[k]}
		if key.Code == 0 {
			key = tea.KeyPressMsg{Code: []rune(k)[0], Text: k}
		}
		_, cmd = b.m.Update(key)
	}
	return cmd
}

// do is press, and lets the agent do what is asked.
func (b *box) do(keys ...string) {
	for cmd := b.press(keys...); cmd != nil; {
		msg, ok := cmd().(changed)
		if !ok {
			return // it asks for the status; the test answers that
		}
		_, cmd = b.m.Update(msg)
	}
}

func (b *box) screen() string {
	var lines []string
	for line := range strings.Lines(b.m.View().Content) {
		lines = append(lines, strings.TrimRight(ansi.Strip(line), " \n"))
	}
	return strings.Join(lines, "\n") + "\n"
}

func (b *box) shows(words ...string) {
	b.t.Helper()
	for _, w := range words {
		if screen := b.screen(); !strings.Contains(screen, w) {
			b.t.Errorf("no %q on\n%s", w, screen)
		}
	}
}

// golden compares the screen with a file.
func (b *box) golden(name string) {
	b.t.Helper()
	path := filepath.Join("testdata", name+".txt")
	got := b.screen()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		b.t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		b.t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// busy is half a minute of a venue: a download that fills its slice, a call, and an upload that borrows.
func (b *box) busy() {
	b.answer(0)
	for i := range 30 {
		b.row(client.Down, "media").Bytes += uint64(min(i, 24)) * 95e6 / 24 / 8
		b.row(client.Down, "media").Drops += uint64(i / 10)
		b.row(client.Down, "realtime").Bytes += 250e3
		b.row(client.Up, "realtime").Bytes += 250e3 + uint64(i%3)*50e3
		b.row(client.Up, "media").Bytes += 1e6
		b.row(client.Up, "signalling").Bytes += 200
		b.status.Uplinks[0].Download.UsedBPS, b.status.Uplinks[0].Upload.UsedBPS = 97e6, 10.3e6
		if i == 12 {
			b.fail(time.Second)
		}
		b.answer(time.Second)
	}
	b.row(client.Down, "media").DelayUS = &client.DelayStatus{P50: 29_700, P99: 34_800, Max: 41_000}
	b.row(client.Down, "realtime").DelayUS = &client.DelayStatus{P50: 3, P99: 420, Max: 1200}
	b.row(client.Down, "realtime").Devices = 12
	b.answer(0)
}

func (b *box) crowd() {
	device := func(name, who string, down, up uint64) client.DeviceStatus {
		return client.DeviceStatus{Device: name, Experience: who,
			Download: client.DeviceTraffic{Bytes: down * 20, UsedBPS: down}, Upload: client.DeviceTraffic{Bytes: up * 20, UsedBPS: up}}
	}
	b.devices.Devices = []client.DeviceStatus{
		device("02:00:00:00:00:01", "stall-4", 80e6, 1e6), device("2001:db8:1234:5678::/64", "", 9e6, 4e6), device("10.9.4.7", "stage", 1000, 0),
	}
	b.status.Problems = []client.Problem{
		{What: "wwan0: no such interface (uplink lte)", Do: "plug it in, or correct its name; it is taken up when it appears"},
		{What: "fibre: the filter\nof another program, \x1b[2Jevil, is before ours", Do: ""},
	}
}
