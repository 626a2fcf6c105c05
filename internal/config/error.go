package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Error is one mistake. Several come joined; errors.As finds the first.
type Error struct {
	File string // "" when the mistake is not in a file
	Line int    // from 1; 0 when it is nowhere in particular, as with a section that is missing
	Key  string // such as "uplink.download", or "--download" for a flag
	What string
	Hint string // what to do; may be empty
}

// Error prints "FILE:LINE: key: what (hint)", without what is unknown.
func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File)
		if e.Line > 0 {
			fmt.Fprintf(&b, ":%d", e.Line)
		}
		b.WriteString(": ")
	}
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	b.WriteString(e.What)
	if e.Hint != "" {
		b.WriteString(" (" + e.Hint + ")")
	}
	return b.String()
}

// place is a key of a section; index counts those of one name from 0. The empty key is the section itself.
type place struct {
	section string
	index   int
	key     string
}

func (p place) String() string {
	if p.key == "" {
		return p.section
	}
	if p.section == "" {
		return p.key
	}
	return p.section + "." + p.key
}

// report collects mistakes, and knows in which line each key stands.
type report struct {
	file  string
	lines map[place]int
	found []*Error
	bad   map[place]bool
}

func newReport(file string) *report {
	return &report{file: file, lines: make(map[place]int), bad: make(map[place]bool)}
}

// add notes a mistake at p: in its key's line, or in its section's if the key is not there.
func (r *report) add(p place, what, hint string) {
	line, ok := r.lines[p]
	if !ok {
		line = r.lines[place{p.section, p.index, ""}]
	}
	r.addLine(line, p, what, hint)
}

func (r *report) addLine(line int, p place, what, hint string) {
	r.bad[p] = true
	r.found = append(r.found, &Error{File: r.file, Line: line, Key: p.String(), What: what, Hint: hint})
}

// reported tells whether p was complained about: its value is not there to be judged again.
func (r *report) reported(section string, index int, key string) bool {
	return r.bad[place{section, index, key}]
}

// mostMistakes is how many are told of one file: a file of another kind is nothing but mistakes.
const mostMistakes = 20

// err joins the mistakes in line order, nil when there are none. Of many it has the first, and how many more there are.
func (r *report) err() error {
	slices.SortStableFunc(r.found, func(a, b *Error) int { return cmp.Compare(a.Line, b.Line) })
	told := r.found[:min(len(r.found), mostMistakes)]
	all := make([]error, 0, len(told)+1)
	for _, e := range told {
		all = append(all, e)
	}
	if more := len(r.found) - len(told); more > 0 {
		all = append(all, &Error{File: r.file, What: fmt.Sprintf("… and %d more mistakes", more)})
	}
	return errors.Join(all...)
}
