package built

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// buildOther makes sliced as a version with another layout would be: its number is another, and tables have other sizes.
func buildOther(ctx context.Context, dir, path string) (err error) {
	bpf, err := Go(ctx, dir, "list", "-f", "{{.Dir}}", module+"bpf")
	if err != nil {
		return err
	}
	bindings := filepath.Join(bpf, "dataplane_bpfel.go")
	source, err := os.ReadFile(bindings)
	if err != nil {
		return err
	}
	changed, err := otherLayout(string(source))
	if err != nil {
		return fmt.Errorf("change %s: %w", bindings, err)
	}
	scratch, err := os.MkdirTemp("", "other")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	instead, list := filepath.Join(scratch, "bindings.go"), filepath.Join(scratch, "overlay.json")
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{bindings: instead}})
	if err != nil {
		return err
	}
	if err := errors.Join(os.WriteFile(instead, []byte(changed), 0o600), os.WriteFile(list, overlay, 0o600)); err != nil {
		return err
	}
	_, err = Go(ctx, dir, "build", append(Repeatable(), "-overlay", list, "-o", path, module+"cmd/sliced")...)
	return err
}

// otherLayout changes the source of the bindings.
func otherLayout(source string) (string, error) {
	for old, other := range map[string]string{
		"dataplaneLayoutVersionLAYOUT dataplaneLayoutVersion = ": "dataplaneLayoutVersionLAYOUT dataplaneLayoutVersion = 90 + ",
		"return spec, err": `if err == nil {
			spec.Maps["flows"].MaxEntries /= 2
			spec.Maps["fragments"].MaxEntries *= 2
		}
		return spec, err`,
	} {
		if n := strings.Count(source, old); n != 1 {
			return "", fmt.Errorf("it has %q %d times, want once", old, n)
		}
		source = strings.Replace(source, old, other, 1)
	}
	return source, nil
}
