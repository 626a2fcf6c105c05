package demo

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// askSendTimes has the kernel note when it hands each packet of a socket to the device, numbered from 0.
func askSendTimes(fd int) error {
	const flags = unix.SOF_TIMESTAMPING_TX_SOFTWARE | unix.SOF_TIMESTAMPING_SOFTWARE |
		unix.SOF_TIMESTAMPING_OPT_ID | unix.SOF_TIMESTAMPING_OPT_TSONLY
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPING_NEW, flags); err != nil {
		return fmt.Errorf("ask for send times: %w", err)
	}
	return nil
}

// readSendTimes takes what the kernel has noted so far off the socket's error queue.
func (s *Sequence) readSendTimes(fd int) error {
	oob := make([]byte, 256)
	for {
		_, n, _, _, err := unix.Recvmsg(fd, nil, oob, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
		if errors.Is(err, unix.EAGAIN) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read send times: %w", err)
		}
		messages, err := unix.ParseSocketControlMessage(oob[:n])
		if err != nil {
			return fmt.Errorf("read send times: %w", err)
		}
		if number, at := sendTime(messages); int(number) < len(s.sent) {
			s.sent[number] = at
		}
	}
}

// sendTime puts the two halves of a note together: a time, and in the extended error the packet's number.
func sendTime(messages []unix.SocketControlMessage) (number uint32, at time.Time) {
	const numberAt = 12 // ee_data in struct sock_extended_err
	for _, m := range messages {
		switch {
		case m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPING_NEW && len(m.Data) >= 16:
			at = time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:])))
		case (m.Header.Type == unix.IP_RECVERR || m.Header.Type == unix.IPV6_RECVERR) && len(m.Data) >= numberAt+4:
			number = binary.NativeEndian.Uint32(m.Data[numberAt:])
		}
	}
	return number, at
}
