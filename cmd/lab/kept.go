package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slicegate/slicegate/internal/lab"
)

// keeper writes to a file, which it begins anew with the first figure: a run that has none leaves those of the run before.
type keeper struct {
	path string
	head []byte   // the file's first line
	file *os.File // nil before the first figure
}

func (k *keeper) Write(line []byte) (n int, err error) {
	if k.file == nil {
		if k.file, err = os.Create(k.path); err != nil {
			return 0, err
		}
		if _, err := k.file.Write(k.head); err != nil {
			return 0, err
		}
	}
	return k.file.Write(line)
}

func (k *keeper) Close() error {
	if k.file == nil {
		return nil
	}
	return k.file.Close()
}

// headOf is the first line of a run's file.
func headOf(origin lab.Origin) ([]byte, error) {
	line, err := json.Marshal(map[string]lab.Origin{"origin": origin})
	return append(line, '\n'), err
}

// readFigures reads figures that were kept, and what they were measured with, a run each. Files that have the same figure are of two runs,
// which no median is to be made of.
func readFigures(paths []string) (all []lab.Figure, origins []lab.Origin, err error) {
	type place struct {
		kernel string
		seed   uint64
		lab.Key
	}
	of := make(map[place]string) // its path
	for i, path := range paths {
		if slices.Contains(paths[:i], path) {
			return nil, nil, fmt.Errorf("read figures of %s: the file is named twice", path)
		}
		figures, origin, err := readKept(path)
		if err != nil {
			return nil, nil, fmt.Errorf("read figures of %s: %w", path, err)
		}
		for _, f := range figures {
			at := place{f.Kernel, f.Seed, lab.Key{Scenario: f.Scenario, Case: f.Case, Treatment: f.Treatment, Name: f.Name}}
			switch other, ok := of[at]; {
			case ok && other == path:
				return nil, nil, fmt.Errorf("%s has kernel %s, %s, seed %d twice: these are two runs of the same, and not two seeds; "+
					"leave out the lines of one", path, at.kernel, at.Key, at.seed)
			case ok:
				return nil, nil, fmt.Errorf("%s and %s both have kernel %s, %s, seed %d: these are two runs of the same, and not two seeds; "+
					"leave out one of the files, or what both have in one of them", other, path, at.kernel, at.Key, at.seed)
			}
			of[at] = path
		}
		all, origins = append(all, figures...), append(origins, origin)
	}
	return all, origins, nil
}

// readKept reads one file. One of an older lab does not begin with its origin. A last line that has not ended is a figure that a run was
// writing when it was killed: it is left out, and told of on standard error.
func readKept(path string) (figures []lab.Figure, origin lab.Origin, err error) {
	text, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return nil, origin, err
	}
	for n, line := range bytes.SplitAfter(text, []byte("\n")) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if !bytes.HasSuffix(line, []byte("\n")) {
			fmt.Fprintf(os.Stderr, "lab: %s: line %d is cut short, and left out\n", path, n+1)
			break
		}
		var kept struct {
			Origin *lab.Origin `json:"origin"`
			lab.Figure
		}
		lines := json.NewDecoder(bytes.NewReader(line))
		lines.DisallowUnknownFields()
		if err := lines.Decode(&kept); err != nil {
			return nil, origin, fmt.Errorf("line %d: %w", n+1, err)
		}
		if kept.Origin != nil {
			origin = *kept.Origin
			continue
		}
		if err := isFigure(kept.Figure); err != nil {
			return nil, origin, fmt.Errorf("line %d: %w", n+1, err)
		}
		figures = append(figures, kept.Figure)
	}
	if len(figures) == 0 {
		return nil, origin, errors.New("it has none")
	}
	return figures, origin, nil
}

// isFigure says what a line lacks that a figure has.
func isFigure(f lab.Figure) error {
	kernels, _ := known()
	switch {
	case f.Scenario == "" || f.Case == "" || f.Treatment == "" || f.Name == "":
		return errors.New("no figure: scenario, case, treatment and name are not all there")
	case !slices.Contains(kernels, f.Kernel):
		return fmt.Errorf("no figure of the lab's: kernel %q is none of %s", f.Kernel, strings.Join(kernels, ", "))
	}
	return nil
}
