package shaper

import (
	"github.com/cilium/ebpf"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/tcnl"
)

// AttachedPrograms finds the programs that an agent left in the namespace's filters, by their filters' names.
func AttachedPrograms(conn *tcnl.Conn) ([]ebpf.ProgramID, error) {
	qdiscs, err := conn.Qdiscs()
	if err != nil {
		return nil, err
	}
	var ids []ebpf.ProgramID
	for _, q := range qdiscs {
		if q.Options != (tcnl.Clsact{}) {
			continue
		}
		for _, hook := range []tcnl.Handle{tcnl.HookIngress, tcnl.HookEgress} {
			filters, err := conn.Filters(q.Ifindex, hook)
			if err != nil {
				return nil, err
			}
			for _, f := range filters {
				if f.BPF.ProgramID != 0 && bpf.Ours(f.BPF.Name) {
					ids = append(ids, ebpf.ProgramID(f.BPF.ProgramID))
				}
			}
		}
	}
	return ids, nil
}
