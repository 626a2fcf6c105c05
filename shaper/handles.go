package shaper

import (
	"strings"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/slice"
	"github.com/slicegate/slicegate/internal/tcnl"
)

// Handles of our trees. They are what makes an object ours, so they never change.
const (
	rootHandle = tcnl.Handle(bpf.RootHandle)
	linkClass  = rootHandle + 1

	innerMinor = 0x20   // plus the priority: the class under which slices of that priority share
	leafMajor  = 0x5c20 // plus the slice: its outermost queue
	queueMajor = 0x5c40 // plus the slice: what is inside that

	slotPref   = 1 // of our filters
	slotHandle = 1
)

// Priorities are 0 to this.
const maxPriority = 7

func sliceClass(id slice.ID) tcnl.Handle { return rootHandle + tcnl.Handle(bpf.ClassMinor(id)) }

func innerClass(priority int) tcnl.Handle { return rootHandle + innerMinor + tcnl.Handle(priority) }

func leafHandle(id slice.ID) tcnl.Handle { return tcnl.MakeHandle(leafMajor+uint16(id), 0) }

func queueHandle(id slice.ID) tcnl.Handle { return tcnl.MakeHandle(queueMajor+uint16(id), 0) }

// isInner reports whether a class of ours is one that only has classes below it.
func isInner(class tcnl.Handle) bool {
	return class == linkClass || class >= innerClass(0) && class <= innerClass(maxPriority)
}

// Names of ifbs: the uplink's behind a prefix. The alias tells ours from a stranger's of the same name.
const (
	ifbPrefix      = "ifb-" // what comes down goes through it
	splitterPrefix = "gso-" // short superpackets that go up are split by it
	ifbAlias       = "slicegate"
)

func ifbOf(u Uplink) string { return ifbPrefix + u.Name }

func splitterOf(u Uplink) string { return splitterPrefix + u.Name }

func isIfbName(dev string) bool {
	return strings.HasPrefix(dev, ifbPrefix) || strings.HasPrefix(dev, splitterPrefix)
}
