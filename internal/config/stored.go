package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/slicegate/slicegate/internal/slice"
	"github.com/slicegate/slicegate/internal/statefile"
)

// storedVersion is the layout of the file with live changes.
const storedVersion = 1

type stored struct {
	Version int            `json:"version"`
	Uplinks []storedUplink `json:"uplinks,omitempty"`
	Slices  []storedSlice  `json:"slices"`
}

type storedUplink struct {
	Uplink   string `json:"uplink"`
	Download string `json:"download,omitempty"`
	Upload   string `json:"upload,omitempty"`
}

type storedSlice struct {
	Slice  string `json:"slice"`
	Uplink string `json:"uplink,omitempty"`
	Min    string `json:"min,omitempty"`
	Max    string `json:"max,omitempty"`
}

// LoadOverrides reads what Save wrote; a file that is not there holds none.
func LoadOverrides(path string) (Overrides, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Overrides{}, nil
	}
	if err != nil {
		return Overrides{}, fmt.Errorf("read live changes: %w", err)
	}
	const hint = "delete the file to go back to the configuration"
	bad := func(what string) (Overrides, error) {
		return Overrides{}, &Error{File: path, What: "live changes: " + what, Hint: hint}
	}
	var s stored
	if err := json.Unmarshal(data, &s); err != nil {
		return bad(err.Error())
	}
	if s.Version != storedVersion {
		return bad(fmt.Sprintf("version %d, want %d", s.Version, storedVersion))
	}
	var o Overrides
	for _, e := range s.Uplinks {
		one, err := ParseUplinkOverride(e.Uplink, e.Download, e.Upload)
		if err != nil {
			return bad(fmt.Sprintf("uplink %q: %v", e.Uplink, err))
		}
		o = o.SetUplink(one)
	}
	for _, e := range s.Slices {
		one, err := ParseSliceOverride(e.Slice, e.Uplink, e.Min, e.Max)
		if err != nil {
			return bad(fmt.Sprintf("slice %q: %v", e.Slice, err))
		}
		o = o.Set(one)
	}
	return o, nil
}

// Save replaces the file at path in one step: after a power cut it holds the old changes or the new ones.
func (o Overrides) Save(path string) error {
	s := stored{Version: storedVersion, Slices: []storedSlice{}}
	for _, e := range o.Uplinks {
		s.Uplinks = append(s.Uplinks, storedUplink{e.Uplink, linkText(e.Download), linkText(e.Upload)})
	}
	for _, e := range o.Slices {
		s.Slices = append(s.Slices, storedSlice{e.Slice, e.Uplink, shareText(e.Min), shareText(e.Max)})
	}
	data, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return fmt.Errorf("write live changes: %w", err)
	}
	if err := statefile.Replace(path, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("write live changes: %w", err)
	}
	return nil
}

func shareText(s slice.Share) string {
	if s == (slice.Share{}) {
		return ""
	}
	return s.String()
}

// linkText is a rate as parseLink reads it.
func linkText(r *slice.Rate) string {
	switch {
	case r == nil:
		return ""
	case *r == 0:
		return "off"
	}
	return r.String()
}
