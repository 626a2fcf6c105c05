package lab

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Kernels are there, or missed, before anything is compiled: here there is no module to compile.
func TestMissingKernel(t *testing.T) {
	b := &Bench{Module: t.TempDir(), Cache: t.TempDir(), Log: io.Discard}
	if err := b.Open(); err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := os.MkdirAll(filepath.Join(b.Cache, "kernel-6.12", "lib", "modules", "6.12.0"), 0o755); err != nil {
		t.Fatal(err)
	}
	for want, kernels := range map[string][]string{
		"compile for the lab":                  {"6.12"},
		`no kernel "6.6": the lab knows [{6.1`: {"6.6"},
		`no kernel ""`:                         {"6.12", ""},
	} {
		if _, err := b.Test(t.Context(), kernels, KernelTests()[:1]); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("kernels %q: error %v, want %q", kernels, err, want)
		}
	}
}
