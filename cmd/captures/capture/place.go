package capture

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"github.com/slicegate/slicegate/internal/nettest"
)

// host is a machine: a namespace with an address of each family on eth0.
type host struct {
	*nettest.NS
	name   string
	v4, v6 netip.Addr
	dir    string // its /run, and home of what runs on it
}

// addr gives the address of a family: 4 or 6.
func (h *host) addr(family int) string { return h.ip(family).String() }

func (h *host) ip(family int) netip.Addr {
	if family == 6 {
		return h.v6
	}
	return h.v4
}

// port writes an address and a port of h, as URLs and the like want them.
func (h *host) port(family int, port uint16) string {
	return netip.AddrPortFrom(h.ip(family), port).String()
}

// Points at which a capture is taken: the box's interfaces.
const (
	atAttendee = "ven0"
	atGuest    = "ven1"
	atUplink   = "wan"
)

// place is where a run happens: two venue hosts and a server, with the box as the router between them.
type place struct {
	attendee, guest, server *host
	box                     *nettest.NS
	dir                     string

	programs []*program // what was started, in order
	commands []string   // for the manifest
	closers  []func() error
}

// networks are the venue's two and the server's, without the last number: 1 is the box, 2 the host. Addresses are private ones
// for the venue, and those kept for documentation.
var networks = [...]struct{ v4, v6 string }{
	{"10.7.1.", "2001:db8:7:1::"},
	{"10.7.2.", "2001:db8:7:2::"},
	{"192.0.2.", "2001:db8:9::"},
}

// The networks of the hosts.
const (
	attendeeNetwork = iota
	guestNetwork
	serverNetwork
)

func newPlace() (_ *place, err error) {
	p := &place{}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	if p.dir, err = os.MkdirTemp("", "captures"); err != nil {
		return p, err
	}
	p.closers = append(p.closers, func() error { return os.RemoveAll(p.dir) })
	// Programs that give up root must be able to read what is in it.
	if err := os.Chmod(p.dir, 0o755); err != nil {
		return p, err
	}
	if p.box, err = p.namespace(); err != nil {
		return p, err
	}
	if err := p.box.Forward(); err != nil {
		return p, err
	}
	for i, h := range []struct {
		to   **host
		name string
		port string
	}{
		{&p.attendee, "attendee", atAttendee},
		{&p.guest, "guest", atGuest},
		{&p.server, "server", atUplink},
	} {
		if *h.to, err = p.newHost(h.name, h.port, i); err != nil {
			return p, fmt.Errorf("make host %s: %w", h.name, err)
		}
	}
	return p, p.writeNames()
}

func (p *place) namespace() (*nettest.NS, error) {
	ns, err := nettest.New()
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, ns.Close)
	return ns, nil
}

// newHost makes the host of a network, behind the box's interface port.
func (p *place) newHost(name, port string, n int) (*host, error) {
	ns, err := p.namespace()
	if err != nil {
		return nil, err
	}
	h := &host{NS: ns, name: name, dir: filepath.Join(p.dir, name)}
	router4, router6 := networks[n].v4+"1", networks[n].v6+"1"
	h.v4, h.v6 = netip.MustParseAddr(networks[n].v4+"2"), netip.MustParseAddr(networks[n].v6+"2")
	if err := h.makeDirs(); err != nil {
		return nil, err
	}
	if err := wire(p.box, port, h, n); err != nil {
		return nil, err
	}
	return h, errors.Join(
		p.box.Addr(port, router4+"/24", router6+"/64"),
		h.Addr("eth0", h.v4.String()+"/24", h.v6.String()+"/64"),
		h.Route("default", router4),
		h.Route("default", router6),
	)
}

// makeDirs makes the folders that a program on h is given. Whoever it becomes may write there.
func (h *host) makeDirs() error {
	for _, name := range []string{"run", "home"} {
		dir := filepath.Join(h.dir, name)
		if err := errors.Join(os.MkdirAll(dir, 0o777), os.Chmod(dir, 0o777)); err != nil {
			return err
		}
	}
	return nil
}

// router is the box as a host that programs may run on.
func (p *place) router() (*host, error) {
	h := &host{NS: p.box, name: "box", dir: filepath.Join(p.dir, "box")}
	return h, h.makeDirs()
}

// zone is the domain that the place's names are in.
const zone = "venue.test"

// site is the server's name.
const site = "server." + zone

// writeNames writes the files by which programs find hosts: the server answers for the zone.
func (p *place) writeNames() error {
	hosts := "127.0.0.1 localhost\n::1 localhost\n" + p.server.addr(4) + " " + site + "\n" + p.server.addr(6) + " " + site + "\n"
	files := map[string]string{
		"resolv.conf":   "nameserver " + p.server.addr(4) + "\noptions timeout:2\n",
		"hosts":         hosts,
		"nsswitch.conf": "hosts: files dns\npasswd: files\ngroup: files\n",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// file writes a file for programs to read, and gives its path.
func (p *place) file(name, text string) (string, error) {
	path := filepath.Join(p.dir, name)
	return path, os.WriteFile(path, []byte(text), 0o644)
}

// close ends what was started, and removes the place.
func (p *place) close() error {
	var errs []error
	stop(p.programs...)
	for _, closer := range slices.Backward(p.closers) {
		errs = append(errs, closer())
	}
	return errors.Join(errs...)
}

// background starts a part of ours, such as a server of this package, that ends with the place.
func (p *place) background(ctx context.Context, fn func(context.Context) error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- fn(ctx) }()
	p.closers = append(p.closers, func() error {
		cancel()
		return <-done
	})
}

// within tells whether an end is the host of a network.
func within(network int, end netip.AddrPort) bool {
	addr := end.Addr().String()
	return addr == networks[network].v4+"2" || addr == networks[network].v6+"2"
}
