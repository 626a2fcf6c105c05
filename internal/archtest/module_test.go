package archtest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/slicegate/slicegate"

// root is the module's folder, seen from this package's.
const root = "../.."

// pkg is a package of ours, with paths below the module ("internal/slice"; "." for its root).
type pkg struct {
	Path    string
	Imports []string // of the code, and below those of the tests; ours below the module, foreign ones in full
	Tests   []string
}

// packages lists all of ours. A package that does not compile is listed too: whether it does is other tests' business.
func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var all []pkg
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var listed struct {
			ImportPath                         string
			Imports, TestImports, XTestImports []string
		}
		if err := decoder.Decode(&listed); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("read go list: %v", err)
		}
		p := pkg{Path: below(listed.ImportPath)}
		for _, path := range listed.Imports {
			p.Imports = append(p.Imports, below(path))
		}
		for _, path := range slices.Concat(listed.TestImports, listed.XTestImports) {
			p.Tests = append(p.Tests, below(path))
		}
		all = append(all, p)
	}
}

// below shortens the import path of a package of ours; another stays as it is.
func below(path string) string {
	if path == module {
		return "."
	}
	short, ours := strings.CutPrefix(path, module+"/")
	if !ours {
		return "foreign:" + path
	}
	return short
}

// foreign gives the import path of a package that is not ours.
func foreign(path string) (string, bool) { return strings.CutPrefix(path, "foreign:") }

// source is a file of the repository.
type source struct {
	Path string // below the module's folder, with slashes
	Text []byte
}

func (s source) lines() int {
	return bytes.Count(s.Text, []byte("\n"))
}

func (s source) test() bool { return strings.HasSuffix(s.Path, "_test.go") }

var generatedComment = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

func (s source) generated() bool { return generatedComment.Match(s.Text) }

// sources reads the files with one of the endings, but for folders that hold other people's or tests' material.
func sources(t *testing.T, endings ...string) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			skip := strings.HasPrefix(name, ".") && path != root || name == "testdata" || name == "node_modules" || name == "bin"
			if skip {
				return fs.SkipDir
			}
			return nil
		}
		if !slices.ContainsFunc(endings, func(ending string) bool { return strings.HasSuffix(name, ending) }) {
			return nil
		}
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // an editor's, gone since
		}
		if err != nil {
			return err
		}
		short, err := filepath.Rel(root, path)
		all = append(all, source{filepath.ToSlash(short), text})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatalf("no file with %v below %s", endings, root)
	}
	return all
}

// report fails the test with every violation.
func report(t *testing.T, violations []string) {
	t.Helper()
	for _, v := range violations {
		t.Error(v)
	}
}
