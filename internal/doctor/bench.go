package doctor

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/slicegate/slicegate/internal/tcnl"
)

// loopback is the ifindex of lo, the one interface of a new namespace.
const loopback = 1

// bench is a network namespace to try things in. It is gone when its sockets are closed.
type bench struct {
	tc    *tcnl.Conn
	links *netlink.Handle
	// fault, in tests, is what the kernel answers when an object of a kind is asked for.
	fault func(kind string) error
}

// newBench makes the namespace on a thread that ends with it, so that no other code ever runs there.
func newBench() (*bench, error) {
	b := &bench{fault: func(string) error { return nil }}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		done <- b.open()
	}()
	if err := <-done; err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bench) open() error {
	ns, err := netns.New()
	if err != nil {
		return fmt.Errorf("make network namespace: %w", err)
	}
	defer ns.Close()
	if b.tc, err = tcnl.Dial(int(ns)); err != nil {
		return err
	}
	if b.links, err = netlink.NewHandleAt(ns, unix.NETLINK_ROUTE); err != nil {
		return fmt.Errorf("open link netlink: %w", err)
	}
	return nil
}

func (b *bench) close() {
	if b.links != nil {
		b.links.Close()
	}
	if b.tc != nil {
		b.tc.Close()
	}
}

// root puts a qdisc at the root of lo, in place of the one before.
func (b *bench) root(options tcnl.Options) error {
	if err := b.fault(options.Kind()); err != nil {
		return err
	}
	q := tcnl.Qdisc{Ifindex: loopback, Handle: tcnl.MakeHandle(1, 0), Parent: tcnl.Root, Options: options}
	if err := b.tc.DeleteQdisc(q); err != nil && !tcnl.Gone(err) && !errors.Is(err, unix.EINVAL) {
		return err
	}
	return b.tc.AddQdisc(q)
}

func (b *bench) class(c tcnl.HTBClass) error {
	return b.tc.AddClass(tcnl.Class{Ifindex: loopback, Handle: tcnl.MakeHandle(1, 1), Parent: tcnl.MakeHandle(1, 0), HTB: c})
}

// clsact puts the place for filters on lo, once.
func (b *bench) clsact() error {
	if err := b.fault(tcnl.Clsact{}.Kind()); err != nil {
		return err
	}
	err := b.tc.AddQdisc(tcnl.Qdisc{Ifindex: loopback, Handle: tcnl.ClsactHandle, Parent: tcnl.Ingress, Options: tcnl.Clsact{}})
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}

// filter has a program that matches everything do an action, or answer by itself where there is none.
func (b *bench) filter(action tcnl.Action) error {
	if err := b.clsact(); err != nil {
		return err
	}
	if err := b.fault("bpf"); err != nil {
		return err
	}
	if err := b.fault(action.Kind); err != nil {
		return err
	}
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "doctor", Type: ebpf.SchedCLS, License: "Dual BSD/GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, -1), asm.Return()},
	})
	if err != nil {
		return fmt.Errorf("load program: %w", err)
	}
	defer prog.Close()
	return b.tc.SetFilter(tcnl.Filter{
		Ifindex: loopback, Parent: tcnl.HookIngress, Pref: 1, Handle: 1, Protocol: tcnl.ProtocolAll,
		BPF: tcnl.BPF{FD: prog.FD(), Name: "doctor", DirectAction: action.Kind == "", Action: action},
	})
}

func (b *bench) ifb() error {
	if err := b.fault("ifb"); err != nil {
		return err
	}
	if err := b.links.LinkAdd(&netlink.Ifb{LinkAttrs: netlink.LinkAttrs{Name: "ifb-doctor"}}); err != nil {
		return fmt.Errorf("add link ifb: %w", err)
	}
	return nil
}
