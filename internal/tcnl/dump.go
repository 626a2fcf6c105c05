package tcnl

import (
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// dump reads all objects of a type. The kernel hands them over in parts, and does not say whether some came or went in between.
func (c *Conn) dump(typ uint16, t tcmsg, op string) ([]syscall.NetlinkMessage, error) {
	messages, err := c.read(newRequest(typ, netlink.Dump, t, &encoder{}))
	var refused refusal
	switch {
	case errors.As(err, &refused):
		return nil, &Error{Op: op, Errno: syscall.Errno(refused)}
	case err != nil:
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	return messages, nil
}

// refusal is an error number in the kernel's answer.
type refusal syscall.Errno

func (r refusal) Error() string { return syscall.Errno(r).Error() }

var (
	errTooLong   = errors.New("the kernel's answer is longer than the longest")
	errMalformed = errors.New("the kernel's answer is malformed")
	errOthers    = errors.New("the kernel's answer is to another question")
	errNoAnswer  = errors.New("the kernel did not answer")
)

// read asks for a dump, and reads it at once: the kernel has the first part ready by the time it is asked, and each other one by the time
// the one before is read. See send for why not in the library's way.
func (c *Conn) read(m netlink.Message) (messages []syscall.NetlinkMessage, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	m.Header.Sequence = c.last
	b, err := c.marshal(m)
	if err != nil {
		return nil, err
	}
	err = c.control(func(fd int) error {
		if err := unix.Send(fd, b, 0); err != nil {
			return err
		}
		for done := false; !done; {
			var part []syscall.NetlinkMessage
			if part, done, err = c.readPartLocked(fd); err != nil {
				return errors.Join(err, drain(fd)) // the rest would be taken for the next one's
			}
			messages = append(messages, part...)
		}
		return nil
	})
	return messages, err
}

// readPartLocked gives what the kernel hands over at once, and says whether that was the last.
func (c *Conn) readPartLocked(fd int) (_ []syscall.NetlinkMessage, done bool, err error) {
	if c.part == nil {
		c.part = make([]byte, messageBuffer)
	}
	n, _, err := unix.Recvfrom(fd, c.part, unix.MSG_DONTWAIT|unix.MSG_TRUNC)
	switch {
	case errors.Is(err, unix.EAGAIN):
		return nil, false, errNoAnswer
	case err != nil:
		return nil, false, err
	case n > len(c.part):
		return nil, false, errTooLong
	}
	return parsePart(slices.Clone(c.part[:n]), c.last, c.PortID())
}

// parsePart gives the objects of a part, which is to be an answer to a request, and says whether it ends the dump.
func parsePart(b []byte, sequence, port uint32) (objects []syscall.NetlinkMessage, done bool, err error) {
	part, err := syscall.ParseNetlinkMessage(b)
	if err != nil {
		return nil, false, errMalformed
	}
	for i, m := range part {
		if m.Header.Seq != sequence || m.Header.Pid != port {
			return nil, false, errOthers
		}
		if m.Header.Type == unix.NLMSG_DONE || m.Header.Type == unix.NLMSG_ERROR {
			if code := int32(u32(m.Data)); code < 0 {
				return nil, true, refusal(-code)
			}
			return part[:i], true, nil
		}
	}
	return part, false, nil
}
