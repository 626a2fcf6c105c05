package shaper

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"sync"

	"github.com/cilium/ebpf"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/slice"
)

// boxConfig writes what the programs read: the settings, the rules' tables of ports and prefixes. Rules are bit vectors: each
// table leads from a field's value to the set of rules that accept it.
type boxConfig struct {
	settings, portTable, prefixTable *ebpf.Map

	mu          sync.Mutex // guards what follows, and the order of writes
	now         bpf.Settings
	ports       []uint64 // what portTable holds
	rules       []Rule   // what portTable and prefixTable were made of
	experiences []Experience
	configured  bool
}

// tcpPorts is where TCP's half of the port table begins.
const tcpPorts = 1 << 16

func newBoxConfig(set *bpf.Set) (*boxConfig, error) {
	b := &boxConfig{
		settings:    set.Maps["box"],
		portTable:   set.Maps["ports"],
		prefixTable: set.Maps["prefixes"],
		ports:       make([]uint64, 2*tcpPorts),
	}
	if err := b.settings.Lookup(uint32(0), &b.now); err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	var cursor ebpf.MapBatchCursor
	keys := make([]uint32, len(b.ports))
	_, err := b.portTable.BatchLookup(&cursor, keys, b.ports, nil)
	if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		return nil, fmt.Errorf("read port table: %w", err)
	}
	return b, nil
}

// configure makes the programs follow cfg. If that changes anything for them, every flow asks pins and rules again with its next
// packet; a change of rates does not.
func (b *boxConfig) configure(cfg Config) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	next := settingsOf(cfg)
	next.Generation, next.Venues, next.Pins = b.now.Generation, b.now.Venues, b.now.Pins
	next.HasPrefixes = b.now.HasPrefixes
	if b.configured && next == b.now && reflect.DeepEqual(cfg.Rules, b.rules) && reflect.DeepEqual(cfg.Experiences, b.experiences) {
		return nil
	}
	b.configured = false // until all of it is written
	prefixes := prefixVectors(cfg)
	if len(prefixes) > bpf.MaxPrefixes {
		return fmt.Errorf("write rules: %d different subnets, at most %d fit", len(prefixes), bpf.MaxPrefixes)
	}
	if err := b.writePortsLocked(portVectors(cfg.Rules)); err != nil {
		return err
	}
	if err := writePrefixes(b.prefixTable, prefixes); err != nil {
		return err
	}
	next.HasPrefixes = 0
	if len(prefixes) > 0 {
		next.HasPrefixes = 1
	}
	b.rules, b.experiences, b.configured = cfg.Rules, cfg.Experiences, true
	return b.publishLocked(next)
}

// interfaces tells the programs where the venue is: a packet that came in there is forwarded, not the box's own.
func (b *boxConfig) interfaces(venues []uint32) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	next := b.now
	next.Venues = [bpf.MaxVenues]uint32{}
	copy(next.Venues[:], venues)
	if next == b.now {
		return nil
	}
	return b.publishLocked(next)
}

// pinned tells the programs how many pins there are, and makes every flow look for its own again.
func (b *boxConfig) pinned(pins int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	next := b.now
	next.Pins = uint32(pins)
	return b.publishLocked(next)
}

// publishLocked writes the content under the old generation first. A program that reads the new one sees the new content; one
// that saw half of it noted the old generation with its flow, and will ask again.
func (b *boxConfig) publishLocked(next bpf.Settings) error {
	for range 2 {
		if err := b.settings.Put(uint32(0), next); err != nil {
			return fmt.Errorf("write settings: %w", err)
		}
		b.now = next
		next.Generation++
	}
	return nil
}

// settingsOf gives what cfg alone decides.
func settingsOf(cfg Config) bpf.Settings {
	var s bpf.Settings
	for _, sl := range cfg.Slices {
		if sl.Default {
			s.DefaultSlice = uint8(sl.ID)
		}
		dscp := uint8(0)
		switch sl.Name {
		case slice.Signalling:
			s.Signalling, dscp = uint8(sl.ID), dscpAF41
		case slice.Realtime:
			s.Realtime, dscp = uint8(sl.ID), dscpEF
		case "telemetry":
			dscp = dscpCS1
		}
		s.DscpOfSlice[sl.ID] = dscp
	}
	s.EveryPacket = 1<<s.Signalling | 1<<s.Realtime
	s.BestEffort = bestEffort(cfg.Slices)
	for i, r := range cfg.Rules {
		bit := uint64(1) << i
		s.Rules |= bit
		s.RuleSlice[i], s.RuleExperience[i] = uint8(r.Slice), r.Experience
		if len(r.Subnets) == 0 {
			s.RulesAnySubnet |= bit
		}
		if len(r.Ports) == 0 {
			s.RulesAnyPort |= bit
		}
		if len(r.DSCP) > 0 {
			s.RulesByDscp |= bit
		}
		for d := range s.DscpRules {
			if len(r.DSCP) == 0 {
				s.DscpRules[d] |= bit
			}
		}
		for _, d := range r.DSCP {
			s.DscpRules[d&63] |= bit
		}
	}
	return s
}

// bestEffort is the slices that come after calls: those that are as late as the default one, or later.
func bestEffort(slices []Slice) (set uint16) {
	latest := 0
	for _, sl := range slices {
		if sl.Default {
			latest = sl.Priority
		}
	}
	for _, sl := range slices {
		if sl.Priority >= latest && sl.Name != slice.Signalling && sl.Name != slice.Realtime {
			set |= 1 << sl.ID
		}
	}
	return set
}

// DSCPs that access points map to Wi-Fi's queues (RFC 8325, section 4).
const (
	dscpEF   = 46
	dscpAF41 = 34
	dscpCS1  = 8
)

func portVectors(rules []Rule) []uint64 {
	vectors := make([]uint64, 2*tcpPorts)
	for i, r := range rules {
		for _, ports := range r.Ports {
			base := 0
			if ports.Proto == slice.TCP {
				base = tcpPorts
			}
			for port := int(ports.From); port <= int(ports.To); port++ {
				vectors[base+port] |= 1 << i
			}
		}
	}
	return vectors
}

func (b *boxConfig) writePortsLocked(want []uint64) error {
	var keys []uint32
	var values []uint64
	for port, rules := range want {
		if b.ports[port] != rules {
			keys = append(keys, uint32(port))
			values = append(values, rules)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	if _, err := b.portTable.BatchUpdate(keys, values, nil); err != nil {
		return fmt.Errorf("write port table: %w", err)
	}
	b.ports = want
	return nil
}

// prefixVectors gives for every subnet that is named anywhere what holds inside it: the longest match is all that a program sees.
func prefixVectors(cfg Config) map[bpf.PrefixKey]bpf.Prefix {
	named := make(map[netip.Prefix]bool)
	for _, r := range cfg.Rules {
		for _, p := range r.Subnets {
			named[p.Masked()] = true
		}
	}
	for _, e := range cfg.Experiences {
		for _, p := range e.Subnets {
			named[p.Masked()] = true
		}
	}
	vectors := make(map[bpf.PrefixKey]bpf.Prefix, len(named))
	for p := range named {
		var v bpf.Prefix
		for i, r := range cfg.Rules {
			if anyHolds(r.Subnets, p) >= 0 {
				v.Rules |= 1 << i
			}
		}
		longest := -1
		for _, e := range cfg.Experiences {
			if bits := anyHolds(e.Subnets, p); bits > longest {
				longest, v.Experience = bits, e.Number
			}
		}
		vectors[bpf.PrefixKeyOf(p)] = v
	}
	return vectors
}

// anyHolds gives the length of the longest of outer that holds inner, or -1.
func anyHolds(outer []netip.Prefix, inner netip.Prefix) int {
	longest := -1
	for _, o := range outer {
		if o.Bits() <= inner.Bits() && o.Contains(inner.Addr()) {
			longest = max(longest, o.Bits())
		}
	}
	return longest
}

// writePrefixes removes before it adds: a table of just the size that fits has no room for both.
func writePrefixes(m *ebpf.Map, want map[bpf.PrefixKey]bpf.Prefix) error {
	var key bpf.PrefixKey
	var value bpf.Prefix
	var stale []bpf.PrefixKey
	entries := m.Iterate()
	for entries.Next(&key, &value) {
		if _, ok := want[key]; !ok {
			stale = append(stale, key)
		}
	}
	if err := entries.Err(); err != nil {
		return fmt.Errorf("list subnets: %w", err)
	}
	for _, key := range stale {
		if err := m.Delete(key); err != nil {
			return fmt.Errorf("remove subnet: %w", err)
		}
	}
	for key, value := range want {
		if err := m.Put(key, value); err != nil {
			return fmt.Errorf("write subnet: %w", err)
		}
	}
	return nil
}
