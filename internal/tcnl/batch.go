package tcnl

import (
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
	batch := make([]netlink.Message, 0, len(objects)+1)
	for _, o := range objects {
		typ, m, options := o.message()
		batch = append(batch, newRequest(typ, change, m, options))
	}
	// Only failures are answered without being asked. What does nothing, asked to say so, marks the end.
	end := netlink.Header{Type: netlink.HeaderType(unix.NLMSG_NOOP), Flags: netlink.Request | netlink.Acknowledge}
	sent, err := c.nl.SendMessages(append(batch, netlink.Message{Header: end}))
	if err != nil {
		return err
	}
	last := sent[len(sent)-1].Header.Sequence
	for range sent {
		answer, err := c.nl.Receive()
		switch {
		case err != nil && refused == nil:
			refused = err
		case err == nil && len(answer) > 0 && answer[len(answer)-1].Header.Sequence == last:
			return refused
		}
	}
	return refused
}
