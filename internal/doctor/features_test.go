package doctor

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What this kernel has is taken away at the netlink's end: an object of that kind is refused as a kernel without it does.
func TestFeaturesThatLack(t *testing.T) {
	f := newField(t)
	f.cfg.Uplinks[0].Cake = true
	for _, tt := range []struct{ kind, name, lost, module string }{
		{"htb", "htb", "nothing can be shaped", "sch_htb"},
		{"tbf", "tbf", "nothing can be shaped", "sch_tbf"},
		{"ifb", "ifb", "downloads can't be shaped", "ifb"},
		{"clsact", "clsact", "no packet can be classified", "sch_ingress"},
		{"bpf", "cls_bpf", "no packet can be classified", "cls_bpf"},
		{"mirred", "mirred", "downloads can't be shaped, nor uploads with overhead", "act_mirred"},
		{"fq_codel", "fq_codel", "one greedy device slows all others down", "sch_fq_codel"},
		{"cake", "cake", "slices get plain queues instead", "sch_cake"},
	} {
		t.Run(tt.kind, func(t *testing.T) {
			answers := f.examineAs(t, func(b *box) {
				b.bench.fault = func(kind string) error {
					if kind == tt.kind {
						return fmt.Errorf("add %s: %w", kind, unix.ENOENT)
					}
					return nil
				}
			})
			for _, c := range answers {
				if c.Name != tt.name {
					continue
				}
				want := fmt.Sprintf("the kernel does not do %s: ", tt.name)
				if c.OK || !strings.HasPrefix(c.What, want) || !strings.Contains(c.What, tt.lost) ||
					!strings.HasPrefix(c.Do, "modprobe "+tt.module+";") {
					t.Errorf("%+v", c)
				}
				return
			}
			t.Errorf("nobody asked for %s: %+v", tt.name, answers)
		})
	}
}

// A queue is asked for only where somebody wants it.
func TestQueuesNobodyWants(t *testing.T) {
	f := newField(t)
	f.cfg.Uplinks[0].FQCoDel = false
	for _, c := range f.examine(t) {
		if c.Name == "cake" || c.Name == "fq_codel" {
			t.Errorf("%+v", c)
		}
	}
}

func TestProgramsThatAreRefused(t *testing.T) {
	refused := errors.New("invalid func unknown#215")
	for name, spoil := range map[string]func(*Config){
		"programs": func(c *Config) { c.Load = func() error { return refused } },
		"delay":    func(c *Config) { c.MeasureNow = func() error { return refused } },
	} {
		f := newField(t)
		spoil(&f.cfg)
		got := faults(t, f.examine(t))
		if len(got) != 1 || !strings.HasPrefix(got[0], name+": ") || !strings.HasSuffix(got[0], ": "+refused.Error()) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
