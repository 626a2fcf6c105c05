package config

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// kind is what a TOML value is.
type kind uint8

const (
	isTable kind = iota
	isList
	isText
	isInteger
	isBool
	isOther // dates and floating point numbers, which no key takes
)

// node is a value with its line, which go-toml's decoder does not tell.
type node struct {
	kind    kind
	key     string // in its table
	line    int
	text    string // of a scalar, quotes and escapes resolved
	entries []*node
	byKey   map[string]*node // the entries of a table
}

func (n *node) entry(key string) *node { return n.byKey[key] }

func (n *node) add(e *node) {
	if n.byKey == nil {
		n.byKey = make(map[string]*node)
	}
	n.byKey[e.key] = e
	n.entries = append(n.entries, e)
}

// parseTree reads TOML. The decoder goes first: it knows every rule of the language, and of two equal keys.
func parseTree(data []byte) (*node, error) {
	var all map[string]any
	if err := toml.Unmarshal(data, &all); err != nil {
		return nil, err
	}
	b := &builder{root: &node{kind: isTable, line: 1}}
	for i, c := range data {
		if c == '\n' {
			b.newlines = append(b.newlines, i)
		}
	}
	b.parser.Reset(data)
	b.current = b.root
	for b.parser.NextExpression() {
		if err := b.expression(b.parser.Expression()); err != nil {
			return nil, err
		}
	}
	return b.root, b.parser.Error()
}

// errTwoWays cannot happen to what the decoder let through; it is here so that a change of the decoder can't make this panic.
var errTwoWays = errors.New("a key is defined in two ways")

type builder struct {
	parser        unstable.Parser
	newlines      []int // offsets
	root, current *node
}

func (b *builder) lineOf(n *unstable.Node) int {
	return 1 + sort.SearchInts(b.newlines, int(n.Raw.Offset))
}

func (b *builder) expression(e *unstable.Node) (err error) {
	switch e.Kind {
	case unstable.Table:
		b.current, err = b.open(b.root, keys(e))
	case unstable.ArrayTable:
		b.current, err = b.appendTable(keys(e))
	case unstable.KeyValue:
		err = b.keyValue(b.current, e)
	}
	return err
}

func keys(e *unstable.Node) []*unstable.Node {
	var path []*unstable.Node
	for it := e.Key(); it.Next(); {
		path = append(path, it.Node())
	}
	return path
}

// open walks down from a table by a dotted key, and makes what is not there. In a list of tables, the last one is meant.
func (b *builder) open(at *node, path []*unstable.Node) (*node, error) {
	for _, key := range path {
		next := at.entry(string(key.Data))
		if next == nil {
			next = &node{kind: isTable, key: string(key.Data), line: b.lineOf(key)}
			at.add(next)
		}
		if next.kind == isList && len(next.entries) > 0 {
			next = next.entries[len(next.entries)-1]
		}
		if next.kind != isTable {
			return nil, errTwoWays
		}
		at = next
	}
	return at, nil
}

// appendTable begins the next table of a list, as [[uplink]] does.
func (b *builder) appendTable(path []*unstable.Node) (*node, error) {
	last := path[len(path)-1]
	at, err := b.open(b.root, path[:len(path)-1])
	if err != nil {
		return nil, err
	}
	list := at.entry(string(last.Data))
	if list == nil {
		list = &node{kind: isList, key: string(last.Data), line: b.lineOf(last)}
		at.add(list)
	}
	if list.kind != isList {
		return nil, errTwoWays
	}
	table := &node{kind: isTable, line: b.lineOf(last)}
	list.entries = append(list.entries, table)
	return table, nil
}

func (b *builder) keyValue(table *node, e *unstable.Node) error {
	path := keys(e)
	last := path[len(path)-1]
	table, err := b.open(table, path[:len(path)-1])
	if err != nil {
		return err
	}
	v, err := b.value(e.Value(), b.lineOf(last))
	if err != nil {
		return err
	}
	v.key = string(last.Data)
	table.add(v)
	return nil
}

// value converts one; line is the one of its key, or of the list that it is in.
func (b *builder) value(v *unstable.Node, line int) (*node, error) {
	n := &node{line: line, text: string(v.Data)}
	switch v.Kind {
	case unstable.String:
		n.kind = isText
	case unstable.Integer:
		n.kind = isInteger
	case unstable.Bool:
		n.kind = isBool
	case unstable.InlineTable:
		n.kind = isTable
		for it := v.Children(); it.Next(); {
			if it.Node().Kind != unstable.KeyValue {
				continue
			}
			if err := b.keyValue(n, it.Node()); err != nil {
				return nil, err
			}
		}
	case unstable.Array:
		n.kind = isList
		for it := v.Children(); it.Next(); {
			child := it.Node()
			if child.Kind == unstable.Comment {
				continue
			}
			at := line
			if child.Raw.Length > 0 {
				at = b.lineOf(child)
			}
			item, err := b.value(child, at)
			if err != nil {
				return nil, err
			}
			n.entries = append(n.entries, item)
		}
	default:
		n.kind = isOther
	}
	return n, nil
}

// describe says what a value is, for somebody who wrote it.
func (n *node) describe() string {
	switch n.kind {
	case isTable:
		return "a section"
	case isList:
		return "a list"
	case isText:
		return fmt.Sprintf("the text %q", n.text)
	case isInteger:
		return "the number " + n.text
	case isBool:
		return n.text
	}
	return strings.TrimSpace("the value " + n.text)
}
