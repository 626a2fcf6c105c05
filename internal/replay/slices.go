package replay

import (
	"fmt"
	"log/slog"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/slice"
)

// Slices of a replay: those of the default configuration that the classifier puts packets into by itself.
const (
	Signalling slice.ID = iota + 1
	Realtime
	Media // the default slice
)

var sliceNames = map[slice.ID]string{Signalling: slice.Signalling, Realtime: slice.Realtime, Media: "media"}

// SliceName is the name that the default configuration gives to the slice of a verdict.
func SliceName(v bpf.Verdict) string {
	if name, ok := sliceNames[slice.ID(v.Slice)]; ok {
		return name
	}
	return fmt.Sprintf("slice-%d", v.Slice)
}

// Load loads the classifier with the slices of a replay.
func Load(log *slog.Logger) (*bpf.Replay, error) {
	return bpf.NewReplay(log, bpf.ReplayConfig{Signalling: Signalling, Realtime: Realtime, Default: Media})
}
