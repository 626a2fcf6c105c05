package demo

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// receiver reads datagrams with the time at which the kernel received them: a busy machine's scheduler is no part of a
// round trip.
type receiver struct {
	conn *net.UDPConn
	buf  [2048]byte
	oob  [128]byte
}

func newReceiver(conn *net.UDPConn) (*receiver, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var option error
	err = raw.Control(func(fd uintptr) {
		option = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_NEW, 1)
	})
	if err = errors.Join(err, option); err != nil {
		return nil, fmt.Errorf("ask for receive times: %w", err)
	}
	return &receiver{conn: conn}, nil
}

// write sends a datagram. A far end that is not there, any more or yet, shows with a later one: that is lost, and no error.
func write(conn *net.UDPConn, b []byte) error {
	if _, err := conn.Write(b); !errors.Is(err, unix.ECONNREFUSED) {
		return err
	}
	return nil
}

// next reads one datagram. It is valid until the next call.
func (r *receiver) next() ([]byte, time.Time, error) {
	n, oobn, _, _, err := r.conn.ReadMsgUDPAddrPort(r.buf[:], r.oob[:])
	for errors.Is(err, unix.ECONNREFUSED) { // as with write
		n, oobn, _, _, err = r.conn.ReadMsgUDPAddrPort(r.buf[:], r.oob[:])
	}
	if err != nil {
		return nil, time.Time{}, err
	}
	at, err := receiveTime(r.oob[:oobn])
	return r.buf[:n], at, err
}

func receiveTime(oob []byte) (time.Time, error) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return time.Time{}, fmt.Errorf("read receive time: %w", err)
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS_NEW && len(m.Data) >= 16 {
			seconds, nanos := binary.NativeEndian.Uint64(m.Data), binary.NativeEndian.Uint64(m.Data[8:])
			return time.Unix(int64(seconds), int64(nanos)), nil
		}
	}
	return time.Time{}, errors.New("read receive time: datagram came without")
}

// untilDone closes conn when ctx is done, which ends reads and writes on it. The caller runs stop when it needs that no more.
func untilDone(ctx context.Context, conn interface{ Close() error }) (stop func()) {
	cancel := context.AfterFunc(ctx, func() { conn.Close() })
	return func() {
		cancel()
		conn.Close()
	}
}

// ended gives an error that the end of ctx, of a socket or of its patience does not explain.
func ended(ctx context.Context, err error) error {
	explained := ctx.Err() != nil || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded)
	if explained {
		return nil
	}
	return err
}
