package demo

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// endless is what a bulk download asks for.
const endless = math.MaxInt64

// Upload sends to peer as fast as it may, until ctx is done.
func Upload(ctx context.Context, host *Host, peer netip.AddrPort) error {
	conn, hangUp, err := ask(ctx, host, peer, 0)
	if err != nil {
		return ended(ctx, err)
	}
	defer hangUp()
	_, err = io.Copy(onlyWriter{conn}, zeros{})
	return ended(ctx, err)
}

// Download takes from peer as fast as it may, until ctx is done, and counts into taken.
func Download(ctx context.Context, host *Host, peer netip.AddrPort, taken *atomic.Uint64) error {
	conn, hangUp, err := ask(ctx, host, peer, endless)
	if err != nil {
		return ended(ctx, err)
	}
	defer hangUp()
	_, err = io.Copy(counter{taken}, onlyReader{conn})
	return ended(ctx, err)
}

// A page, and how long a person waits for one.
const (
	pageSize     = 30_000
	pageDeadline = 15 * time.Second
)

// LoadPage logs how long a page takes from the first packet to the last. One that takes too long is lost, which is no error.
func LoadPage(ctx context.Context, host *Host, peer netip.AddrPort, trips *Trips) error {
	return ended(ctx, loadPage(ctx, host, peer, trips))
}

func loadPage(ctx context.Context, host *Host, peer netip.AddrPort, trips *Trips) error {
	start := time.Now()
	trips.Sent(start)
	conn, hangUp, err := ask(ctx, host, peer, pageSize)
	if err != nil {
		return err
	}
	defer hangUp()
	if err := conn.SetReadDeadline(start.Add(pageDeadline)); err != nil {
		return err
	}
	if _, err := io.CopyN(io.Discard, conn, pageSize); err != nil {
		return fmt.Errorf("load page: %w", err)
	}
	trips.Done(start, time.Now())
	return nil
}

// ask connects and asks for a number of bytes. The connection ends with ctx, at once and with whatever is in its buffers.
func ask(ctx context.Context, host *Host, peer netip.AddrPort, want uint64) (conn net.Conn, hangUp func(), err error) {
	conn, err = host.DialTCP(ctx, peer)
	if err != nil {
		return nil, nil, err
	}
	hangUp = untilDone(ctx, conn)
	if err := conn.(*net.TCPConn).SetLinger(0); err != nil {
		hangUp()
		return nil, nil, err
	}
	if _, err := conn.Write(binary.BigEndian.AppendUint64(nil, want)); err != nil {
		hangUp()
		return nil, nil, err
	}
	return conn, hangUp, nil
}

// zeros is a file without end.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// counter counts what is written to it.
type counter struct{ bytes *atomic.Uint64 }

func (c counter) Write(b []byte) (int, error) {
	c.bytes.Add(uint64(len(b)))
	return len(b), nil
}

// onlyReader and onlyWriter hide a socket's shortcuts past user space, so that io.Copy shows every byte to a counter.
type (
	onlyReader struct{ io.Reader }
	onlyWriter struct{ io.Writer }
)
