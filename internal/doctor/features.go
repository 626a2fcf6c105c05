package doctor

import (
	"slices"

	"github.com/slicegate/slicegate/internal/tcnl"
)

// features are what the data plane is made of. Each is tried on the bench.
var features = []check{
	feature("htb", "HTB limits and shares rates", "sch_htb", "nothing can be shaped",
		func(b *bench) error {
			if err := b.root(tcnl.HTB{Default: 1}); err != nil {
				return err
			}
			return b.class(tcnl.HTBClass{Rate: trial, Ceil: trial, Burst: 1 << 12, CeilBurst: 1 << 12, Quantum: 1514})
		}),
	feature("tbf", "TBF splits superpackets", "sch_tbf", "nothing can be shaped",
		func(b *bench) error { return b.root(tcnl.TBF{Rate: trial, Burst: 1600, Limit: 1 << 16}) }),
	feature("ifb", "ifb devices take the download", "ifb", "downloads can't be shaped",
		(*bench).ifb),
	feature("clsact", "clsact holds filters at both hooks", "sch_ingress", "no packet can be classified",
		(*bench).clsact),
	feature("cls_bpf", "eBPF programs run as filters", "cls_bpf", "no packet can be classified",
		func(b *bench) error { return b.filter(tcnl.Action{}) }),
	feature("mirred", "filters redirect packets", "act_mirred", "downloads can't be shaped, nor uploads with overhead",
		func(b *bench) error { return b.filter(tcnl.RedirectTo(loopback)) }),
	{name: "programs", well: "the kernel takes the classifier's programs", root: true,
		asks: func(c Config) bool { return c.Load != nil }, looks: lookPrograms},
	{name: "delay", well: "delays can be measured", root: true,
		asks: func(c Config) bool { return c.MeasureNow != nil }, looks: lookDelay},
	wanted(fqCoDel, feature("fq_codel", "fq_codel keeps flows and devices apart", "sch_fq_codel",
		"a slice is one plain queue, in which one greedy device slows all others down; let downloads have 90 % of the contract, not 95 %",
		func(b *bench) error {
			return b.root(tcnl.FQCoDel{Limit: 10240, Flows: 8192, Quantum: 1514, Target: 5000, Interval: 100_000, Memory: 32 << 20, ECN: true})
		})),
	wanted(cake, feature("cake", "cake can be the slices' queue", "sch_cake",
		`the configuration asks for cake (leaf = "cake"), and slices get plain queues instead`,
		func(b *bench) error { return b.root(tcnl.Cake{FlowMode: tcnl.CakeDualSource, SplitGSO: true}) })),
}

// trial is a rate to try with: 8 Mbit/s.
var trial = tcnl.Rate{BytesPerSecond: 1_000_000, LinkLayer: tcnl.Ethernet}

// feature is a check that tries something: what it is good for, the module that has it, and what is lost without it.
func feature(name, well, module, lost string, try func(*bench) error) check {
	return check{name: name, well: well, root: true, looks: func(b *box) ([]finding, error) {
		err := try(b.bench)
		if err == nil {
			return nil, nil
		}
		return found("modprobe "+module+"; where there is no such module, install the distribution's full kernel (Debian: linux-image-amd64)",
			"the kernel does not do %s: %s (%v)", name, lost, err), nil
	}}
}

// wanted has a feature asked for only where somebody is to have it.
func wanted(by func(Config) bool, c check) check {
	c.asks = by
	return c
}

// fqCoDel is what every box gets whose configuration does not say otherwise.
func fqCoDel(cfg Config) bool {
	return !configured(cfg) || slices.ContainsFunc(cfg.Uplinks, func(u Uplink) bool { return u.FQCoDel })
}

func cake(cfg Config) bool {
	return slices.ContainsFunc(cfg.Uplinks, func(u Uplink) bool { return u.Cake })
}

// lookPrograms has the kernel's verifier read programs with all that a configuration can switch on, whatever this one does.
func lookPrograms(b *box) ([]finding, error) {
	err := b.cfg.Load()
	if err == nil {
		return nil, nil
	}
	return found("install a kernel of 6.1 or later with CONFIG_BPF_SYSCALL; if it is one, report this with the output of uname -a",
		"the kernel refuses the classifier's programs, so nothing can be shaped: %v", err), nil
}

func lookDelay(b *box) ([]finding, error) {
	err := b.cfg.MeasureNow()
	if err == nil {
		return nil, nil
	}
	return found("install a kernel that describes its types (CONFIG_DEBUG_INFO_BTF: /sys/kernel/btf/vmlinux is there); shaping works without",
		"delays can't be measured, so status and metrics have none: %v", err), nil
}
