package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Transfer is a bulk flow that tells how far it has come.
type Transfer struct {
	Host      *Host
	Peer      netip.AddrPort
	Direction Direction
	DSCP      int // what the host marks its packets with

	taken atomic.Uint64 // of a download, bytes
	mu    sync.Mutex    // guards conn
	conn  *net.TCPConn  // of an upload, once it is up
}

// Run sends or takes as fast as it may, until ctx is done.
func (t *Transfer) Run(ctx context.Context) error {
	if t.Direction == Down {
		return Download(ctx, t.Host, t.Peer, &t.taken)
	}
	conn, hangUp, err := ask(ctx, t.Host, t.Peer, 0)
	if err != nil {
		return ended(ctx, err)
	}
	defer hangUp()
	if err := markDSCP(conn.(*net.TCPConn), t.DSCP); err != nil {
		return ended(ctx, err)
	}
	t.mu.Lock()
	t.conn = conn.(*net.TCPConn)
	t.mu.Unlock()
	_, err = io.Copy(onlyWriter{conn}, zeros{})
	return ended(ctx, err)
}

// Moved is how many bytes have arrived at their end so far. Of an upload the host's kernel knows, by what was acknowledged: what
// waits in its buffers has not arrived.
func (t *Transfer) Moved() (uint64, error) {
	if t.Direction == Down {
		return t.taken.Load(), nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conn == nil {
		return 0, nil
	}
	raw, err := t.conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var info *unix.TCPInfo
	var option error
	err = raw.Control(func(fd uintptr) {
		info, option = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	})
	if err = errors.Join(err, option); err != nil {
		return 0, fmt.Errorf("ask how far an upload has come: %w", err)
	}
	return info.Bytes_acked, nil
}
