package archtest_test

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// docViolations wants every package to say what it is in a doc.go: a sentence, and then what always holds, numbered. A command
// may say it in main.go, and has its help text for the rest.
func docViolations(all []source) []string {
	files := make(map[string]map[string]source)
	for _, s := range all {
		dir := path.Dir(s.Path)
		if files[dir] == nil {
			files[dir] = make(map[string]source)
		}
		files[dir][path.Base(s.Path)] = s
	}
	var bad []string
	for dir, in := range files {
		name := path.Base(dir)
		doc, ok := in["doc.go"]
		if path.Dir(dir)+"/" == commands {
			command := regexp.MustCompile(`(?mi)^// (Command )?` + regexp.QuoteMeta(name) + ` `)
			if !command.Match(doc.Text) && !command.Match(in["main.go"].Text) {
				bad = append(bad, dir+": neither doc.go nor main.go begins with // Command "+name)
			}
			continue
		}
		switch {
		case !ok:
			bad = append(bad, dir+" has no doc.go")
		case !bytes.Contains(doc.Text, []byte("// Package "+name+" ")):
			bad = append(bad, dir+"/doc.go does not begin with // Package "+name)
		case !bytes.Contains(doc.Text, []byte("\n//  1. ")):
			bad = append(bad, dir+"/doc.go has no numbered invariants (//  1. …)")
		}
	}
	slices.Sort(bad)
	return bad
}

func TestPackagesSayWhatTheyAre(t *testing.T) { report(t, docViolations(sources(t, ".go"))) }

func TestDocRuleCatches(t *testing.T) {
	for _, test := range []struct {
		name    string
		sources []source
		want    string
	}{
		{"good", []source{{"a/b/doc.go", []byte("// Package b is.\n//\n//  1. It is.\npackage b\n")}}, ""},
		{"none", []source{{"a/b/b.go", nil}}, "a/b has no doc.go"},
		{"another name", []source{{"a/b/doc.go", []byte("// Package c is.\n")}}, "a/b/doc.go does not begin with // Package b"},
		{"no invariants", []source{{"a/b/doc.go", []byte("// Package b is.\n")}}, "a/b/doc.go has no numbered invariants (//  1. …)"},
		{"a command", []source{{"cmd/b/doc.go", []byte("// Command b does.\n")}}, ""},
		{"a command in one file", []source{{"cmd/b/main.go", []byte("// B does.\n")}}, ""},
		{"a part of a command", []source{{"cmd/b/c/doc.go", []byte("// Package c is.\n")}}, "cmd/b/c/doc.go has no numbered invariants (//  1. …)"},
		{"a command without a word", []source{{"cmd/b/main.go", nil}}, "cmd/b: neither doc.go nor main.go begins with // Command b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, strings.Join(docViolations(test.sources), "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A name that says nothing collects everything.
var emptyName = regexp.MustCompile(`^(util|utils|helper|helpers|common|misc|shared|manager|lib)$`)

func TestFoldersHaveNames(t *testing.T) {
	for _, s := range sources(t, ".go") {
		for _, part := range strings.Split(path.Dir(s.Path), "/") {
			if emptyName.MatchString(part) {
				t.Errorf("%s: %q says nothing about what is in it", s.Path, part)
			}
		}
	}
}

// What is to be done is in an issue, where somebody sees it.
var unfinished = regexp.MustCompile(`\b(TODO|FIXME|` + `XXX)\b`)

func TestNothingIsPutOff(t *testing.T) {
	for _, s := range sources(t, ".go", ".c", ".h", ".sh", ".toml", "Makefile") {
		if s.Path == "internal/archtest/manners_test.go" {
			continue
		}
		for i, line := range bytes.Split(s.Text, []byte("\n")) {
			if unfinished.Match(line) {
				t.Errorf("%s:%d: %s", s.Path, i+1, bytes.TrimSpace(line))
			}
		}
	}
}

// The eBPF C is under another licence than the rest, because the kernel asks for it: every file says so.
func TestKernelCodeSaysItsLicence(t *testing.T) {
	for _, s := range sources(t, ".c", ".h") {
		first, _, _ := bytes.Cut(s.Text, []byte("\n"))
		if !bytes.Contains(first, []byte("SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause")) {
			t.Errorf("%s does not begin with its SPDX-License-Identifier", s.Path)
		}
	}
}
