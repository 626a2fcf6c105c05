package config

import (
	"fmt"
	"net/netip"
	"strings"
)

func (r *report) checkRules(cfg *Config) {
	if len(cfg.Rules) > MaxRules {
		r.add(place{"rule", MaxRules, ""}, fmt.Sprintf("%d rules, at most %d", len(cfg.Rules), MaxRules),
			"a rule takes any number of ports and subnets: put some together")
	}
	slices := make(map[string]bool)
	var names []string
	for _, s := range cfg.Slices {
		slices[s.Name] = true
		names = append(names, s.Name)
	}
	payers := make(map[string]bool)
	for _, e := range cfg.Experiences {
		payers[e.Name] = true
	}
	for i, rule := range cfg.Rules {
		if rule.Slice != "" && !slices[rule.Slice] {
			r.add(place{"rule", i, "slice"}, fmt.Sprintf("no slice is named %q", rule.Slice), "there are "+strings.Join(names, ", "))
		}
		if rule.Slice == "" && !r.reported("rule", i, "slice") {
			r.add(place{"rule", i, "slice"}, "is empty", "there are "+strings.Join(names, ", "))
		}
		if rule.Experience != "" && !payers[rule.Experience] {
			r.add(place{"rule", i, "experience"}, fmt.Sprintf("no experience is named %q", rule.Experience),
				fmt.Sprintf("add an [[experience]] with name = %q", rule.Experience))
		}
	}
}

func (r *report) checkExperiences(cfg *Config) {
	if len(cfg.Experiences) > MaxExperiences {
		r.add(place{"experience", MaxExperiences, ""}, fmt.Sprintf("%d experiences, at most %d", len(cfg.Experiences), MaxExperiences),
			"one takes any number of subnets: put some together")
	}
	named := make(map[string]bool)
	owner := make(map[netip.Prefix]string)
	for i, e := range cfg.Experiences {
		at := place{"experience", i, "name"}
		what := wrongText(e.Name)
		switch {
		case e.Name == "" && r.reported("experience", i, "name"):
		case what != "":
			r.add(at, what, "")
		case named[e.Name]:
			r.add(at, fmt.Sprintf("another experience is named %q", e.Name), "put their subnets into one list")
		}
		named[e.Name] = true
		for _, p := range e.Subnets {
			if first, taken := owner[p]; taken {
				r.add(place{"experience", i, "subnets"}, fmt.Sprintf("%s already pays as %q", p, first),
					"a subnet has one payer: take it out of one of the two")
				continue
			}
			owner[p] = e.Name
		}
	}
}

// checkSubnets counts the different ones: they share a table in the kernel.
func (r *report) checkSubnets(cfg *Config) {
	all := make(map[netip.Prefix]bool)
	count := func(at place, subnets []netip.Prefix) {
		before := len(all)
		for _, p := range subnets {
			all[p] = true
		}
		if before <= MaxSubnets && len(all) > MaxSubnets {
			r.add(at, fmt.Sprintf("more than %d different subnets up to here", MaxSubnets), "join neighbours into shorter prefixes")
		}
	}
	for i, rule := range cfg.Rules {
		count(place{"rule", i, "subnets"}, rule.Subnets)
	}
	for i, e := range cfg.Experiences {
		count(place{"experience", i, "subnets"}, e.Subnets)
	}
}
