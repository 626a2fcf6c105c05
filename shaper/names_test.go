package shaper

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/nettest"
)

// newSet makes the maps of a data plane that is attached nowhere.
func newSet(t testing.TB) *bpf.Set {
	t.Helper()
	nettest.Require(t, "root", "bpf")
	set, err := bpf.Open(slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { set.Close() })
	return set
}

func TestNamesKeepTheirNumbers(t *testing.T) {
	n := names{newSet(t).Maps["names"]}
	steps := []struct {
		name         string
		wanted       []string
		want         map[string]int
		wantRecycled []int
	}{
		{"first", []string{"signalling", "realtime", "media"}, map[string]int{"signalling": 1, "realtime": 2, "media": 3}, nil},
		{"another order", []string{"media", "signalling", "realtime"}, map[string]int{"signalling": 1, "realtime": 2, "media": 3}, nil},
		{"one goes, one comes", []string{"signalling", "realtime", "bulk"}, map[string]int{"signalling": 1, "realtime": 2, "bulk": 4}, nil},
		{"the old one returns", []string{"signalling", "media", "bulk"}, map[string]int{"signalling": 1, "media": 3, "bulk": 4}, nil},
	}
	for _, s := range steps {
		got, recycled, err := n.assign(sliceSection, s.wanted)
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		if diff := cmp.Diff(s.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", s.name, diff)
		}
		if diff := cmp.Diff(s.wantRecycled, recycled); diff != "" {
			t.Errorf("%s: recycled (-want +got)\n%s", s.name, diff)
		}
	}
}

func TestNumbersAreRecycledLast(t *testing.T) {
	n := names{newSet(t).Maps["names"]}
	var all []string
	for i := range 15 {
		all = append(all, fmt.Sprintf("s%d", i))
	}
	if _, _, err := n.assign(sliceSection, all); err != nil {
		t.Fatal(err)
	}
	got, recycled, err := n.assign(sliceSection, append(all[:14:14], "new"))
	if err != nil {
		t.Fatal(err)
	}
	if got["new"] != 15 || !cmp.Equal(recycled, []int{15}) {
		t.Errorf("new has %d, recycled %v; want the 15 of the name that went", got["new"], recycled)
	}
	if _, _, err := n.assign(sliceSection, append(all, "one too many")); err == nil {
		t.Error("16 names got 15 numbers")
	}
}
