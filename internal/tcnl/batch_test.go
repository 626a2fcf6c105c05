package tcnl

import (
	"errors"
	"testing"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// What is refused of a batch may be more than the socket holds. It is an error all the same, and nothing of it is taken for the
// answer to what is asked next.
func TestRefusalsThatOverflowTheSocket(t *testing.T) {
	c, err := Dial(0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.nl.SetReadBuffer(1); err != nil { // the kernel's least: two or three refusals
		t.Fatal(err)
	}
	var batch []Changeable
	for range maxBatch {
		batch = append(batch, Class{Ifindex: 1 << 30, Handle: 1<<16 + 1, Parent: Root})
	}
	if err := c.ChangeAll(batch); !errors.Is(err, unix.ENOBUFS) {
		t.Fatalf("got %v, want ENOBUFS", err)
	}
	if waits, err := c.answerWaits(); waits || err != nil {
		t.Errorf("afterwards an answer waits: %v, %v", waits, err)
	}
	if err := c.nl.SetReadBuffer(1 << 20); err != nil { // a dump needs more
		t.Fatal(err)
	}
	if _, err := c.Qdiscs(); err != nil {
		t.Errorf("the next question met %v", err)
	}
}

// An answer that nobody read fails one question, and no more: what was left of either is not taken for the answer to the next.
func TestAnswerThatWasNotRead(t *testing.T) {
	c, err := Dial(0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	m := newRequest(unix.RTM_DELQDISC, netlink.Acknowledge, tcmsg{ifindex: 1 << 30}, &encoder{})
	m.Header.Length = uint32(unix.NLMSG_HDRLEN + len(m.Data))
	b, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.control(func(fd int) error { return unix.Send(fd, b, 0) }); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Qdiscs(); !errors.Is(err, errOthers) || Gone(err) {
		t.Errorf("asked after that: got %v, want %v", err, errOthers)
	}
	if _, err := c.Qdiscs(); err != nil {
		t.Errorf("the next question met %v", err)
	}
}
