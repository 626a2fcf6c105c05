package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// SectionKeys is a section and what may stand in it.
type SectionKeys struct {
	Name string
	Many bool // written [[name]]
	Keys []string
}

var schema = []SectionKeys{
	{"venue", false, []string{"name", "interfaces", "devices", "dscp", "trust_dscp", "mark_mask"}},
	{"uplink", true, []string{"name", "interface", "download", "upload", "overhead", "adopt", "leaf", "mss_clamp"}},
	{"slice", true, []string{"name", "priority", "min", "max", "default"}},
	{"rule", true, []string{"slice", "hosts", "ports", "subnets", "dscp", "experience"}},
	{"experience", true, []string{"name", "subnets"}},
	{"metrics", false, []string{"listen"}},
}

// Keys lists every section with its keys, in the order in which the reference file has them.
func Keys() []SectionKeys { return slices.Clone(schema) }

// section reads the keys of one table. A value that is wrong is reported, and read as if the key were not there.
type section struct {
	*report
	name  string
	index int
	node  *node
}

func (s section) at(key string) place { return place{s.name, s.index, key} }

func (s section) wrong(key, what, hint string) { s.add(s.at(key), what, hint) }

// sections finds the tables of one name, and reports what is no table, or no such key.
func (r *report) sections(root *node, name string) []section {
	n := root.entry(name)
	if n == nil {
		return nil
	}
	var known []string
	var many bool
	for _, sc := range schema {
		if sc.Name == name {
			known, many = sc.Keys, sc.Many
		}
	}
	tables := []*node{n}
	if n.kind == isList {
		tables = n.entries
	}
	if many != (n.kind == isList) {
		form, hint := "[["+name+"]]", "write ["+name+"]: there is one"
		if many {
			form, hint = "["+name+"]", "write [["+name+"]]: there can be several"
		}
		r.addLine(n.line, place{name, 0, ""}, "does not begin with "+form, hint)
		return nil
	}
	var all []section
	for i, table := range tables {
		if table.kind != isTable {
			r.addLine(table.line, place{name, 0, ""}, "want a section, not "+table.describe(), "the section begins with [["+name+"]]")
			continue
		}
		s := section{report: r, name: name, index: i, node: table}
		r.lines[s.at("")] = table.line
		for _, e := range table.entries {
			r.lines[s.at(e.key)] = e.line
			if !slices.Contains(known, e.key) {
				s.wrong(e.key, "unknown key", instead(e.key, known))
			}
		}
		all = append(all, s)
	}
	return all
}

// unknownSections reports what stands at the top of the file and is no section of ours.
func (r *report) unknownSections(root *node) {
	var known []string
	for _, sc := range schema {
		known = append(known, sc.Name)
	}
	for _, e := range root.entries {
		if slices.Contains(known, e.key) {
			continue
		}
		what := "unknown key"
		if e.kind == isTable || e.kind == isList && len(e.entries) > 0 && e.entries[0].kind == isTable {
			what = "unknown section"
		}
		r.addLine(e.line, place{"", 0, e.key}, what, instead(e.key, known))
	}
}

// instead proposes what somebody who wrote got may have meant.
func instead(got string, known []string) string {
	best, least := "", 3
	for _, k := range known {
		if d := distance(strings.ToLower(got), k); d < least {
			best, least = k, d
		}
	}
	if best != "" && least < len(best) {
		return fmt.Sprintf("did you mean %s?", best)
	}
	return "known here: " + strings.Join(known, ", ")
}

// distance counts the letters to insert, delete or replace to make b of a.
func distance(a, b string) int {
	if len(a) > MaxName {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// wrongItem notes a mistake in an item of a list, which may be written over many lines.
func (s section) wrongItem(item *node, key, what, hint string) {
	s.addLine(item.line, s.at(key), what, hint)
}

// get gives the value of a key if it is of one of the kinds.
func (s section) get(key, want string, kinds ...kind) (*node, bool) {
	n := s.node.entry(key)
	if n == nil {
		return nil, false
	}
	if !slices.Contains(kinds, n.kind) {
		s.wrong(key, "want "+want+", not "+n.describe(), "")
		return nil, false
	}
	return n, true
}

// text reads a string; example shows one, quotes included.
func (s section) text(key, example string) (string, bool) {
	n := s.node.entry(key)
	if n != nil && (n.kind == isInteger || n.kind == isOther || n.kind == isBool) {
		s.wrong(key, "want a text in quotes, not "+n.describe(), "write it as "+example)
		return "", false
	}
	n, ok := s.get(key, "a text in quotes, such as "+example, isText)
	if !ok {
		return "", false
	}
	return n.text, true
}

// needText is text for a key that has no default.
func (s section) needText(key, example, hint string) (string, bool) {
	if s.node.entry(key) == nil {
		s.wrong(key, "is missing", strings.TrimSuffix("add "+key+" = "+example+"; "+hint, "; "))
		return "", false
	}
	return s.text(key, example)
}

// texts reads a list of strings, or of numbers where those are welcome too.
func (s section) texts(key, example string, kinds ...kind) []*node {
	n, ok := s.get(key, "a list, such as "+example, isList)
	if !ok {
		return nil
	}
	kinds = append(kinds, isText)
	var all []*node
	for _, e := range n.entries {
		if !slices.Contains(kinds, e.kind) {
			s.wrongItem(e, key, "want texts in quotes, not "+e.describe(), "write it as "+example)
			continue
		}
		all = append(all, e)
	}
	return all
}

func (s section) boolean(key string, fallback bool) bool {
	n, ok := s.get(key, "true or false without quotes", isBool)
	if !ok {
		return fallback
	}
	return n.text == "true"
}

// integer reads a number; one that does not fit is as large as can be.
func (s section) integer(key string) (int, bool) {
	n, ok := s.get(key, "a number without quotes", isInteger)
	if !ok {
		return 0, false
	}
	v, err := strconv.ParseInt(strings.ReplaceAll(n.text, "_", ""), 0, 32)
	if err != nil {
		v = math.MaxInt32
	}
	return int(v), true
}
