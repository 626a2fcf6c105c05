package shaper

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"github.com/slicegate/slicegate/internal/nettest"
)

func whats(problems []Problem) (list []string) {
	for _, p := range problems {
		list = append(list, p.What)
	}
	slices.Sort(list)
	return list
}

// What somebody else made in our places is left as it is, both ways, until the operator says otherwise; teardown puts it back.
func TestForeignRoot(t *testing.T) {
	for _, tt := range []struct {
		name        string
		root        []string // words for tc
		problem     string
		restored    string // "" for what can't be
		notRestored []string
	}{
		{"classless", []string{"handle", "7:", "pfifo", "limit", "77"}, "wan0: foreign root qdisc pfifo 7:", "qdisc pfifo 7: root", nil},
		{
			"with parameters", []string{"handle", "8:", "tbf", "rate", "100mbit", "burst", "20000", "limit", "300000"},
			"wan0: foreign root qdisc tbf 8:", "qdisc tbf 8: root", nil,
		},
		{
			"classful", []string{"handle", "1:", "htb"}, "wan0: foreign root qdisc htb 1:", "",
			[]string{"wan0: root qdisc htb 1: had classes, which are gone: the kernel's default takes its place"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newField(t)
			cfg := fieldConfig(t)
			f.tc(t, append([]string{"qdisc", "add", "dev", "wan0", "root"}, tt.root...)...)
			show := func() string {
				out := f.tc(t, "qdisc", "show", "dev", "wan0")
				return regexp.MustCompile(`direct_packets_stat \d+`).ReplaceAllString(out, "")
			}
			before := show()
			r := f.reconciler(t)
			must(t, r.Set(t.Context(), cfg))
			f.settings(t, cfg)
			if got := show(); got != before {
				t.Errorf("was\n%sis\n%s", before, got)
			}
			if _, err := f.box.Links().LinkByName("ifb-fibre"); err == nil {
				t.Error("the download is shaped")
			}
			if r.State()[0].State != StateForeign || !cmp.Equal(whats(r.Problems()), []string{tt.problem}) {
				t.Errorf("state %+v, problems %+v", r.State(), r.Problems())
			}
			f.flows(t)

			cfg.Uplinks[0].Adopt = true
			must(t, r.Set(t.Context(), cfg))
			if r.State()[0].State != StateShaped || len(r.Problems()) != 0 {
				t.Errorf("adopted: state %+v, problems %+v", r.State(), r.Problems())
			}
			planIsEmpty(t, r, cfg)
			f.flows(t)

			r = f.reconciler(t) // another agent remembers
			cfg.Uplinks[0].Adopt = false
			must(t, r.Set(t.Context(), cfg))
			notRestored, err := r.Teardown(t.Context())
			must(t, err)
			if diff := cmp.Diff(tt.notRestored, notRestored); diff != "" {
				t.Errorf("not restored (-want +got):\n%s", diff)
			}
			got := show()
			if tt.restored != "" && got != before || tt.restored == "" && !strings.Contains(got, " 0: root") {
				t.Errorf("was\n%sis\n%s", before, got)
			}
			f.flows(t)
		})
	}
}

// Once an interface is taken, a root of another that appears in place of ours is drift; after a teardown it is somebody's again.
func TestTakenUntilTeardown(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	must(t, f.reconciler(t).Set(t.Context(), cfg))
	f.tc(t, "qdisc", "replace", "dev", "wan0", "root", "handle", "9:", "pfifo")
	r := f.reconciler(t) // it happened while no agent ran
	must(t, r.Set(t.Context(), cfg))
	planIsEmpty(t, r, cfg)
	if s := r.State()[0].State; s != StateShaped {
		t.Errorf("state %s", s)
	}
	if _, err := r.Teardown(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.tc(t, "qdisc", "replace", "dev", "wan0", "root", "handle", "9:", "pfifo")
	must(t, r.Resume(t.Context()))
	if s := r.State()[0].State; s != StateForeign {
		t.Errorf("after teardown: state %s", s)
	}
}

// What is somebody else's root keeps us from the interface's clsact too: an ingress qdisc that appears later is not drift.
func TestLeftInterfaceIsNotTaken(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	f.tc(t, "qdisc", "add", "dev", "wan0", "root", "handle", "7:", "pfifo")
	r := f.reconciler(t)
	must(t, r.Set(t.Context(), cfg))
	if s := r.State()[0].State; s != StateForeign {
		t.Fatalf("state %s", s)
	}
	f.tc(t, "qdisc", "add", "dev", "wan0", "ingress")
	before := f.tc(t, "qdisc", "show", "dev", "wan0")
	cfg.Uplinks[0].Adopt = true
	must(t, r.Set(t.Context(), cfg))
	if got := f.tc(t, "qdisc", "show", "dev", "wan0"); got != before {
		t.Errorf("was\n%sis\n%s", before, got)
	}
	if diff := cmp.Diff([]string{"wan0: foreign ingress qdisc: the uplink is not shaped"}, whats(r.Problems())); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

// An adopted root goes back when the uplink is given up, or its upload: the plan says so, and so does the result.
func TestRootIsGivenBackWithTheUplink(t *testing.T) {
	for _, tt := range []struct {
		name       string
		root       []string // words for tc
		change     func(*Config)
		last, lost string // the last step, and a problem
	}{
		{"uplink", []string{"handle", "7:", "pfifo", "limit", "77"}, func(c *Config) { c.Uplinks = nil },
			"add qdisc wan0 7: parent root pfifo", ""},
		{"upload", []string{"handle", "8:", "tbf", "rate", "100mbit", "burst", "20000", "limit", "300000"},
			func(c *Config) { c.Uplinks[0].Upload = 0 }, "add qdisc wan0 8: parent root tbf", ""},
		{"classful", []string{"handle", "1:", "htb"}, func(c *Config) { c.Uplinks = nil }, "delete link ifb-fibre type ifb",
			"wan0: root qdisc htb 1: had classes, which are gone: the kernel's default takes its place"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newField(t)
			cfg := fieldConfig(t)
			cfg.Uplinks[0].Adopt = true
			f.tc(t, append([]string{"qdisc", "add", "dev", "wan0", "root"}, tt.root...)...)
			root := func() string {
				first, _, _ := strings.Cut(f.tc(t, "qdisc", "show", "dev", "wan0"), "\n")
				return first
			}
			before := root()
			r := f.reconciler(t)
			must(t, r.Set(t.Context(), cfg))
			tt.change(&cfg)
			p, err := r.Plan(t.Context(), cfg)
			must(t, err)
			did, err := r.Apply(t.Context(), cfg)
			must(t, err)
			planned, done := p.String(), Plan{Steps: did.Done}.String()
			if planned != done || !strings.HasSuffix(planned, tt.last+"\n") {
				t.Errorf("planned\n%sdone\n%swant both to end with %s", planned, done, tt.last)
			}
			var want []string
			if tt.lost != "" {
				want = []string{tt.lost}
			} else if got := root(); got != before {
				t.Errorf("was\n%s\nis\n%s", before, got)
			}
			if !cmp.Equal(whats(p.Problems), want) || !cmp.Equal(whats(did.Problems), want) {
				t.Errorf("planned with %+v, done with %+v, want %q", p.Problems, did.Problems, want)
			}
			planIsEmpty(t, r, cfg)
		})
	}
}

// Plan and Apply name the uplinks that stay without shaping, and why, though there is nothing to do about them.
func TestPlanNamesWhatIsNotShaped(t *testing.T) {
	f := newField(t)
	f.tc(t, "qdisc", "add", "dev", "wan0", "root", "handle", "7:", "pfifo", "limit", "77")
	cfg := fieldConfig(t)
	away := cfg.Uplinks[0]
	away.Name, away.Interface, away.Index = "lte", "wwan0", 1
	cfg.Uplinks = append(cfg.Uplinks, away)
	r := f.reconciler(t)
	must(t, r.Set(t.Context(), cfg))
	p, err := r.Plan(t.Context(), cfg)
	must(t, err)
	did, err := r.Apply(t.Context(), cfg)
	must(t, err)
	want := []Problem{
		{"wan0: foreign root qdisc pfifo 7:", "set adopt = true for uplink fibre to replace it, or remove it"},
		{"wwan0: no such interface (uplink lte)", "plug it in, or correct its name; it is taken up when it appears"},
	}
	if diff := cmp.Diff(want, p.Problems); diff != "" || !p.Empty() {
		t.Errorf("plan\n%s with problems (-want +got):\n%s", p, diff)
	}
	if diff := cmp.Diff(want, did.Problems); diff != "" || len(did.Done) != 0 {
		t.Errorf("did %v with problems (-want +got):\n%s", did.Done, diff)
	}
}

func TestTeardownAndResume(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	before := f.tc(t, "qdisc", "show")
	r := f.reconciler(t)
	run(t, r)
	must(t, r.Set(t.Context(), cfg))
	f.settings(t, cfg)
	s := f.stream(t)
	await(t, "echoes", func() bool { return s.Count() > 20 })
	notRestored, err := r.Teardown(t.Context())
	if err != nil || len(notRestored) != 0 {
		t.Fatal(notRestored, err)
	}
	if got := f.tc(t, "qdisc", "show"); got != before {
		t.Errorf("was\n%sis\n%s", before, got)
	}
	if _, err := f.box.Links().LinkByName("ifb-fibre"); err == nil {
		t.Error("the ifb is there yet")
	}
	if s := r.State()[0].State; s != StatePaused {
		t.Errorf("state %s", s)
	}
	must(t, r.Set(t.Context(), cfg)) // a reload does not shape what was torn down
	if s := r.State()[0].State; s != StatePaused {
		t.Errorf("after a reload: state %s", s)
	}
	must(t, r.Resume(t.Context()))
	if s := r.State()[0].State; s != StateShaped {
		t.Errorf("resumed: state %s", s)
	}
	planIsEmpty(t, r, cfg)
	n := s.Count()
	await(t, "echoes go on", func() bool { return s.Count() > n+20 })
}

// A pause takes away what a teardown would, and forgets nothing that it puts back.
func TestPauseKeepsWhatTeardownPutsBack(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	cfg.Uplinks[0].Adopt = true
	f.tc(t, "qdisc", "add", "dev", "wan0", "root", "handle", "7:", "pfifo", "limit", "77")
	before := f.tc(t, "qdisc", "show")
	r := f.reconciler(t)
	must(t, r.Pause(t.Context())) // before the first Set: keeps that from shaping
	must(t, r.Set(t.Context(), cfg))
	if got := f.tc(t, "qdisc", "show"); got != before || r.State()[0].State != StatePaused {
		t.Errorf("state %s, was\n%sis\n%s", r.State()[0].State, before, got)
	}
	p, err := r.Plan(t.Context(), cfg)
	must(t, err)
	did, err := r.Apply(t.Context(), cfg)
	must(t, err)
	if diff := cmp.Diff(p.String(), Plan{Steps: did.Done}.String()); diff != "" {
		t.Errorf("planned, and not done (-want +got):\n%s", diff)
	}
	f.settings(t, cfg)
	f.flows(t)

	must(t, r.Pause(t.Context()))
	if out := f.tc(t, "qdisc", "show"); strings.Contains(out, "5c1e") || strings.Contains(out, "clsact") || strings.Contains(out, "pfifo 7:") {
		t.Errorf("paused:\n%s", out)
	}
	f.flows(t)
	must(t, r.Resume(t.Context()))
	planIsEmpty(t, r, cfg)
	must(t, r.Pause(t.Context()))
	notRestored, err := f.reconciler(t).Teardown(t.Context()) // another agent remembers
	if err != nil || len(notRestored) != 0 {
		t.Error(notRestored, err)
	}
	if got := f.tc(t, "qdisc", "show"); got != before {
		t.Errorf("was\n%sis\n%s", before, got)
	}
}

// A clsact with somebody else's filter stays, with the filter; the others go.
func TestTeardownLeavesStrangersFilters(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	r := f.reconciler(t)
	must(t, r.Set(t.Context(), cfg))
	f.tc(t, "filter", "add", "dev", "lan0", "ingress", "pref", "9", "protocol", "ip", "u32", "match", "u32", "0", "0")
	must(t, r.Set(t.Context(), cfg))
	want := []string{"lan0: foreign u32 filter at preference 9 of ingress runs after ours, and may overwrite the slice of a packet (tc_index)"}
	if diff := cmp.Diff(want, whats(r.Problems())); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if _, err := r.Teardown(t.Context()); err != nil {
		t.Fatal(err)
	}
	out := f.tc(t, "filter", "show", "dev", "lan0", "ingress")
	if !strings.Contains(out, "pref 9 u32") || strings.Contains(out, "sliced/") {
		t.Errorf("filters of lan0:\n%s", out)
	}
	if out := f.tc(t, "qdisc", "show", "dev", "wan0"); strings.Contains(out, "clsact") {
		t.Errorf("qdiscs of wan0:\n%s", out)
	}
}

func TestStrangersBeforeOursAreNamed(t *testing.T) {
	nettest.Require(t, "tcx")
	f := newField(t)
	cfg := fieldConfig(t)
	r := f.reconciler(t)
	must(t, r.Set(t.Context(), cfg))
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "meddler", Type: ebpf.SchedCLS, License: "GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	})
	must(t, err)
	defer prog.Close()
	must(t, f.box.Links().FilterAdd(&netlink.BpfFilter{
		FilterAttrs: netlink.FilterAttrs{
			LinkIndex: f.link(t, "wan0").Attrs().Index, Parent: netlink.HANDLE_MIN_EGRESS, Priority: 1, Protocol: 3, Handle: 2,
		},
		Fd: prog.FD(), Name: "meddling", DirectAction: true,
	}))
	var tcx link.Link
	err = f.box.Do(func() (err error) {
		tcx, err = link.AttachTCX(link.TCXOptions{
			Interface: f.link(t, "lan0").Attrs().Index, Program: prog, Attach: ebpf.AttachTCXIngress,
		})
		return err
	})
	must(t, err)
	defer tcx.Close()
	must(t, r.Set(t.Context(), cfg))
	want := []string{
		"lan0: foreign tcx program meddler at ingress runs before ours, and may keep packets from it",
		"wan0: foreign bpf filter meddling at preference 1 of egress runs before ours, and may keep packets from it",
	}
	if diff := cmp.Diff(want, whats(r.Problems())); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	planIsEmpty(t, r, cfg)
}

func TestStrangersIfbIsNotTaken(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	must(t, f.box.Links().LinkAdd(&netlink.Ifb{LinkAttrs: netlink.LinkAttrs{Name: "ifb-fibre"}}))
	must(t, f.box.Links().LinkAdd(&netlink.Ifb{LinkAttrs: netlink.LinkAttrs{Name: "ifb-other"}}))
	r := f.reconciler(t)
	must(t, r.Set(t.Context(), cfg))
	if r.State()[0].State != StateForeign || !cmp.Equal(whats(r.Problems()), []string{"ifb-fibre: somebody else's interface has the name of our ifb"}) {
		t.Errorf("state %+v, problems %+v", r.State(), r.Problems())
	}
	if out := f.tc(t, "qdisc", "show", "dev", "wan0"); strings.Contains(out, "htb") || strings.Contains(out, "clsact") {
		t.Errorf("wan0 is not left alone:\n%s", out)
	}
	if _, err := r.Teardown(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.link(t, "ifb-fibre")
	f.link(t, "ifb-other")
}

// An uplink does without an ifb that splits where a stranger has its name, and where none can be made; and has one where it can.
func TestUplinkWithoutSplitter(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	cfg.Uplinks[0].Overhead = Overhead{Bytes: 16}
	f.settings(t, cfg)
	r := f.reconciler(t)
	stranger := &netlink.Ifb{LinkAttrs: netlink.LinkAttrs{Name: "gso-fibre"}}
	must(t, f.box.Links().LinkAdd(stranger))
	must(t, r.Set(t.Context(), cfg))
	f.splits(t, r, cfg, false)
	must(t, f.box.Links().LinkDel(stranger))
	must(t, r.Set(t.Context(), cfg))
	f.splits(t, r, cfg, true)
	_, err := r.Teardown(t.Context())
	must(t, err)

	r = f.reconciler(t)
	r.kernel.fault = noSplitter
	must(t, r.Set(t.Context(), cfg))
	f.splits(t, r, cfg, false)
	r.kernel.fault = nil
	must(t, r.Set(t.Context(), cfg))
	f.splits(t, r, cfg, false)
	r = f.reconciler(t)
	must(t, r.Set(t.Context(), cfg))
	f.splits(t, r, cfg, true)
	r.kernel.fault = noSplitter
	must(t, f.box.Links().LinkSetDown(f.link(t, "gso-fibre")))
	must(t, r.Set(t.Context(), cfg))
	f.splits(t, r, cfg, false)
	if _, err := f.box.Links().LinkByName("gso-fibre"); err == nil {
		t.Error("an ifb that is of no use is left")
	}
}

// splits says whether short superpackets are sent to be split, and that all else is well either way.
func (f *field) splits(t *testing.T, r *Reconciler, cfg Config, want bool) {
	t.Helper()
	planIsEmpty(t, r, cfg)
	if got := strings.Contains(f.tc(t, "filter", "show", "dev", "wan0", "egress"), "gso-fibre"); got != want {
		t.Errorf("splits: %t, want %t", got, want)
	}
	if s := r.State()[0].State; s != StateShaped {
		t.Errorf("state %s", s)
	}
	if told := slices.ContainsFunc(r.Problems(), func(p Problem) bool { return strings.Contains(p.What, "gso-fibre") }); told == want {
		t.Errorf("problems %+v", r.Problems())
	}
	select {
	case <-r.Ready():
	default:
		t.Error("not ready")
	}
	f.flows(t)
}

// noSplitter is a fault: the ifb can be neither made nor mended.
func noSplitter(s Step) error {
	if s.Dev() == "gso-fibre" && s.Op != Delete {
		return errInjected
	}
	return nil
}

// Agents in several namespaces do not meet, and neither do their ifbs of the same name.
func TestAgentsInTwoNamespaces(t *testing.T) {
	a, b := newField(t), newField(t)
	cfg := fieldConfig(t)
	ra, rb := a.reconciler(t), b.reconciler(t)
	run(t, ra)
	run(t, rb)
	must(t, ra.Set(t.Context(), cfg))
	must(t, rb.Set(t.Context(), cfg))
	a.settings(t, cfg)
	b.settings(t, cfg)
	if _, err := ra.Teardown(t.Context()); err != nil {
		t.Fatal(err)
	}
	planIsEmpty(t, rb, cfg)
	b.flows(t)
	a.flows(t)
}

func TestSeveralUplinksFailApart(t *testing.T) {
	f := newField(t)
	must(t, nettest.Veth(f.box, "wan1", f.internet, "eth1"))
	cfg := fieldConfig(t)
	second := cfg.Uplinks[0]
	second.Name, second.Interface, second.Index = "lte", "wan1", 1
	cfg.Uplinks = append(cfg.Uplinks, second)
	r := f.reconciler(t)
	r.kernel.fault = func(s Step) error {
		if s.Group == "fibre" && s.Kind() == "class" {
			return errInjected
		}
		return nil
	}
	if err := r.Set(t.Context(), cfg); err == nil {
		t.Fatal("no error")
	}
	states := map[string]string{}
	for _, s := range r.State() {
		states[s.Name] = s.State
	}
	if diff := cmp.Diff(map[string]string{"fibre": StateFailed, "lte": StateShaped}, states); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	r.kernel.fault = nil
	must(t, r.Set(t.Context(), cfg))
	planIsEmpty(t, r, cfg)
	f.settings(t, cfg)
	f.flows(t)
}

// Where it can't be written down what was there, nothing is taken; and what is ours already is healed all the same.
func TestMemoryThatCanNotBeWritten(t *testing.T) {
	f := newField(t)
	must(t, nettest.Veth(f.box, "wan1", f.internet, "eth1"))
	cfg := fieldConfig(t)
	r := f.reconciler(t)
	must(t, r.Set(t.Context(), cfg))
	f.settings(t, cfg)
	must(t, os.RemoveAll(f.dir))
	before := f.tc(t, "qdisc", "show", "dev", "wan1")
	f.tc(t, "qdisc", "del", "dev", "wan0", "root")
	second := cfg.Uplinks[0]
	second.Name, second.Interface, second.Index = "lte", "wan1", 1
	cfg.Uplinks = append(cfg.Uplinks, second)
	err := r.Set(t.Context(), cfg)
	if err == nil || !strings.Contains(err.Error(), "write taken roots: ") {
		t.Errorf("set: %v", err)
	}
	states := map[string]string{}
	for _, s := range r.State() {
		states[s.Name] = s.State
	}
	if diff := cmp.Diff(map[string]string{"fibre": StateShaped, "lte": StateFailed}, states); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	if p := r.Problems(); len(p) != 1 || !strings.HasPrefix(p[0].What, "add qdisc wan1 ") || !strings.Contains(p[0].What, "write taken roots: ") ||
		!strings.HasPrefix(p[0].Do, "make room in the state directory") {
		t.Errorf("problems %+v", p)
	}
	if got := f.tc(t, "qdisc", "show", "dev", "wan1"); got != before {
		t.Errorf("was\n%sis\n%s", before, got)
	}
	if out := f.tc(t, "qdisc", "show", "dev", "wan0"); !strings.Contains(out, "htb 5c1e: root") {
		t.Errorf("not healed:\n%s", out)
	}
	must(t, os.Mkdir(f.dir, 0o755))
	must(t, r.Set(t.Context(), cfg))
	planIsEmpty(t, r, cfg)
	f.flows(t)
}

// What is given back is forgotten when that is written down, and not before.
func TestReleaseThatCanNotBeWritten(t *testing.T) {
	f := newField(t)
	cfg := fieldConfig(t)
	cfg.Uplinks[0].Adopt = true
	f.tc(t, "qdisc", "add", "dev", "wan0", "root", "handle", "7:", "pfifo", "limit", "77")
	r := f.reconciler(t)
	must(t, r.Set(t.Context(), cfg))
	path := r.roots.path
	r.roots.path = filepath.Join(f.dir, "nowhere", "roots.json")
	cfg.Uplinks = nil
	must(t, r.Set(t.Context(), cfg))
	if out := f.tc(t, "qdisc", "show", "dev", "wan0"); !strings.Contains(out, "qdisc pfifo 7: root") {
		t.Errorf("not put back:\n%s", out)
	}
	f.tc(t, "qdisc", "replace", "dev", "wan0", "root", "handle", "8:", "pfifo", "limit", "88") // theirs, by now
	must(t, r.Set(t.Context(), cfg))
	r.roots.path = path
	must(t, r.Set(t.Context(), cfg))
	onDisk, err := loadRoots(f.dir)
	must(t, err)
	if onDisk.isTaken("wan0") || r.roots.isTaken("wan0") {
		t.Error("wan0 is taken yet")
	}
	if out := f.tc(t, "qdisc", "show", "dev", "wan0"); !strings.Contains(out, "qdisc pfifo 8: root") {
		t.Errorf("put back again:\n%s", out)
	}
}
