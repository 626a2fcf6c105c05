package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestHelp holds what people read still: a change of it is a change on purpose.
func TestHelp(t *testing.T) {
	for _, verb := range []string{
		"", "status", "slice", "slice set", "slice reset", "explain", "classify", "doctor", "teardown", "top", "wait", "version",
		"plan", "apply", "confirm", "rollback", "uplink", "uplink set", "uplink reset", "pause", "resume",
	} {
		t.Run("slicectl "+verb, func(t *testing.T) {
			args := append(strings.Fields(verb), "--help")
			var stdout, stderr bytes.Buffer
			if status := run(args, &stdout, &stderr); status != exitDone || stderr.Len() > 0 {
				t.Fatalf("exit status %d, stderr %q", status, stderr.String())
			}
			name := strings.Join(append([]string{"slicectl"}, strings.Fields(verb)...), "-")
			golden := filepath.Join("testdata", "help", name+".txt")
			if *update {
				if err := os.WriteFile(golden, stdout.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), stdout.String()); diff != "" {
				t.Errorf("help (-want +got):\n%s", diff)
			}
		})
	}
}
