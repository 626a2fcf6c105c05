package scenario

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/slicegate/slicegate/internal/demo"
	"github.com/slicegate/slicegate/internal/nettest"
)

// Treatment is one way of shaping the box's uplink.
type Treatment struct {
	Name  string
	apply func(ctx context.Context, box *demo.Host, rate int) (undo func() error, err error)
}

// Treatments are what is compared: ours, and what people use instead. Cake's isolation is by device, behind NAT, as its users
// set it at home.
var Treatments = slices.Concat(rivals, []Treatment{{"ours", bySliced(demo.Settings{})}})

// rivals are the treatments that aren't ours.
var rivals = []Treatment{
	{"nothing", func(context.Context, *demo.Host, int) (func() error, error) { return func() error { return nil }, nil }},
	{"fq_codel", byTC(
		"qdisc add dev %dev root handle 1: tbf rate %rate burst 1614 limit 10mb",
		"qdisc add dev %dev parent 1:1 handle 2: fq_codel",
	)},
	{"cake besteffort", byTC("qdisc add dev %dev root cake bandwidth %rate besteffort nat %isolation")},
	{"cake diffserv4", byTC("qdisc add dev %dev root cake bandwidth %rate diffserv4 nat %isolation")},
}

// Shaper interfaces: the uplink sends what goes up, and what comes down goes through an ifb first.
const ifb = "ifb-lab"

// byTC shapes both ways with the same commands. %isolation is cake's by device of the venue, and %counting has it count what it drops of
// what comes down.
func byTC(commands ...string) func(context.Context, *demo.Host, int) (func() error, error) {
	return func(_ context.Context, box *demo.Host, rate int) (func() error, error) {
		steps := [][]string{
			{"ip", "link add " + ifb + " type ifb"},
			{"ip", "link set " + ifb + " up"},
			{"tc", "qdisc add dev " + demo.UplinkInterface + " clsact"},
			{"tc", "filter add dev " + demo.UplinkInterface + " ingress matchall action mirred egress redirect dev " + ifb},
		}
		for _, on := range []struct{ dev, isolation, counting string }{
			{demo.UplinkInterface, "dual-srchost", "egress"}, {ifb, "dual-dsthost", "ingress"},
		} {
			values := strings.NewReplacer("%dev", on.dev, "%rate", fmt.Sprintf("%dbit", rate), "%isolation", on.isolation, "%counting", on.counting)
			for _, command := range commands {
				steps = append(steps, []string{"tc", values.Replace(command)})
			}
		}
		for _, step := range steps {
			if err := run(box.NS, step[0], step[1]); err != nil {
				return nil, err
			}
		}
		return func() error { return nil }, nil
	}
}

func run(ns *nettest.NS, program, arguments string) error {
	_, err := ns.Output(program, strings.Fields(arguments)...)
	return err
}

// bySliced runs the agent as on a real box, with the reference configuration's slices. The settings are what is said beyond that;
// their rates are not.
func bySliced(settings demo.Settings) func(context.Context, *demo.Host, int) (func() error, error) {
	return func(ctx context.Context, box *demo.Host, rate int) (func() error, error) {
		_, undo, err := startSliced(ctx, box, settings, rate)
		return undo, err
	}
}

// ours is the agent as a treatment, with a way to it for who asks it, kills it or starts it anew.
func ours(name string, settings demo.Settings, agent **demo.Agent) Treatment {
	return Treatment{name, func(ctx context.Context, box *demo.Host, rate int) (undo func() error, err error) {
		*agent, undo, err = startSliced(ctx, box, settings, rate)
		return undo, err
	}}
}

func startSliced(ctx context.Context, box *demo.Host, settings demo.Settings, rate int) (*demo.Agent, func() error, error) {
	settings.Upload, settings.Download = rate, rate
	dir, err := os.MkdirTemp("", "slicegate-scenario-")
	if err != nil {
		return nil, nil, err
	}
	tidy := func() error { return os.RemoveAll(dir) }
	agent, err := demo.NewAgentAt(box, "sliced", dir, settings)
	if err == nil {
		err = agent.Start(ctx)
	}
	if err != nil {
		return nil, nil, errors.Join(err, tidy())
	}
	return agent, func() error { return errors.Join(agent.Stop(), tidy()) }, nil
}
