package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

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
	of := make(map[place]int) // index of its path
	for i, path := range paths {
		figures, origin, err := readKept(path)
		if err != nil {
			return nil, nil, fmt.Errorf("read figures of %s: %w", path, err)
		}
		for _, f := range figures {
			at := place{f.Kernel, f.Seed, lab.Key{Scenario: f.Scenario, Case: f.Case, Treatment: f.Treatment, Name: f.Name}}
			if other, ok := of[at]; ok && other != i {
				return nil, nil, fmt.Errorf("%s and %s both have kernel %s, %s, seed %d: these are two runs of the same, and not two seeds; "+
					"leave out one of the files, or what both have in one of them", paths[other], path, at.kernel, at.Key, at.seed)
			}
			of[at] = i
		}
		all, origins = append(all, figures...), append(origins, origin)
	}
	return all, origins, nil
}

// readKept reads one file. One of an older lab does not begin with its origin.
func readKept(path string) (figures []lab.Figure, origin lab.Origin, err error) {
	file, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, origin, err
	}
	defer file.Close()
	for lines := json.NewDecoder(file); ; {
		var line struct {
			Origin *lab.Origin `json:"origin"`
			lab.Figure
		}
		if err := lines.Decode(&line); errors.Is(err, io.EOF) {
			return figures, origin, nil
		} else if err != nil {
			return nil, origin, err
		}
		if line.Origin != nil {
			origin = *line.Origin
			continue
		}
		figures = append(figures, line.Figure)
	}
}
