package statefile_test

import (
	"errors"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/internal/statefile"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// files gives what a directory holds, by name; a directory in it is "dir".
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	got := make(map[string]string)
	for _, e := range entries {
		if e.IsDir() {
			got[e.Name()] = "dir"
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		must(t, err)
		got[e.Name()] = string(data)
	}
	return got
}

func TestReplace(t *testing.T) {
	t.Chdir(t.TempDir()) // a name alone is a file here
	for _, step := range []struct {
		data string
		perm fs.FileMode
	}{
		{"a long first state", 0o600},
		{"short", 0o640},
		{"", 0o600},
	} {
		must(t, statefile.Replace("state.json", []byte(step.data), step.perm))
		if diff := cmp.Diff(map[string]string{"state.json": step.data}, files(t, ".")); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		info, err := os.Stat("state.json")
		must(t, err)
		if got := info.Mode(); got != step.perm {
			t.Errorf("permissions %s, want %s", got, step.perm)
		}
	}
}

// Who has the old file open, or linked, goes on with the old state: it is never written over.
func TestReplaceDoesNotWriteInPlace(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "state.json"), filepath.Join(dir, "link")
	must(t, os.WriteFile(path, []byte("old"), 0o600))
	must(t, os.Link(path, link))
	must(t, statefile.Replace(path, []byte("new"), 0o600))
	if diff := cmp.Diff(map[string]string{"state.json": "new", "link": "old"}, files(t, dir)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestFailureLeavesTheOldFile(t *testing.T) {
	long := strings.Repeat("x", 254) // leaves no room for the temporary file's name
	for _, test := range []struct {
		name, file string
		want       error
		before     func(t *testing.T)
	}{
		{"no temporary file", long, syscall.ENAMETOOLONG, nil},
		{"disk full", "state.json", syscall.EFBIG, func(t *testing.T) { limitFiles(t, 1000) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, test.file)
			must(t, os.WriteFile(path, []byte("old"), 0o600))
			if test.before != nil {
				test.before(t)
			}
			if err := statefile.Replace(path, make([]byte, 2000), 0o600); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if diff := cmp.Diff(map[string]string{test.file: "old"}, files(t, dir)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	t.Run("a directory is in the way", func(t *testing.T) {
		dir := t.TempDir()
		must(t, os.Mkdir(filepath.Join(dir, "state.json"), 0o700))
		if err := statefile.Replace(filepath.Join(dir, "state.json"), nil, 0o600); err == nil {
			t.Error("replaced")
		}
		if diff := cmp.Diff(map[string]string{"state.json": "dir"}, files(t, dir)); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
	t.Run("no directory", func(t *testing.T) {
		if err := statefile.Replace(filepath.Join(t.TempDir(), "none", "state.json"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v, want %v", err, fs.ErrNotExist)
		}
	})
}

// limitFiles makes writes past a file's first bytes fail until the test's end, as a full disk does.
func limitFiles(t *testing.T, bytes uint64) {
	t.Helper()
	var old syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old))
	signal.Ignore(syscall.SIGXFSZ)
	t.Cleanup(func() {
		must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old))
		signal.Reset(syscall.SIGXFSZ)
	})
	must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: bytes, Max: old.Max}))
}
