package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/slicegate/slicegate/internal/lab/built"
)

// Program is the tests of one of our packages, as a static binary that runs in that package's folder with its test data.
type Program struct {
	Package string        // below the module's folder, such as "shaper"
	Run     string        // which tests, as for go test -run; "" means all
	Skip    string        // which not, as for go test -skip; "" means none
	Env     []string      // "KEY=value"
	Timeout time.Duration // by the guest's clock; 0 means 10 minutes
	Starts  []string      // programs of ours, by their names in package built, that it finds in the guest's path
	Reads   []string      // folders of the module that its tests read, beside its own test data and what all have
}

const defaultTimeout = 10 * time.Minute

// source is where the module's folder is in the guest.
const source = "/src"

// ourPrograms is the folder for those of ours that others start. It is in the guest's path.
const ourPrograms = "/usr/local/bin"

// shared files are read by tests of several packages.
var shared = []string{"deploy"}

// compile builds programs of the module in the folder module, and what they read and start, into the folder dir: the tree that is
// put over a guest's.
func compile(ctx context.Context, module, dir string, tests []Program) (tree string, err error) {
	compiled := make(map[string]bool)
	for _, p := range tests {
		for _, name := range p.Starts {
			if compiled[name] {
				continue
			}
			compiled[name] = true
			if err := built.Build(ctx, module, filepath.Join(dir, ourPrograms), name); err != nil {
				return "", err
			}
		}
		if compiled[p.Package] {
			continue
		}
		compiled[p.Package] = true
		folder := filepath.Join(dir, source, p.Package)
		if _, err := built.Go(ctx, module, "test", append(built.Repeatable(), "-c", "-o", filepath.Join(folder, p.binary()), "./"+p.Package)...); err != nil {
			return "", err
		}
		for _, read := range append([]string{filepath.Join(p.Package, "testdata")}, p.Reads...) {
			if err := bring(module, dir, read); err != nil {
				return "", err
			}
		}
	}
	for _, folder := range shared {
		if err := bring(module, dir, folder); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// bring copies a folder of the module to its place in the guest.
func bring(module, dir, folder string) error {
	return copyTree(filepath.Join(module, folder), filepath.Join(dir, source, folder))
}

// job is what the guest runs: a line a program.
func job(programs []Program) []byte {
	var lines strings.Builder
	for _, p := range programs {
		fmt.Fprintln(&lines, p.command())
	}
	return []byte(lines.String())
}

func (p Program) binary() string { return path.Base(p.Package) + ".test" }

func (p Program) timeout() time.Duration {
	if p.Timeout == 0 {
		return defaultTimeout
	}
	return p.Timeout
}

// slowMonitor keeps the monitor thread of Go's runtime at its slowest pace, 10 ms. Otherwise it sleeps while a program idles, and after any
// system call it looks around every 20 µs for a while. Where a probe wakes the program each 5 ms, three of four context switches of the
// guest were that thread's. It is the interval in ms of a trace that no guest lives to see; its being there is what keeps the thread awake.
const slowMonitor = "GODEBUG=schedtrace=2000000000"

// command is the job's line for the program. Go's own time-out comes first, since it tells where the program hangs.
func (p Program) command() string {
	const grace = 10 * time.Second
	words := []string{"run", fmt.Sprint(int((p.timeout() + grace).Seconds())), path.Join(source, p.Package), "env", slowMonitor}
	words = append(words, p.Env...)
	words = append(words, "./"+p.binary(), "-test.v=test2json", "-test.timeout="+p.timeout().String())
	if p.Run != "" {
		words = append(words, "-test.run="+p.Run)
	}
	if p.Skip != "" {
		words = append(words, "-test.skip="+p.Skip)
	}
	for i, word := range words {
		words[i] = quote(word)
	}
	return strings.Join(words, " ")
}

// quote makes one word of the shell's of any text.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// copyTree copies a folder's files; a folder that is not there has none.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(name string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && name == from {
			return nil
		}
		if err != nil || entry.IsDir() {
			return err
		}
		below, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		return copyFile(name, filepath.Join(to, below))
	})
}
