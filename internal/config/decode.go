package config

import (
	"fmt"
	"net/netip"

	"github.com/slicegate/slicegate/internal/slice"
)

// decode reads a file's values, over the defaults. What concerns one value alone is judged here, the rest by check.
func (r *report) decode(root *node) *Config {
	cfg := Default()
	r.unknownSections(root)
	for _, s := range r.sections(root, "venue") {
		s.venue(&cfg.Venue)
	}
	for _, s := range r.sections(root, "uplink") {
		cfg.Uplinks = append(cfg.Uplinks, s.uplink())
	}
	if own := r.sections(root, "slice"); own != nil {
		cfg.Slices = nil
		for _, s := range own {
			cfg.Slices = append(cfg.Slices, s.slice())
		}
	}
	for _, s := range r.sections(root, "rule") {
		cfg.Rules = append(cfg.Rules, s.rule(cfg.Venue.TrustDSCP))
	}
	for _, s := range r.sections(root, "experience") {
		cfg.Experiences = append(cfg.Experiences, s.experience())
	}
	for _, s := range r.sections(root, "metrics") {
		if listen, ok := s.text("listen", `"127.0.0.1:9469"`); ok {
			cfg.Metrics.Listen = listen
		}
	}
	return cfg
}

func (s section) venue(v *Venue) {
	if name, ok := s.text("name", `"palazzo"`); ok {
		v.Name = name
	}
	for _, item := range s.texts("interfaces", `["br0"]`) {
		v.Interfaces = append(v.Interfaces, item.text)
	}
	devices, ok := s.text("devices", `"mac"`)
	switch {
	case !ok || devices == "mac":
	case devices == "address":
		v.ByAddress = true
	default:
		s.wrong("devices", fmt.Sprintf("want mac or address, not %q", devices), "address is for a venue behind another router")
	}
	v.WriteDSCP = s.boolean("dscp", v.WriteDSCP)
	v.TrustDSCP = s.boolean("trust_dscp", v.TrustDSCP)
	if n, ok := s.get("mark_mask", `a mask, such as "0xff000000"`, isText, isInteger); ok {
		mask, err := parseMarkMask(n.text)
		if err != nil {
			s.wrong("mark_mask", err.Error(), `such as "0xff000000"; "0" leaves packet marks alone`)
		}
		v.MarkMask = mask
	}
}

func (s section) uplink() Uplink {
	u := defaultUplink()
	u.Name, _ = s.needText("name", `"fibre"`, "it names the uplink in commands and figures")
	u.Interface, _ = s.needText("interface", `"eth0"`, "")
	u.Download = s.link("download")
	u.Upload = s.link("upload")
	if n, ok := s.get("overhead", `"none", a preset or bytes`, isText, isInteger); ok {
		over, err := parseOverhead(n.text)
		if err != nil {
			s.wrong("overhead", err.Error(), `when in doubt, write "none" and a rate 5 % lower`)
		}
		u.Overhead = over
	}
	u.Adopt = s.boolean("adopt", u.Adopt)
	if leaf, ok := s.text("leaf", `"auto"`); ok {
		switch u.Leaf = Leaf(leaf); u.Leaf {
		case LeafAuto, LeafFQCoDel, LeafCake, LeafFIFO:
		default:
			s.wrong("leaf", fmt.Sprintf("want auto, fq_codel, cake or fifo, not %q", leaf), `"auto" takes the best that this kernel has`)
		}
	}
	if clamp, ok := s.text("mss_clamp", `"auto"`); ok {
		u.MSSClamp = clamp == "auto"
		if !u.MSSClamp && clamp != "off" {
			s.wrong("mss_clamp", fmt.Sprintf("want auto or off, not %q", clamp), "")
		}
	}
	return u
}

// link reads the rate of a direction.
func (s section) link(key string) slice.Rate {
	text, ok := s.needText(key, `"19mbit"`, `95 % of what the contract promises, or "off"`)
	if !ok {
		return 0
	}
	rate, what, hint := parseLink(text)
	if what != "" {
		s.wrong(key, what, hint)
	}
	return rate
}

// minLink is a byte a millisecond. Less is a slip of the unit, and more than HTB's clock can hold apart.
const minLink = 8 * slice.Kbit

func parseLink(text string) (rate slice.Rate, what, hint string) {
	if text == "off" {
		return 0, "", ""
	}
	rate, err := slice.ParseRate(text)
	if err != nil {
		return 0, err.Error(), rateHint(text)
	}
	if rate < minLink {
		return 0, fmt.Sprintf("%s is too slow to shape: the least is %s", rate, minLink), "is the unit right?"
	}
	return rate, "", ""
}

func (s section) slice() Slice {
	sl := Slice{Priority: -1}
	sl.Name, _ = s.needText("name", `"media"`, "")
	if s.node.entry("priority") == nil {
		s.wrong("priority", "is missing", fmt.Sprintf("0 goes first, %d last; slices of one priority share", MaxPriority))
	}
	if p, ok := s.integer("priority"); ok {
		if p < 0 || p > MaxPriority {
			s.wrong("priority", fmt.Sprintf("want 0 to %d, not %d", MaxPriority, p), "0 goes first; slices of one priority share")
		}
		sl.Priority = p
	}
	sl.Min = s.share("min", `"5%"`, "what the slice is sure of")
	sl.Max = s.share("max", `"100%"`, "what the slice never exceeds")
	sl.Default = s.boolean("default", false)
	return sl
}

func (s section) share(key, example, hint string) slice.Share {
	text, ok := s.needText(key, example, hint)
	if !ok {
		return slice.Share{}
	}
	sh, err := slice.ParseShare(text)
	if err != nil {
		s.wrong(key, err.Error(), shareHint(text))
	}
	return sh
}

func (s section) rule(trustDSCP bool) Rule {
	var r Rule
	r.Slice, _ = s.needText("slice", `"realtime"`, "")
	if s.node.entry("hosts") != nil {
		s.wrong("hosts", "rules by host name are not supported yet: this version learns no names", "use ports and subnets instead")
	}
	for _, item := range s.texts("ports", `["udp/8801-8810"]`) {
		p, err := parsePorts(item.text)
		if err != nil {
			s.wrongItem(item, "ports", err.Error(), `such as "udp/8801-8810" or "tcp/443"`)
			continue
		}
		r.Ports = append(r.Ports, p)
	}
	r.Subnets = s.subnets()
	for _, item := range s.texts("dscp", `["ef"]`, isInteger) {
		v, err := parseDSCP(item.text)
		if err != nil {
			s.wrongItem(item, "dscp", err.Error(), "")
			continue
		}
		r.DSCP = append(r.DSCP, v)
	}
	if n := s.node.entry("dscp"); n != nil && len(n.entries) > 0 && !trustDSCP {
		s.wrong("dscp", "the venue's marks are not believed, so that this rule would never match",
			"set trust_dscp = true in [venue], or use ports and subnets")
	}
	matches := 0
	for _, key := range []string{"hosts", "ports", "subnets", "dscp"} {
		if n := s.node.entry(key); n != nil && (n.kind != isList || len(n.entries) > 0) {
			matches++
		}
	}
	if matches == 0 {
		s.wrong("", "matches everything", "give ports, subnets or dscp; the slice for the rest has default = true")
	}
	r.Experience, _ = s.text("experience", `"stall-4"`)
	return r
}

func (s section) subnets() []netip.Prefix {
	var all []netip.Prefix
	for _, item := range s.texts("subnets", `["10.9.4.0/24"]`) {
		p, err := parseSubnet(item.text)
		if err != nil {
			s.wrongItem(item, "subnets", err.Error(), "")
			continue
		}
		all = append(all, p)
	}
	return all
}

func (s section) experience() Experience {
	var e Experience
	e.Name, _ = s.needText("name", `"stall-4"`, "")
	e.Subnets = s.subnets()
	return e
}
