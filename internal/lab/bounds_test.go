package lab

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// words are the texts that scenarios make names of, at the beginning of a text: their string literals, with what is filled in later as
// "any".
func words(t *testing.T) []*regexp.Regexp {
	t.Helper()
	paths, err := filepath.Glob("scenario/*.go")
	if err != nil || len(paths) == 0 {
		t.Fatalf("find scenarios: %v, %v", paths, err)
	}
	verb := regexp.MustCompile(`%[a-z]`)
	var all []*regexp.Regexp
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				text, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatal(err)
				}
				if text != "" && !strings.Contains(text, "\n") {
					all = append(all, regexp.MustCompile("^"+verb.ReplaceAllString(regexp.QuoteMeta(text), ".+")))
				}
			}
			return true
		})
	}
	return all
}

// spoken tells whether a text is one of the words, or as many of them in a row as a scenario may join.
func spoken(all []*regexp.Regexp, text string, joined int) bool {
	return slices.ContainsFunc(all, func(word *regexp.Regexp) bool {
		begin := word.FindString(text)
		return begin != "" && (begin == text || joined > 1 && spoken(all, text[len(begin):], joined-1))
	})
}

// unspoken are the bounds that name a figure that no scenario can print.
func unspoken(t *testing.T, bounds []Bound) (bad []string) {
	t.Helper()
	all := words(t)
	fixed := slices.DeleteFunc(slices.Clone(all), func(word *regexp.Regexp) bool { return strings.Contains(word.String(), ".+") })
	known := make(map[string]bool)
	check := func(what, text string, from []*regexp.Regexp, joined int) {
		if _, ok := known[what+text]; !ok {
			known[what+text] = spoken(from, text, joined)
		}
		if !known[what+text] {
			bad = append(bad, what+" "+text)
		}
	}
	for _, b := range bounds {
		for _, k := range []Key{b.Key, b.Rival} {
			if k == (Key{}) {
				continue
			}
			check("scenario", k.Scenario, fixed, 1)
			check("case", k.Case, all, 3)
			check("treatment", k.Treatment, fixed, 1)
			for _, name := range k.summands() {
				check("figure", name, fixed, 2)
			}
		}
	}
	return bad
}

// Every bound names a figure that some scenario can print, as far as the scenarios' own words tell.
func TestBoundsAreSpoken(t *testing.T) {
	for _, bad := range unspoken(t, Bounds()) {
		t.Errorf("no scenario prints %s", bad)
	}
}

func TestBoundRuleCatches(t *testing.T) {
	for want, k := range map[string]Key{
		"scenario isolatoin":       {"isolatoin", "one slice, up, 5 Mbit/s", ours, "call p99"},
		"case 4 flowers":           {"same device", "4 flowers", ours, "sparse p99"},
		"treatment cake diffserv5": {"same device", "4 uploads, 5 Mbit/s", "cake diffserv5", "sparse p99"},
		"figure telemetri":         {"fairness", "media and telemetry, down, 100 Mbit/s", ours, "media + telemetri"},
		"figure call p98":          {"isolation", "one slice, up, 5 Mbit/s", ours, "call p98"},
		"figure signalling p99 s":  {"isolation", "one slice, up, 5 Mbit/s", ours, "signalling p99 s"},
	} {
		if got := unspoken(t, []Bound{{Key: k}}); !slices.Contains(got, want) {
			t.Errorf("%v: found %q, want %q", k, got, want)
		}
	}
}

// Nobody bounds the same figure the same way twice, and every shortfall is of a bound.
func TestBoundsAreDistinct(t *testing.T) {
	seen := make(map[Bound]bool)
	keys := make(map[Key]bool)
	for _, b := range Bounds() {
		if seen[b] {
			t.Errorf("%s is there twice: %s", b.Key, b.Words())
		}
		seen[b], keys[b.Key] = true, true
	}
	once := make(map[Shortfall]bool)
	for _, s := range shortfalls {
		if !keys[s.Key] || !slices.ContainsFunc(Kernels, func(k Kernel) bool { return k.Name == s.Kernel }) {
			t.Errorf("shortfall %+v has no bound or no kernel", s)
		}
		at := Shortfall{Kernel: s.Kernel, Key: s.Key}
		if once[at] {
			t.Errorf("%s, %s is held to two values", s.Kernel, s.Key)
		}
		once[at] = true
	}
}
