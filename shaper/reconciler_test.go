package shaper

import (
	"strings"
	"testing"
)

func TestFirstApplyShapesBothWays(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	r := f.reconciler(t)
	must(t, r.Set(t.Context(), cfg))
	f.settings(t, cfg)
	select {
	case <-r.Ready():
	default:
		t.Error("not ready after the first apply")
	}
	planIsEmpty(t, r, cfg)
	f.flows(t)
	for _, dev := range []string{"wan0", "ifb-fibre"} {
		t.Logf("%s\n%s%s%s", dev, f.tc(t, "-s", "qdisc", "show", "dev", dev), f.tc(t, "-s", "class", "show", "dev", dev),
			f.tc(t, "-s", "filter", "show", "dev", dev, "egress"))
	}
	t.Log(f.tc(t, "-s", "filter", "show", "dev", "wan0", "ingress"))
	t.Log(f.tc(t, "-s", "filter", "show", "dev", "lan0", "ingress"))
	state := r.State()
	if len(state) != 1 || state[0].State != StateShaped || state[0].Ifindex != f.link(t, "wan0").Attrs().Index ||
		state[0].IfbIndex != f.link(t, "ifb-fibre").Attrs().Index {
		t.Errorf("state %+v", state)
	}
	if p := r.Problems(); len(p) != 0 {
		t.Errorf("problems %+v", p)
	}
	if a := f.link(t, "ifb-fibre").Attrs().Alias; a != ifbAlias {
		t.Errorf("alias of the ifb is %q", a)
	}
	if !strings.Contains(f.tc(t, "class", "show", "dev", "wan0"), "class htb 5c1e:13 parent 5c1e:22 leaf 5c23: prio 2") {
		t.Error("tree")
	}
}
