package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// check holds a whole configuration together: what two values say about each other, and what each name may be. A value that is
// missing or was not understood has been reported before, and is passed over.
func (r *report) check(cfg *Config) {
	r.checkVenue(cfg.Venue)
	r.checkUplinks(cfg.Uplinks)
	r.checkInterfaces(cfg)
	r.checkSlices(cfg.Slices)
	r.checkShares(cfg)
	r.checkRules(cfg)
	r.checkExperiences(cfg)
	r.checkSubnets(cfg)
	r.checkListen(cfg.Metrics.Listen)
}

func (r *report) checkVenue(v Venue) {
	at := func(key string) place { return place{"venue", 0, key} }
	if what := wrongText(v.Name); what != "" {
		r.add(at("name"), what, "")
	}
	if len(v.Interfaces) > MaxVenues {
		r.add(at("interfaces"), fmt.Sprintf("%d interfaces, at most %d", len(v.Interfaces), MaxVenues), "put them into one bridge")
	}
	if len(v.Interfaces) == 0 && !r.reported("venue", 0, "interfaces") {
		r.add(at("interfaces"), "no venue interface", `name the one towards the attendees: interfaces = ["br0"]`)
	}
}

func (r *report) checkUplinks(uplinks []Uplink) {
	if len(uplinks) == 0 && !r.reported("uplink", 0, "") {
		r.addLine(0, place{"uplink", 0, ""}, "no uplink", "add an [[uplink]] with name, interface, download and upload")
	}
	if len(uplinks) > MaxUplinks {
		r.add(place{"uplink", MaxUplinks, ""}, fmt.Sprintf("%d uplinks, at most %d", len(uplinks), MaxUplinks), "")
	}
	seen := make(map[string]bool)
	for i, u := range uplinks {
		at := place{"uplink", i, "name"}
		switch {
		case u.Name == "" && r.reported("uplink", i, "name"):
		case !isName(u.Name, maxUplinkName):
			r.add(at, fmt.Sprintf("%q is no name for an uplink", u.Name),
				fmt.Sprintf("1 to %d of a-z, 0-9 and -", maxUplinkName))
		case seen[u.Name]:
			r.add(at, fmt.Sprintf("another uplink is named %q", u.Name), "give each its own name")
		}
		seen[u.Name] = true
	}
}

// maxUplinkName leaves room for "ifb-" and "gso-" in the 15 bytes of an interface's name.
const maxUplinkName = 11

// isName takes 1 to most of a-z, 0-9 and "-".
func isName(s string, most int) bool {
	return s != "" && len(s) <= most && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// wrongText says what is wrong with a text that people read, "" when nothing is.
func wrongText(s string) string {
	switch {
	case s == "":
		return "is empty"
	case len(s) > MaxName:
		return fmt.Sprintf("%q is longer than %d bytes", s, MaxName)
	case !utf8.ValidString(s) || strings.IndexFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) >= 0:
		return fmt.Sprintf("%q has characters that can't be printed", s)
	case strings.TrimSpace(s) != s:
		return fmt.Sprintf("%q begins or ends with a space", s)
	}
	return ""
}

// checkInterfaces wants every interface once: a packet that meets two of our programs is counted twice.
func (r *report) checkInterfaces(cfg *Config) {
	users := make(map[string]string)
	use := func(at place, ifname, user string) {
		switch {
		case !isInterface(ifname):
			r.add(at, fmt.Sprintf("%q is no name for an interface", ifname), `"ip link" lists them, such as eth0`)
		case ifname == "lo":
			r.add(at, "lo leads nowhere", "name the interface that has the cable")
		case users[ifname] != "":
			r.add(at, fmt.Sprintf("%s is already %s", ifname, users[ifname]), "an interface is either the venue's or one uplink's")
		default:
			users[ifname] = user
		}
	}
	for _, ifname := range cfg.Venue.Interfaces {
		use(place{"venue", 0, "interfaces"}, ifname, "a venue interface")
	}
	for i, u := range cfg.Uplinks {
		if u.Interface != "" || !r.reported("uplink", i, "interface") {
			use(place{"uplink", i, "interface"}, u.Interface, fmt.Sprintf("uplink %q", u.Name))
		}
	}
	for i, u := range cfg.Uplinks {
		for _, made := range []string{"ifb-" + u.Name, "gso-" + u.Name} {
			if user := users[made]; user != "" {
				r.add(place{"uplink", i, "name"}, fmt.Sprintf("the agent makes an interface %s for it, and that is %s", made, user),
					"give the uplink another name")
			}
		}
	}
}

// isInterface is the kernel's own rule (dev_valid_name).
func isInterface(s string) bool {
	return s != "" && len(s) <= 15 && s != "." && s != ".." &&
		strings.IndexFunc(s, func(c rune) bool { return c == '/' || c == ':' || c <= ' ' || c > '~' }) < 0
}

func (r *report) checkListen(listen string) {
	if listen == "" {
		return
	}
	at := place{"metrics", 0, "listen"}
	const hint = `such as "127.0.0.1:9469", ":9469" for all addresses, "" for none`
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		r.add(at, fmt.Sprintf("%q is no address with a port", listen), hint)
		return
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		r.add(at, fmt.Sprintf("%q: a port is a number up to 65535, not %q", listen, port), hint)
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" && host != "localhost" {
		r.add(at, fmt.Sprintf("%q: want an IP address, not %q", listen, host), hint)
	}
}
