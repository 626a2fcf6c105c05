package tcnl

import (
	"errors"
	"fmt"
	"sync"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Conn is a netlink socket in one network namespace. Its methods may be called at once from several goroutines.
type Conn struct {
	nl *netlink.Conn

	mu   sync.Mutex // guards exchanges, since the answers to a batch are as many as the kernel likes, and what follows
	last uint32     // the sequence number of the last dump
	part []byte     // of a dump, as it is read
}

// Dial opens a socket in the namespace that the descriptor stands for; 0 for the current one.
func Dial(netnsFd int) (*Conn, error) {
	nl, err := netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{NetNS: netnsFd, MessageBufferSize: messageBuffer})
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	// Without it errors have a number and no words, on kernels that we do not support anyway.
	_ = nl.SetOption(netlink.ExtendedAcknowledge, true)
	return &Conn{nl: nl}, nil
}

// messageBuffer holds the longest message: the kernel fills no more than 32 KiB at once, and a refusal has its request in it. Without a
// size each message is asked for twice, first for its length.
const messageBuffer = 64 << 10

// Close closes the socket.
func (c *Conn) Close() error { return c.nl.Close() }

// PortID is what the kernel puts into the events that this socket's own requests cause.
func (c *Conn) PortID() uint32 { return c.nl.PID() }

// Error is a request that the kernel refused. It unwraps to the error number.
type Error struct {
	Op    string // what was tried, such as "add qdisc htb 5c1e: on ifindex 3"
	Errno error
	Text  string // the kernel's explanation; often empty
}

func (e *Error) Error() string {
	if e.Text == "" {
		return fmt.Sprintf("%s: %v", e.Op, e.Errno)
	}
	return fmt.Sprintf("%s: %v (%s)", e.Op, e.Errno, e.Text)
}

// Unwrap gives the error number.
func (e *Error) Unwrap() error { return e.Errno }

func wrap(op string, err error) error {
	var refused *netlink.OpError
	if errors.As(err, &refused) {
		return &Error{Op: op, Errno: refused.Err, Text: refused.Message}
	}
	return fmt.Errorf("%s: %w", op, err)
}

// Gone reports whether err says that an object, or the interface that it was on, is not there.
func Gone(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ESRCH)
}

// Flags of a request that writes.
const (
	create  = netlink.Create | netlink.Excl
	replace = netlink.Create | netlink.Replace
	change  = netlink.HeaderFlags(0)
)

// request writes one object; what (as "add class") and object are for the error alone, and put into words only then.
func (c *Conn) request(typ uint16, flags netlink.HeaderFlags, t tcmsg, e *encoder, what string, object fmt.Stringer) error {
	if err := c.exchange(newRequest(typ, flags|netlink.Acknowledge, t, e)); err != nil {
		return wrap(what+" "+object.String(), err)
	}
	return nil
}

func newRequest(typ uint16, flags netlink.HeaderFlags, t tcmsg, e *encoder) netlink.Message {
	return netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(typ), Flags: netlink.Request | flags},
		Data:   append(t.marshal(), e.b...),
	}
}

// write writes a class or a qdisc.
func (c *Conn) write(o Changeable, flags netlink.HeaderFlags, what string) error {
	typ, t, options := o.message()
	return c.request(typ, flags, t, options, what, o)
}

func (c *Conn) exchange(m netlink.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.nl.Execute(m)
	if err != nil { // what was not read of the answer would be taken for the next one's
		err = errors.Join(err, c.control(drain))
	}
	return err
}

// drain reads what is there, and forgets it. The kernel has answered by the time a request is sent, and goes on with a dump as it is read.
func drain(fd int) error {
	for {
		_, _, err := unix.Recvfrom(fd, nil, unix.MSG_DONTWAIT)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return nil
		case err != nil && !errors.Is(err, unix.ENOBUFS): // else the socket lost something: the rest is still to be read
			return err
		}
	}
}
