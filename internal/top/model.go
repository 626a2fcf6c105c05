package top

import (
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/slicegate/slicegate/internal/api/client"
)

// Model is the screen's state. It implements tea.Model.
type Model struct {
	agent         Agent
	width, height int

	status  client.Status
	known   bool // there is a status
	devices []client.DeviceStatus
	noList  error // why there are no devices
	figures figures
	lost    error // why the agent does not answer; nil while it does
	lostAt  time.Time
	now     time.Time // of the last answer, or of none

	polling bool // a question is under way
	stale   bool // and what it will show is older than a change: ask again

	uplink string // the one on the screen
	cursor rowKey // the chosen slice
	bound  bound  // and which of its bounds the keys change
	typed  *entry
	help   bool

	pending []change           // the first is under way
	wanted  map[target]float64 // percent that pending and just answered changes ask for
	answer  answer
}

// answer is the agent's word on the last change.
type answer struct {
	text    string
	refused bool
	at      time.Time
}

// answerShown is how long an answer stays.
const answerShown = 15 * time.Second

// New makes a screen that shows what agent says.
func New(agent Agent) *Model {
	return &Model{agent: agent, figures: make(figures), wanted: make(map[target]float64), bound: maxBound, polling: true}
}

// Init asks for the first status.
func (m *Model) Init() tea.Cmd { return tea.Batch(poll(m.agent), tick()) }

// Update takes in what happened.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case ticked:
		return m, tea.Batch(m.ask(), tick())
	case polled:
		return m, m.take(msg)
	case changed:
		return m, m.answered(msg)
	case tea.PasteMsg:
		m.write(msg.Content)
	case tea.KeyPressMsg:
		return m, m.press(msg)
	}
	return m, nil
}

// ask polls the agent, unless a question is under way.
func (m *Model) ask() tea.Cmd {
	if m.polling {
		return nil
	}
	m.polling = true
	return poll(m.agent)
}

// take makes an answer of the agent the state of the screen.
func (m *Model) take(p polled) tea.Cmd {
	m.polling, m.now = false, p.at
	if len(m.pending) == 0 && m.now.Sub(m.answer.at) > answerShown {
		m.answer = answer{}
	}
	if p.err != nil {
		if m.lost == nil {
			m.lostAt = p.at
		}
		m.lost = p.err
		m.figures.gap()
		return nil
	}
	m.lost, m.known = nil, true
	m.status, m.devices, m.noList = cleanStatus(p.status), cleanDevices(p.devices), p.noDevices
	m.figures.take(p.at, m.status.Slices)
	m.keepChoice()
	m.keepEntry()
	if m.stale {
		m.stale = false
		return m.ask()
	}
	if len(m.pending) == 0 {
		clear(m.wanted)
	}
	return nil
}

// keepChoice moves the choice off what is no longer there: to the same slice in the other direction, or to the first.
func (m *Model) keepChoice() {
	if _, ok := m.current(); !ok && len(m.status.Uplinks) > 0 {
		m.uplink = m.status.Uplinks[0].Name
	}
	rows := m.rows()
	if len(rows) == 0 || m.chosen(rows) >= 0 {
		return
	}
	same := func(s client.SliceStatus) bool { return s.Name == m.cursor.slice }
	m.cursor = keyOf(rows[max(slices.IndexFunc(rows, same), 0)])
}

// current gives the uplink on the screen.
func (m *Model) current() (client.UplinkStatus, bool) {
	for _, u := range m.status.Uplinks {
		if u.Name == m.uplink {
			return u, true
		}
	}
	return client.UplinkStatus{}, false
}

// rows gives the slices on the screen, from top to bottom. A direction that is not shaped has none.
func (m *Model) rows() []client.SliceStatus {
	u, _ := m.current()
	var rows []client.SliceStatus
	for _, direction := range directions {
		if linkOf(u, direction).RateBPS == nil {
			continue
		}
		for _, s := range m.status.Slices {
			if s.Uplink == m.uplink && s.Direction == direction {
				rows = append(rows, s)
			}
		}
	}
	return rows
}

// chosen gives the place of the chosen slice in rows, or -1.
func (m *Model) chosen(rows []client.SliceStatus) int {
	for i, s := range rows {
		if keyOf(s) == m.cursor {
			return i
		}
	}
	return -1
}

// directions are both, in the screen's order.
var directions = [...]string{client.Down, client.Up}

func linkOf(u client.UplinkStatus, direction string) client.LinkStatus {
	if direction == client.Up {
		return u.Upload
	}
	return u.Download
}
