package tcnl

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Changeable is a Class or a Qdisc.
type Changeable interface {
	fmt.Stringer
	message() (typ uint16, t tcmsg, options *encoder)
}

// maxBatch keeps the refusals of a batch, each with its request in it, well within the socket's buffer.
const maxBatch = 64

// ChangeAll gives existing objects other parameters, in order. The kernel goes on after one that it refuses, and is asked for the
// refusals alone: a change of rates is a dozen objects, and each answer of its own would cost more than the change. The error is the
// first refusal, which does not say of which object; ChangeClass and ChangeQdisc do.
func (c *Conn) ChangeAll(objects []Changeable) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var refused error
	for some := range slices.Chunk(objects, maxBatch) {
		if err := c.changeLocked(some); err != nil && refused == nil {
			refused = wrap(fmt.Sprintf("change %d objects", len(objects)), err)
		}
	}
	return refused
}

func (c *Conn) changeLocked(objects []Changeable) (refused error) {
	batch := make([]netlink.Message, 0, len(objects))
	for _, o := range objects {
		typ, m, options := o.message()
		batch = append(batch, newRequest(typ, change, m, options))
	}
	if _, err := c.nl.SendMessages(batch); err != nil {
		return err
	}
	// The kernel has done all of it by now, and what it refused waits to be read. Asked to acknowledge the end it would wake up
	// a thread of the runtime that waits for sockets, to no purpose and for more than the change takes.
	for {
		waits, err := c.answerWaits()
		switch {
		case errors.Is(err, unix.ENOBUFS): // more was refused than the socket holds: the rest is still to be read
			refused = cmp.Or(refused, err)
		case err != nil || !waits:
			return errors.Join(refused, err)
		default:
			_, err = c.nl.Receive()
			refused = cmp.Or(refused, err)
		}
	}
}

// answerWaits reports whether there is something to read.
func (c *Conn) answerWaits() (waits bool, err error) {
	raw, err := c.nl.SyscallConn()
	if err != nil {
		return false, err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) {
		_, _, failed = unix.Recvfrom(int(fd), nil, unix.MSG_PEEK|unix.MSG_DONTWAIT)
	}); err != nil {
		return false, err
	}
	if errors.Is(failed, unix.EAGAIN) {
		return false, nil
	}
	return failed == nil, failed
}
