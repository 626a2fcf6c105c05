package lock

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// netnsLock is an abstract Unix socket: such names belong to a network namespace.
const netnsLock = "@slicegate/sliced"

// Netns refuses when another agent shapes this network namespace, and says which.
func Netns() (io.Closer, error) {
	l, err := net.Listen("unix", netnsLock)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("another sliced (%s) shapes this network namespace: stop it first", netnsHolder())
	}
	if err != nil {
		return nil, fmt.Errorf("lock network namespace: %w", err)
	}
	return l, nil
}

// netnsHolder asks the kernel who listens on the lock's socket.
func netnsHolder() string {
	unknown := "of unknown pid"
	conn, err := net.Dial("unix", netnsLock)
	if err != nil {
		return unknown
	}
	defer conn.Close()
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return unknown
	}
	var peer *unix.Ucred
	if raw.Control(func(fd uintptr) { peer, _ = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }) != nil || peer == nil {
		return unknown
	}
	return fmt.Sprintf("pid %d", peer.Pid)
}

// StateDir makes the state directory, shows that it can be written, and refuses when another agent has it.
func StateDir(dir string) (io.Closer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make state directory: %w; choose another with --state-dir", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("write state directory: %w; choose another with --state-dir", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		holder, _ := io.ReadAll(io.LimitReader(f, 32))
		f.Close()
		return nil, fmt.Errorf("another sliced (pid %s) has the state directory %s: stop it, or choose another with --state-dir", strings.TrimSpace(string(holder)), dir)
	}
	if err := writePid(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("write state directory: %w; choose another with --state-dir", err)
	}
	return f, nil
}

func writePid(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := fmt.Fprintln(f, os.Getpid())
	return err
}
