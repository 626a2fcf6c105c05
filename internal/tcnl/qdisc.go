package tcnl

import (
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Options are the parameters of one kind of qdisc.
type Options interface {
	Kind() string
	encode(e *encoder) // into TCA_OPTIONS
}

// Qdisc is a queueing discipline on an interface.
type Qdisc struct {
	Ifindex int
	Handle  Handle
	Parent  Handle
	Options Options // of the kinds that this package knows; Raw for others
	Data    string  // the options as the kernel sent them, all of them; dumped alone
	Stats   Stats   // dumped alone
}

// Kind is the kernel's name of what q is.
func (q Qdisc) Kind() string {
	if q.Options == nil {
		return ""
	}
	return q.Options.Kind()
}

// Raw is a kind that this package does not know, with its options as the kernel sent them.
type Raw struct {
	Name string
	Data string // a string, so that options compare
}

// Kind gives the kernel's name.
func (r Raw) Kind() string { return r.Name }

func (r Raw) encode(e *encoder) { e.b = append(e.b, r.Data...) }

// AddQdisc makes q; there must be none in its place.
func (c *Conn) AddQdisc(q Qdisc) error { return c.writeQdisc("add", create, q) }

// ReplaceQdisc makes q in place of whatever is there.
func (c *Conn) ReplaceQdisc(q Qdisc) error { return c.writeQdisc("replace", replace, q) }

// ChangeQdisc gives an existing qdisc other parameters. Nothing that waits in it is lost.
func (c *Conn) ChangeQdisc(q Qdisc) error { return c.writeQdisc("change", change, q) }

func (c *Conn) writeQdisc(verb string, flags netlink.HeaderFlags, q Qdisc) error {
	return c.write(q, flags, verb+" qdisc")
}

func (q Qdisc) message() (typ uint16, t tcmsg, options *encoder) {
	options = new(encoder)
	options.string(attrKind, q.Kind())
	options.nest(attrOptions, func() {
		if q.Options != nil {
			q.Options.encode(options)
		}
	})
	return unix.RTM_NEWQDISC, tcmsg{ifindex: q.Ifindex, handle: q.Handle, parent: q.Parent}, options
}

// DeleteQdisc removes q and all that is in it.
func (c *Conn) DeleteQdisc(q Qdisc) error {
	t := tcmsg{ifindex: q.Ifindex, handle: q.Handle, parent: q.Parent}
	return c.request(unix.RTM_DELQDISC, 0, t, &encoder{}, "delete qdisc", q)
}

func (q Qdisc) String() string {
	return fmt.Sprintf("%s %s parent %s on ifindex %d", q.Kind(), q.Handle, q.Parent, q.Ifindex)
}

// Qdiscs dumps those of all interfaces, without the kernel's hidden ones.
func (c *Conn) Qdiscs() ([]Qdisc, error) {
	messages, err := c.dump(unix.RTM_GETQDISC, tcmsg{}, "dump qdiscs")
	if err != nil {
		return nil, err
	}
	qdiscs := make([]Qdisc, 0, len(messages))
	for _, m := range messages {
		if q, ok := parseQdisc(m.Data); ok && m.Header.Type == unix.RTM_NEWQDISC {
			qdiscs = append(qdiscs, q)
		}
	}
	return qdiscs, nil
}

func parseQdisc(b []byte) (Qdisc, bool) {
	t, rest, ok := parseTcmsg(b)
	if !ok {
		return Qdisc{}, false
	}
	q := Qdisc{Ifindex: t.ifindex, Handle: t.handle, Parent: t.parent}
	kind, options, stats := parseObject(rest)
	q.Options = parseOptions(kind, options)
	if kind == kindClsact {
		q.Options = Clsact{Shared: hasBlock(rest)}
	}
	q.Data = string(options)
	q.Stats = stats
	return q, true
}

// hasBlock reports whether the attributes of a qdisc name a block of filters.
func hasBlock(b []byte) bool {
	for typ := range attrs(b) {
		if typ == attrIngressBlock || typ == attrEgressBlock {
			return true
		}
	}
	return false
}

// parseObject reads what qdiscs and classes have in common.
func parseObject(b []byte) (kind string, options []byte, stats Stats) {
	var counted []byte
	for typ, v := range attrs(b) {
		switch typ {
		case attrKind:
			kind = text(v)
		case attrOptions:
			options = v
		case attrStats2:
			counted = v
		}
	}
	return kind, options, parseStats(kind, counted)
}

func parseOptions(kind string, b []byte) Options {
	switch kind {
	case kindHTB:
		return parseHTB(b)
	case kindTBF:
		return parseTBF(b)
	case kindFQCoDel:
		return parseFQCoDel(b)
	case kindCake:
		return parseCake(b)
	case kindClsact:
		return Clsact{}
	}
	return Raw{Name: kind, Data: string(b)}
}

const kindClsact = "clsact"

// Clsact holds the filters at an interface's two hooks. It queues nothing.
type Clsact struct {
	// Shared is that a hook's filters are those of a block, which other interfaces may share; dumped alone. No filter can be put
	// there by way of the interface.
	Shared bool
}

// Kind is "clsact".
func (Clsact) Kind() string { return kindClsact }

func (Clsact) encode(*encoder) {}
