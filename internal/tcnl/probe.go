package tcnl

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// HasQdisc reports whether the kernel has a kind of qdisc, loading its module if need be. It asks for one where none of the kind
// may be, so that nothing is made: a kernel that knows the kind refuses the place, one that does not refuses the kind.
func (c *Conn) HasQdisc(kind string) (bool, error) {
	const loopback = 1
	// Any handle that a clsact does not have, and "replace", lest one that is there be the answer.
	q := Qdisc{Ifindex: loopback, Handle: 1 << 16, Parent: Ingress, Options: Raw{Name: kind}}
	switch err := c.ReplaceQdisc(q); {
	case errors.Is(err, unix.ENOENT):
		return false, nil
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP):
		return true, nil
	case err == nil:
		return false, fmt.Errorf("probe qdisc %s: kernel put it where none may be", kind)
	default:
		return false, fmt.Errorf("probe qdisc %s: %w", kind, err)
	}
}
