package nettest

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// errVanished is what Do returns when fn ended its goroutine instead of returning, as t.Fatal does.
var errVanished = errors.New("function did not return (t.Fatal inside Do?)")

// NS is a network namespace with lo up, IPv6 duplicate address detection off and forwarding off.
type NS struct {
	file  *os.File
	links *netlink.Handle
}

// New makes a namespace. Its caller closes it.
func New() (*NS, error) {
	n := &NS{}
	err := onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("make network namespace (root?): %w", err)
		}
		var err error
		n.file, err = os.Open(currentNS)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := n.prepare(); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// NewT makes a namespace that closes when the test ends.
func NewT(t testing.TB) *NS {
	t.Helper()
	n, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

func (n *NS) prepare() error {
	links, err := netlink.NewHandleAt(netns.NsHandle(n.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open netlink in namespace: %w", err)
	}
	n.links = links
	for _, key := range []string{
		"net.ipv4.ip_forward",
		"net.ipv6.conf.all.forwarding",
		"net.ipv6.conf.all.accept_dad",
		"net.ipv6.conf.default.accept_dad",
	} {
		if err := n.Sysctl(key, "0"); err != nil {
			return err
		}
	}
	return n.up("lo")
}

// Close gives the namespace up. It goes away, with all its links, once nothing runs in it and no socket is left.
func (n *NS) Close() error {
	if n.links != nil {
		n.links.Close()
	}
	return n.file.Close()
}

// Fd is the namespace's descriptor, valid until Close.
func (n *NS) Fd() int { return int(n.file.Fd()) }

// Do runs fn on a thread inside n and returns its error. Sockets that fn opens stay in n. fn must return: no t.Fatal.
func (n *NS) Do(fn func() error) error {
	return onThread(func() error {
		if err := unix.Setns(n.Fd(), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter network namespace: %w", err)
		}
		return fn()
	})
}

const currentNS = "/proc/thread-self/ns/net"

// onThread runs fn on a locked thread that may change its namespace. A thread that can't be put back dies with its goroutine.
func onThread(fn func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		result := errVanished
		defer func() { done <- result }()

		home, err := os.Open(currentNS)
		if err != nil {
			result = fmt.Errorf("open current namespace: %w", err)
			return
		}
		defer func() {
			if err := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); err == nil {
				runtime.UnlockOSThread()
			}
			home.Close()
		}()
		result = fn()
	}()
	return <-done
}
