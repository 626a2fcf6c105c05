package lab

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The document says first what its figures were measured with, and of how many runs if there are several.
func TestOriginWords(t *testing.T) {
	date := time.Date(2026, 3, 1, 22, 0, 0, 0, time.UTC)
	whole := Origin{Kernels: []string{"6.12.9-cloud", "6.1.7-cloud"}, Commit: "0123456789ab", Qemu: "7.2.22 (Debian)", Date: date}
	changed, unknown := whole, whole
	changed.Modified, unknown.Commit, unknown.Kernels = true, "", whole.Kernels[:1]
	for _, test := range []struct {
		name    string
		origins []Origin
		want    string
	}{
		{"none", nil, ""},
		{"one", []Origin{whole}, "\nMeasured on 2026-03-01 at commit 0123456789ab, on Linux 6.12.9-cloud and 6.1.7-cloud, in qemu 7.2.22 (Debian).\n"},
		{"an old file", []Origin{{}}, "\nMeasured with what their file does not say.\n"},
		{"four", []Origin{changed, {}, unknown, changed}, `
Measured in 4 runs:

- 2 on 2026-03-01 at commit 0123456789ab, modified, on Linux 6.12.9-cloud and 6.1.7-cloud, in qemu 7.2.22 (Debian)
- 1 with what their file does not say
- 1 on 2026-03-01 at an unknown commit, on Linux 6.12.9-cloud, in qemu 7.2.22 (Debian)
`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, originWords(test.origins)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A module is modified by what a guest may run, not by the document that a run writes, and has no commit outside of a repository.
func TestCommit(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(dir))
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git := func(args ...string) {
		t.Helper()
		identity := []string{"-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"}
		if _, err := output(t.Context(), dir, "git", append(identity, args...)...); err != nil {
			t.Fatal(err)
		}
	}
	want := func(when string, known, modified bool) {
		t.Helper()
		if id, m := commit(t.Context(), dir); (len(id) == 12) != known || m != modified {
			t.Errorf("%s: commit %q, modified %v, want one: %v, and %v", when, id, m, known, modified)
		}
	}
	write("main.go", "old")
	want("outside", false, false)
	git("init", "-q")
	git("add", ".")
	git("commit", "-q", "-m", "first")
	want("committed", true, false)
	write("docs/performance.md", "new")
	want("with a new document", true, false)
	write("other.go", "new")
	want("with a new file", true, true)
}
