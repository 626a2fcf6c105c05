package nettest

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestDoComesHome(t *testing.T) {
	Require(t, "root", "netns")
	n := NewT(t)
	home := readNS(t)
	want := errors.New("said inside")
	var inside string
	err := n.Do(func() (err error) {
		if inside, err = os.Readlink(currentNS); err != nil {
			return err
		}
		return want
	})
	if !errors.Is(err, want) {
		t.Errorf("Do returned %v, want the function's error", err)
	}
	if inside == home {
		t.Error("the function ran outside the namespace")
	}
	for range 50 {
		if got := readNS(t); got != home {
			t.Fatalf("a thread stayed in %s, home is %s", got, home)
		}
	}
}

func readNS(t *testing.T) string {
	t.Helper()
	name, err := os.Readlink(currentNS)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func TestSocketStaysInside(t *testing.T) {
	Require(t, "root", "netns")
	n := NewT(t)
	var inside net.PacketConn
	err := n.Do(func() (err error) {
		inside, err = net.ListenPacket("udp4", "127.0.0.1:0")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	outside, err := net.ListenPacket("udp4", inside.LocalAddr().String())
	if err != nil {
		t.Fatalf("the same port outside: %v", err)
	}
	outside.Close()
}

func TestProgramRunsInside(t *testing.T) {
	Require(t, "root", "netns")
	n := NewT(t)
	out, err := n.Output("readlink", "/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(out) == readNS(t) {
		t.Error("the program ran outside the namespace")
	}
	if _, err := n.Output("readlink", "/proc/self/no-such-thing", "-v"); err == nil {
		t.Error("a failure of the program was not reported")
	}
	var exit *exec.ExitError
	if _, err := n.Output("sh", "-c", "echo broken pipe dream >&2; exit 3"); !errors.As(err, &exit) || !strings.Contains(err.Error(), "pipe dream") {
		t.Errorf("error %v, want an exit error with what the program said", err)
	}
}

func TestFailureNamesItsObject(t *testing.T) {
	Require(t, "root", "netns")
	n := NewT(t)
	tests := []struct {
		name string
		do   func() error
		want string
	}{
		{"address of no interface", func() error { return n.Addr("nope0", "10.0.0.1/24") }, "nope0"},
		{"address without prefix", func() error { return n.Addr("lo", "10.0.0.1") }, "10.0.0.1"},
		{"route to nowhere", func() error { return n.Route("10.1.0.0/16", "192.0.2.1") }, "10.1.0.0/16"},
		{"route by no address", func() error { return n.Route("default", "router") }, "router"},
		{"sysctl", func() error { return n.Sysctl("net.ipv4.nope", "1") }, "net.ipv4.nope"},
		{"bridge of no port", func() error { return n.Bridge("br9", "nope1") }, "nope1"},
		{"feature", func() error { return Have("teleport") }, "teleport"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.do()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that names %s", err, tt.want)
			}
		})
	}
}

func TestEveryProbeAnswers(t *testing.T) {
	Require(t, "root", "netns")
	for _, feature := range Features() {
		err := Have(feature)
		var missing *MissingError
		if err != nil && !errors.As(err, &missing) {
			t.Errorf("%s: %v is no MissingError", feature, err)
		}
		t.Logf("%s: %v", feature, err)
	}
}
