package lock_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slicegate/slicegate/internal/lock"
	"github.com/slicegate/slicegate/internal/nettest"
)

func TestStateDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "on", "the", "way")
	held, err := lock.StateDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("another sliced (pid %d) has the state directory %s", os.Getpid(), dir)
	if _, err := lock.StateDir(dir); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := lock.StateDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestStateDirThatIsAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := lock.StateDir(file); err == nil || !strings.Contains(err.Error(), "--state-dir") {
		t.Errorf("got %v", err)
	}
}

// A namespace has one agent, and says which; another namespace has another.
func TestNetns(t *testing.T) {
	nettest.Require(t, "root", "netns")
	here, there := nettest.NewT(t), nettest.NewT(t)
	take := func(ns *nettest.NS) (held io.Closer, err error) {
		err = ns.Do(func() error {
			held, err = lock.Netns()
			return err
		})
		return held, err
	}
	held, err := take(here)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("another sliced (pid %d) shapes this network namespace", os.Getpid())
	if _, err := take(here); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	other, err := take(there)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(held.Close(), other.Close()); err != nil {
		t.Error(err)
	}
	if held, err = take(here); err != nil {
		t.Fatal(err)
	}
	if err := held.Close(); err != nil {
		t.Error(err)
	}
}
