package tcnl

import (
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Class is a class of HTB. Those of other qdiscs are dumped with their kind alone.
type Class struct {
	Ifindex int
	Handle  Handle
	Parent  Handle // a class, or Root
	Kind    string // dumped alone
	HTB     HTBClass
	Stats   Stats // dumped alone; its drops are not those of the qdisc in it
}

// AddClass makes cl; there must be none of its handle.
func (c *Conn) AddClass(cl Class) error { return c.writeClass("add", create, cl) }

// ChangeClass gives an existing class other parameters. Nothing that waits in it is lost.
func (c *Conn) ChangeClass(cl Class) error { return c.writeClass("change", change, cl) }

func (c *Conn) writeClass(verb string, flags netlink.HeaderFlags, cl Class) error {
	return c.write(cl, flags, verb+" class")
}

func (cl Class) message() (typ uint16, t tcmsg, options *encoder) {
	options = new(encoder)
	options.string(attrKind, kindHTB)
	options.nest(attrOptions, func() { cl.HTB.encode(options) })
	return unix.RTM_NEWTCLASS, tcmsg{ifindex: cl.Ifindex, handle: cl.Handle, parent: cl.Parent}, options
}

// DeleteClass removes cl and what waits in it. It must have no classes below it.
func (c *Conn) DeleteClass(cl Class) error {
	t := tcmsg{ifindex: cl.Ifindex, handle: cl.Handle}
	return c.request(unix.RTM_DELTCLASS, 0, t, &encoder{}, "delete class", cl)
}

func (cl Class) String() string {
	return fmt.Sprintf("%s parent %s on ifindex %d", cl.Handle, cl.Parent, cl.Ifindex)
}

// Classes dumps those of one interface; none if it is gone.
func (c *Conn) Classes(ifindex int) ([]Class, error) {
	messages, err := c.dump(unix.RTM_GETTCLASS, tcmsg{ifindex: ifindex}, fmt.Sprintf("dump classes of ifindex %d", ifindex))
	if err != nil {
		if Gone(err) {
			return nil, nil
		}
		return nil, err
	}
	classes := make([]Class, 0, len(messages))
	for _, m := range messages {
		if cl, ok := parseClass(m.Data); ok && m.Header.Type == unix.RTM_NEWTCLASS {
			classes = append(classes, cl)
		}
	}
	return classes, nil
}

func parseClass(b []byte) (Class, bool) {
	t, rest, ok := parseTcmsg(b)
	if !ok {
		return Class{}, false
	}
	cl := Class{Ifindex: t.ifindex, Handle: t.handle, Parent: t.parent}
	kind, options, stats := parseObject(rest)
	cl.Kind, cl.Stats = kind, stats
	if kind == kindHTB {
		cl.HTB = parseHTBClass(options)
	}
	return cl, true
}
