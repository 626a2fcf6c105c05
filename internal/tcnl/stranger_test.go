package tcnl_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/internal/tcnl"
)

// Each of the others is named once, whatever entries the kernel lists for it; ours and what no packet comes to are not.
func TestStrangers(t *testing.T) {
	ingress := func(pref uint16, kind string, handle uint32, name string) tcnl.Filter {
		return tcnl.Filter{Parent: tcnl.HookIngress, Pref: pref, Kind: kind, Handle: handle, BPF: tcnl.BPF{Name: name}}
	}
	elsewhere := ingress(3, "u32", 0x800, "")
	elsewhere.Chain = 7
	filters := []tcnl.Filter{
		ingress(1, "bpf", 0, ""), ingress(1, "bpf", 1, "ours"), ingress(1, "bpf", 2, "meddling"),
		ingress(2, "bpf", 0, ""), elsewhere, ingress(9, "u32", 0, ""), ingress(9, "u32", 0x800, ""),
	}
	want := []tcnl.Stranger{
		{Dev: "wan0", Hook: tcnl.HookIngress, Pref: 1, Kind: "bpf", Name: "meddling"},
		{Dev: "wan0", Hook: tcnl.HookIngress, Pref: 9, Kind: "u32"},
	}
	got := tcnl.Strangers("wan0", filters, func(f tcnl.Filter) bool { return f.BPF.Name == "ours" })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReportSaysWhatToDo(t *testing.T) {
	for _, tt := range []struct {
		name     string
		stranger tcnl.Stranger
		what, do string
	}{
		{
			"before", tcnl.Stranger{Dev: "wan0", Hook: tcnl.HookEgress, Pref: 1, Kind: "bpf", Name: "meddling"},
			"wan0: foreign bpf filter meddling at preference 1 of egress runs before ours, and may keep packets from it",
			"have its owner give it a preference above 1, or: tc filter del dev wan0 egress pref 1",
		},
		{
			"after", tcnl.Stranger{Dev: "lan0", Hook: tcnl.HookIngress, Pref: 2, Kind: "u32"},
			"lan0: foreign u32 filter at preference 2 of ingress runs after ours, and may overwrite the slice of a packet (tc_index)",
			`have it answer "unspec" or "continue", which does no harm, or: tc filter del dev lan0 ingress pref 2`,
		},
		{
			"tcx", tcnl.Stranger{Dev: "lan0", Hook: tcnl.HookIngress, Name: "meddler"},
			"lan0: foreign tcx program meddler at ingress runs before ours, and may keep packets from it",
			`have it answer "next", or stop the program that attached it (bpftool net says which it is)`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			what, do := tt.stranger.Report(1)
			if what != tt.what || do != tt.do {
				t.Errorf("got %q, to do %q; want %q, to do %q", what, do, tt.what, tt.do)
			}
		})
	}
}
