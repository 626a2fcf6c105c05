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
	waits, err := c.send(objects)
	// The kernel has done all of it by now, and what it refused waits to be read. Asked to acknowledge the end it would wake up
	// a thread of the runtime that waits for sockets, to no purpose and for more than the change takes.
	for waits && err == nil || errors.Is(err, unix.ENOBUFS) {
		if err == nil {
			_, err = c.nl.Receive()
		}
		refused = cmp.Or(refused, err) // also that more was refused than the socket holds: the rest is still to be read
		waits, err = c.answerWaits()
	}
	return cmp.Or(refused, err)
}

// send hands all objects to the kernel in one call, and reports whether it has answered. The library's own way begins a goroutine for
// each call, which wakes another thread of a process that sleeps for the most part. Sequence numbers stay 0: an answer is a refusal, and
// belongs to the batch.
func (c *Conn) send(objects []Changeable) (answered bool, err error) {
	var batch []byte
	for _, o := range objects {
		typ, t, options := o.message()
		b, err := c.marshal(newRequest(typ, change, t, options))
		if err != nil {
			return false, err
		}
		batch = append(batch, b...)
	}
	err = c.control(func(fd int) (err error) {
		if err = unix.Send(fd, batch, 0); err == nil {
			answered, err = peek(fd)
		}
		return err
	})
	return answered, err
}

// marshal is a request as this socket sends it by itself.
func (c *Conn) marshal(m netlink.Message) ([]byte, error) {
	m.Header.Length, m.Header.PID = uint32(align(unix.NLMSG_HDRLEN+len(m.Data))), c.PortID()
	return m.MarshalBinary()
}

// answerWaits reports whether there is something to read.
func (c *Conn) answerWaits() (waits bool, err error) {
	err = c.control(func(fd int) (err error) {
		waits, err = peek(fd)
		return err
	})
	return waits, err
}

func (c *Conn) control(do func(fd int) error) error {
	raw, err := c.nl.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = do(int(fd)) }); err != nil {
		return err
	}
	return failed
}

// peek reports whether there is something to read, and why the socket lost what there was.
func peek(fd int) (waits bool, err error) {
	_, _, err = unix.Recvfrom(fd, nil, unix.MSG_PEEK|unix.MSG_DONTWAIT)
	if errors.Is(err, unix.EAGAIN) {
		return false, nil
	}
	return err == nil, err
}
