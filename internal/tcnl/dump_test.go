package tcnl

import (
	"errors"
	"testing"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// A dump that the kernel refuses is an error, and not a kernel without objects.
func TestRefusedDump(t *testing.T) {
	c, err := Dial(0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const nonesuch = 4000 // far beyond RTM_MAX
	messages, err := c.dump(nonesuch, tcmsg{}, "dump nothing")
	var refused *Error
	if !errors.As(err, &refused) || refused.Op != "dump nothing" || !errors.Is(err, unix.EOPNOTSUPP) {
		t.Errorf("got %d messages and %v, want EOPNOTSUPP", len(messages), err)
	}
	if _, err := c.Qdiscs(); err != nil {
		t.Errorf("the next question met %v", err)
	}
}

func TestPartOfADump(t *testing.T) {
	const sequence, port = 7, 4242
	message := func(typ netlink.HeaderType, sequence, port uint32, data []byte) []byte {
		m := netlink.Message{Header: netlink.Header{Type: typ, Sequence: sequence, PID: port, Length: uint32(unix.NLMSG_HDRLEN + len(data))}, Data: data}
		b, err := m.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	errno := func(e int32) []byte { return native.AppendUint32(nil, uint32(-e)) }
	object := message(unix.RTM_NEWQDISC, sequence, port, make([]byte, tcmsgLen))
	done := message(unix.NLMSG_DONE, sequence, port, errno(0))
	join := func(parts ...[]byte) (b []byte) {
		for _, p := range parts {
			b = append(b, p...)
		}
		return b
	}
	for name, test := range map[string]struct {
		b       []byte
		objects int
		done    bool
		err     error
	}{
		"objects":                  {join(object, object), 2, false, nil},
		"objects and the end":      {join(object, done), 1, true, nil},
		"the end":                  {done, 0, true, nil},
		"the end, without a word":  {message(unix.NLMSG_DONE, sequence, port, nil), 0, true, nil},
		"a refusal":                {message(unix.NLMSG_ERROR, sequence, port, join(errno(int32(unix.EBUSY)), make([]byte, 16))), 0, true, refusal(unix.EBUSY)},
		"an end that failed":       {join(object, message(unix.NLMSG_DONE, sequence, port, errno(int32(unix.ENOBUFS)))), 0, true, refusal(unix.ENOBUFS)},
		"another's":                {message(unix.RTM_NEWQDISC, sequence-1, port, make([]byte, tcmsgLen)), 0, false, errOthers},
		"another's after ours":     {join(object, message(unix.NLMSG_ERROR, sequence-1, port, errno(int32(unix.ENODEV)))), 0, false, errOthers},
		"another socket's":         {message(unix.RTM_NEWQDISC, sequence, port+1, make([]byte, tcmsgLen)), 0, false, errOthers},
		"a header that is cut off": {join(object, object[:10]), 1, false, nil},
		"an object that is":        {join(object, object[:20]), 0, false, errMalformed},
		"a length of nothing":      {make([]byte, 32), 0, false, errMalformed},
		"nothing":                  {nil, 0, false, nil},
	} {
		objects, done, err := parsePart(test.b, sequence, port)
		if len(objects) != test.objects || done != test.done || !errors.Is(err, test.err) {
			t.Errorf("%s: %d objects, done %v, error %v; want %d, %v, %v", name, len(objects), done, err, test.objects, test.done, test.err)
		}
	}
}
