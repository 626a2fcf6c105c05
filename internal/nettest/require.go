package nettest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// requireEnv lists, comma separated, the features whose absence fails a test instead of skipping it, so that CI can't rot to all-skip.
const requireEnv = "SLICEGATE_REQUIRE"

// MissingError says that this kernel, or this process, lacks a feature.
type MissingError struct {
	Feature string
	Kernel  string // release, as uname has it
	Err     error  // what the probe met
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("%s is missing on kernel %s: %v", e.Feature, e.Kernel, e.Err)
}

func (e *MissingError) Unwrap() error { return e.Err }

// Require skips the test when a feature is missing, or fails it when SLICEGATE_REQUIRE names that feature.
func Require(t testing.TB, features ...string) {
	t.Helper()
	for _, feature := range features {
		err := Have(feature)
		switch {
		case err == nil:
		case required(feature):
			t.Fatalf("%v (%s asks for it)", err, requireEnv)
		default:
			t.Skip(err)
		}
	}
}

func required(feature string) bool {
	return slices.Contains(strings.Split(os.Getenv(requireEnv), ","), feature)
}

var probed struct {
	sync.Mutex // guards results, and keeps probes one at a time
	results    map[string]error
}

// Have probes for a feature, once a process: nil, or a *MissingError. Names are those of Features.
func Have(feature string) error {
	probe, ok := probes[feature]
	if !ok {
		return fmt.Errorf("unknown feature %q: want one of %s", feature, strings.Join(Features(), ", "))
	}
	probed.Lock()
	defer probed.Unlock()
	if err, ok := probed.results[feature]; ok {
		return err
	}
	err := probe()
	if err != nil {
		err = &MissingError{Feature: feature, Kernel: kernelRelease(), Err: err}
	}
	if probed.results == nil {
		probed.results = make(map[string]error)
	}
	probed.results[feature] = err
	return err
}
