package bpf

import (
	"testing"
	"unsafe"

	"github.com/cilium/ebpf/btf"
)

// skBuff is the only struct of the kernel's that is written down twice, so it is held against the kernel's own description.
func TestSkBuffIsTheKernels(t *testing.T) {
	kernel, err := btf.LoadKernelSpec()
	if err != nil {
		t.Fatal(err)
	}
	var theirs *btf.Struct
	if err := kernel.TypeByName("__sk_buff", &theirs); err != nil {
		t.Fatal(err)
	}
	var ours skBuff
	if int(theirs.Size) != int(unsafe.Sizeof(ours)) {
		t.Errorf("size %d, kernel has %d", unsafe.Sizeof(ours), theirs.Size)
	}
	offsets := map[string]uintptr{
		"mark":            unsafe.Offsetof(ours.Mark),
		"protocol":        unsafe.Offsetof(ours.Protocol),
		"priority":        unsafe.Offsetof(ours.Priority),
		"ingress_ifindex": unsafe.Offsetof(ours.IngressIfindex),
		"ifindex":         unsafe.Offsetof(ours.Ifindex),
		"tc_index":        unsafe.Offsetof(ours.TcIndex),
		"cb":              unsafe.Offsetof(ours.Cb),
		"hash":            unsafe.Offsetof(ours.Hash),
		"tstamp":          unsafe.Offsetof(ours.Tstamp),
		"wire_len":        unsafe.Offsetof(ours.WireLen),
		"gso_segs":        unsafe.Offsetof(ours.GsoSegs),
		"gso_size":        unsafe.Offsetof(ours.GsoSize),
		"hwtstamp":        unsafe.Offsetof(ours.Hwtstamp),
	}
	for _, m := range theirs.Members {
		if want, ok := offsets[m.Name]; ok && uint32(want) != m.Offset.Bytes() {
			t.Errorf("%s is at %d, in the kernel at %d", m.Name, want, m.Offset.Bytes())
		}
		delete(offsets, m.Name)
	}
	for name := range offsets {
		t.Errorf("the kernel has no %s", name)
	}
}
