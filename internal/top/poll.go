package top

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/slicegate/slicegate/internal/api/client"
)

const (
	// every is how often the agent is asked; a sparkline has a mark for each answer.
	every = time.Second
	// pollTimeout is when an agent that does not answer counts as away.
	pollTimeout = 3 * time.Second
	// mostDevices is how many devices the agent is asked for.
	mostDevices = 20
)

// Agent is what the screen asks. *client.Client is one.
type Agent interface {
	Status(ctx context.Context) (client.Status, error)
	Devices(ctx context.Context, most int) (client.Devices, error)
	SetSlice(ctx context.Context, c client.SliceChange) error
	ResetSlice(ctx context.Context, name, uplink string) error
}

// ticked says that it is time to ask again.
type ticked struct{}

func tick() tea.Cmd {
	return tea.Tick(every, func(time.Time) tea.Msg { return ticked{} })
}

// polled is an answer of the agent, or why there is none.
type polled struct {
	at        time.Time
	status    client.Status
	devices   client.Devices
	noDevices error // an agent of an earlier release has no list of them
	err       error
}

func poll(agent Agent) tea.Cmd {
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(context.Background(), pollTimeout)
		defer cancel()
		var p polled
		p.status, p.err = agent.Status(ctx)
		p.at = time.Now() // of the counters: close to when they were read
		if p.err == nil {
			p.devices, p.noDevices = agent.Devices(ctx, mostDevices)
		}
		return p
	}
}

// changed is the agent's answer to a change.
type changed struct {
	change change
	err    error
}

// send carries a change to the agent. It has no time of its own: the client gives up, later than the agent does.
func send(agent Agent, c change) tea.Cmd {
	return func() tea.Msg {
		ctx := context.Background()
		if c.value == "" {
			return changed{c, agent.ResetSlice(ctx, c.slice, c.uplink)}
		}
		set := client.SliceChange{Name: c.slice, Uplink: c.uplink}
		if c.bound == minBound {
			set.Min = c.value
		} else {
			set.Max = c.value
		}
		return changed{c, agent.SetSlice(ctx, set)}
	}
}
