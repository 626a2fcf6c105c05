package doctor

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"github.com/slicegate/slicegate/internal/nettest"
)

// field is a gateway in a namespace, with the ends of its cables in others.
type field struct {
	box, outside *nettest.NS
	cfg          Config
}

// newField makes a box that lacks nothing but what the kernel lacks.
func newField(t *testing.T) *field {
	t.Helper()
	nettest.Require(t, "root", "netns", "veth", "htb", "tbf", "ifb", "clsact", "bpf", "nft")
	f := &field{box: nettest.NewT(t), outside: nettest.NewT(t), cfg: Config{
		Venues:     []string{"lan0"},
		Uplinks:    []Uplink{{Name: "fibre", Interface: "wan0", FQCoDel: true}},
		MarkMask:   0xff000000,
		StateDir:   t.TempDir(),
		Root:       0x5c1e0000,
		OurFilter:  func(name string) bool { return strings.HasPrefix(name, "sliced/") },
		Load:       func() error { return nil },
		MeasureNow: func() error { return nil },
	}}
	must(t, nettest.Veth(f.box, "lan0", f.outside, "guest"))
	must(t, nettest.Veth(f.box, "wan0", f.outside, "internet"))
	must(t, f.box.Forward())
	return f
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sh runs a shell's command in the box.
func (f *field) sh(t *testing.T, command string) {
	t.Helper()
	if _, err := f.box.Output("sh", "-ec", command); err != nil {
		t.Fatal(err)
	}
}

func (f *field) link(t *testing.T, name string) netlink.Link {
	t.Helper()
	link, err := f.box.Links().LinkByName(name)
	must(t, err)
	return link
}

// examine gives what the doctor says of the box.
func (f *field) examine(t *testing.T) (answers []Check) {
	t.Helper()
	must(t, f.box.Do(func() (err error) {
		answers, err = Examine(f.cfg)
		return err
	}))
	return answers
}

// examineAs does after a box was opened and changed, for what can't be provoked here.
func (f *field) examineAs(t *testing.T, change func(*box)) (answers []Check) {
	t.Helper()
	must(t, f.box.Do(func() error {
		b, err := open(f.cfg)
		if err != nil {
			return err
		}
		defer b.close()
		change(b)
		answers = b.examine(checks())
		return nil
	}))
	return answers
}

// faults gives what is wrong, but for a lack of fq_codel where the kernel truly lacks it.
func faults(t *testing.T, answers []Check) []string {
	t.Helper()
	list := []string{}
	for _, c := range answers {
		if c.What == "" || (c.Do == "") != c.OK {
			t.Errorf("%+v: want what is said always, and what to do where it is not ok", c)
		}
		if !c.OK && (c.Name != "fq_codel" || nettest.Have("fq_codel") == nil) {
			list = append(list, c.Name+": "+c.What)
		}
	}
	return list
}

// advice is what the doctor says to do about the first fault.
func advice(answers []Check, name string) string {
	i := slices.IndexFunc(answers, func(c Check) bool { return !c.OK && c.Name == name })
	if i < 0 {
		return ""
	}
	return answers[i].Do
}

func TestHealthyBox(t *testing.T) {
	f := newField(t)
	answers := f.examine(t)
	if got := faults(t, answers); len(got) > 0 {
		t.Errorf("a healthy box has faults:\n%s", strings.Join(got, "\n"))
	}
	var names []string
	for _, c := range answers {
		names = append(names, c.Name)
	}
	want := []string{
		"rights", "kernel", "clock", "state-directory",
		"htb", "tbf", "ifb", "clsact", "cls_bpf", "mirred", "programs", "delay", "fq_codel",
		"interfaces", "root-qdisc", "filters", "tcx", "mtu", "overhead",
		"flowtable", "hw-tc-offload", "xdp", "forwarding", "bridge", "packet-marks",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
}

// Where the kernel lacks fq_codel, the doctor says so, as nettest does.
func TestFQCoDelIsFoundOut(t *testing.T) {
	f := newField(t)
	for _, c := range f.examine(t) {
		if c.Name == "fq_codel" && c.OK != (nettest.Have("fq_codel") == nil) {
			t.Errorf("%+v, but the kernel: %v", c, nettest.Have("fq_codel"))
		}
	}
}

// A box without configuration is asked for nothing that has to do with interfaces.
func TestNoConfiguration(t *testing.T) {
	f := newField(t)
	f.cfg.Venues, f.cfg.Uplinks = nil, nil
	must(t, f.box.Sysctl("net.ipv4.ip_forward", "0"))
	answers := f.examine(t)
	if got := faults(t, answers); len(got) > 0 {
		t.Error(got)
	}
	if !slices.ContainsFunc(answers, func(c Check) bool { return c.Name == "fq_codel" }) {
		t.Error("nobody asked for fq_codel")
	}
}

// The doctor leaves the box as it was.
func TestNothingIsLeftBehind(t *testing.T) {
	f := newField(t)
	look := func() string {
		t.Helper()
		links, err := f.box.Output("sh", "-c", "ip -o link; tc qdisc show; nft list ruleset; sysctl -a 2>/dev/null | grep forward")
		must(t, err)
		return links
	}
	before := look()
	f.examine(t)
	if diff := cmp.Diff(before, look()); diff != "" {
		t.Errorf("changed (-before +after):\n%s", diff)
	}
}

// One check that can't look says so, and the others go on.
func TestCheckThatCannotLook(t *testing.T) {
	f := newField(t)
	broken := errors.New("no such luck")
	answers := f.examineAs(t, func(b *box) {
		b.features = func(string) (map[string]bool, error) { return nil, broken }
	})
	want := []string{fmt.Sprintf("hw-tc-offload: could not look: %v", broken)}
	if diff := cmp.Diff(want, faults(t, answers)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
