package main

import (
	"strings"
	"testing"
)

// A file that is not there is answered without the flags of sliced, which slicectl does not have.
func TestMissingFileNamesNoFlagsOfSliced(t *testing.T) {
	_, err := fileIn([]string{t.TempDir() + "/none.toml"})
	if err == nil || !strings.Contains(err.Error(), "none.toml: read configuration: ") || strings.Contains(err.Error(), "--") {
		t.Errorf("got %v", err)
	}
}
