package nettest

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// probeBPF loads a program and attaches it as a cls_bpf filter, which is what "bpf" means to a traffic test.
func probeBPF() error {
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name:         "probe",
		Type:         ebpf.SchedCLS,
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, -1), asm.Return()},
		License:      "Dual BSD/GPL",
	})
	if err != nil {
		return err
	}
	return errors.Join(attach(prog), prog.Close())
}

// probeTCX asks for the programs at a hook that kernels before 6.6 do not have.
func probeTCX() error {
	return scratch(func(n *NS) error {
		lo, err := n.link("lo")
		if err != nil {
			return err
		}
		return n.Do(func() error {
			_, err := link.QueryPrograms(link.QueryOptions{Target: lo.Attrs().Index, Attach: ebpf.AttachTCXIngress})
			return err
		})
	})
}

func attach(prog *ebpf.Program) error {
	return scratch(func(n *NS) error {
		if err := n.addQdisc("lo", "clsact", netlink.HANDLE_CLSACT); err != nil {
			return err
		}
		lo, err := n.link("lo")
		if err != nil {
			return err
		}
		err = n.links.FilterAdd(&netlink.BpfFilter{
			FilterAttrs:  netlink.FilterAttrs{LinkIndex: lo.Attrs().Index, Parent: netlink.HANDLE_MIN_INGRESS, Priority: 1, Protocol: unix.ETH_P_ALL},
			Fd:           prog.FD(),
			Name:         "probe",
			DirectAction: true,
		})
		if err != nil {
			return fmt.Errorf("add filter bpf: %w", err)
		}
		return nil
	})
}
