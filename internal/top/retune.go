package top

import (
	"fmt"
	"math"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/slicegate/slicegate/internal/api/client"
)

// bound is one of a slice's two.
type bound bool

const (
	minBound bound = false
	maxBound bound = true
)

func (b bound) String() string {
	if b == minBound {
		return "min"
	}
	return "max"
}

// of gives this bound of a slice in bit/s.
func (b bound) of(s client.SliceStatus) uint64 {
	if b == minBound {
		return s.MinBPS
	}
	return s.MaxBPS
}

// target is a bound of a slice on an uplink: of both directions, as slices are configured.
type target struct {
	uplink, slice string
	bound         bound
}

// change is what the agent is asked to do.
type change struct {
	target        // of a reset, the bound is not looked at, and no uplink stands for all of them
	value  string // as the configuration writes it; "" takes the slice's live changes back
}

func (c change) String() string {
	where := "on " + c.uplink
	if c.uplink == "" {
		where = "on all uplinks"
	}
	if c.value == "" {
		return fmt.Sprintf("%s as the file says %s", c.slice, where)
	}
	return fmt.Sprintf("%s %s %s %s, both directions", c.slice, c.bound, c.value, where)
}

// replaces tells whether nobody misses p when c is done.
func (c change) replaces(p change) bool {
	return p.target == c.target && (p.value == "") == (c.value == "")
}

// ready tells whether there is a slice to change.
func (m *Model) ready() bool { return m.chosen(m.rows()) >= 0 }

func (m *Model) target() target { return target{m.cursor.uplink, m.cursor.slice, m.bound} }

// step changes the chosen bound by a step, up or down.
func (m *Model) step(direction int) tea.Cmd {
	if !m.ready() {
		return nil
	}
	now, ok := m.wanted[m.target()]
	if !ok {
		now = m.percent(m.rows()[m.chosen(m.rows())], m.bound)
	}
	next := stepped(now, direction)
	if next == now {
		m.answer = answer{at: m.now, text: fmt.Sprintf("%s %s is at %.0f%% of the link: no further", m.cursor.slice, m.bound, now)}
		return nil
	}
	m.wanted[m.target()] = next
	return m.enqueue(change{m.target(), fmt.Sprintf("%.0f%%", next)})
}

// percent gives a bound as a share of the link.
func (m *Model) percent(s client.SliceStatus, b bound) float64 {
	u, _ := m.current()
	link := linkOf(u, s.Direction).RateBPS
	if link == nil || *link == 0 {
		return 0
	}
	return 100 * float64(b.of(s)) / float64(*link)
}

// stepped gives the next multiple of 5 % of the link, and of 1 % below that. Steps end at 1 and 100.
func stepped(percent float64, direction int) float64 {
	percent = math.Round(percent*100) / 100 // bit/s are whole, shares of them need not be
	width := 5.0
	if percent < 5 || percent == 5 && direction < 0 {
		width = 1
	}
	if direction > 0 {
		percent = (math.Floor(percent/width) + 1) * width
	} else {
		percent = (math.Ceil(percent/width) - 1) * width
	}
	return min(max(percent, 1), 100)
}

// set asks for a value that was typed.
func (m *Model) set(of target, value string) tea.Cmd {
	delete(m.wanted, of)
	return m.enqueue(change{of, value})
}

// reset takes back the live changes of the chosen slice: on this uplink, or everywhere.
func (m *Model) reset(everywhere bool) tea.Cmd {
	if !m.ready() {
		return nil
	}
	clear(m.wanted)
	c := change{target: target{uplink: m.cursor.uplink, slice: m.cursor.slice}}
	if everywhere {
		c.uplink = ""
	}
	return m.enqueue(c)
}

// enqueue sends a change, or lets it wait for the one that is under way.
func (m *Model) enqueue(c change) tea.Cmd {
	m.answer = answer{at: m.now, text: "asking for " + c.String()}
	if len(m.pending) == 0 {
		m.pending = []change{c}
		return send(m.agent, c)
	}
	waiting := slices.DeleteFunc(m.pending[1:], c.replaces)
	m.pending = append(m.pending[:1+len(waiting)], c)
	return nil
}

// answered shows what became of a change, and sends the next.
func (m *Model) answered(done changed) tea.Cmd {
	m.pending = m.pending[1:]
	switch {
	case done.err != nil:
		why := strings.TrimPrefix(done.err.Error(), client.ErrInvalid.Error()+": ")
		m.answer = answer{at: m.now, text: fmt.Sprintf("not done, %s: %s", done.change, oneLine(why)), refused: true}
		m.pending = nil // they were pressed in the belief that this one would do
		clear(m.wanted)
	case len(m.pending) == 0:
		m.answer = answer{at: m.now, text: "done: " + done.change.String()}
	}
	if len(m.pending) > 0 {
		return send(m.agent, m.pending[0])
	}
	m.stale = m.polling
	return m.ask()
}

// oneLine makes one line of an error that lists several mistakes.
func oneLine(s string) string {
	return client.Printable(strings.ReplaceAll(strings.TrimSpace(s), "\n", "; "))
}
