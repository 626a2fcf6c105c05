/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What pins and operator's rules give to a flow. Rules are classified by bit vectors: each field has a table from its value to
 * the set of rules that accept it, the sets are intersected, and the lowest bit is the first rule that matches.
 */
#ifndef SLICEGATE_GIVEN_H
#define SLICEGATE_GIVEN_H

#include "maps.h"
#include "parse.h"

static __always_inline const struct pin *find_pin(const struct flow_key *of)
{
	struct flow_key key = *of; /* see meet */
	const struct pin *pin = bpf_map_lookup_elem(&pins, &key);

	if (pin)
		return pin;
	__builtin_memset(key.remote, 0, sizeof(key.remote));
	key.remote_port = 0;
	return bpf_map_lookup_elem(&pins, &key);
}

static __always_inline const struct prefix *find_prefix(const __u8 *addr)
{
	struct prefix_key key = { .bits = 128 };

	copy_address(key.addr, addr);
	return bpf_map_lookup_elem(&prefixes, &key);
}

static __always_inline __u64 rules_of_port(__u16 port, bool tcp)
{
	__u32 index = port + (tcp ? 65536 : 0);
	__u64 *rules = bpf_map_lookup_elem(&ports, &index);

	return rules ? *rules : 0;
}

static __always_inline __u64 rules_by_ports(const struct settings *box, const struct flow_key *key)
{
	bool tcp = key->proto == IPPROTO_TCP;

	if (box->rules_any_port == box->rules || (!tcp && key->proto != IPPROTO_UDP))
		return box->rules_any_port;
	return box->rules_any_port | rules_of_port(key->local_port, tcp) | rules_of_port(key->remote_port, tcp);
}

/* first_bit of a word that has one; eBPF knows no instruction for it. */
static __always_inline __u32 first_bit(__u64 word)
{
	__u32 n = 0;

	for (int width = 32; width; width >>= 1) {
		if (word & ((1ULL << width) - 1))
			continue;
		word >>= width;
		n += width;
	}
	return n;
}

/* What pins and rules say of a flow. */
struct gift {
	struct verdict v;
	__u8 experience;
};

static __always_inline struct gift gift_of(const struct settings *box, const struct packet *p)
{
	const struct prefix *local = NULL, *remote = NULL;
	__u64 match = box->rules_any_subnet;
	const struct pin *pin = NULL;
	struct gift g = {};

	if (box->has_prefixes) {
		local = find_prefix(p->key.local);
		remote = find_prefix(p->key.remote);
		if (local)
			match |= local->rules;
		if (remote)
			match |= remote->rules;
		if (local && local->experience)
			g.experience = local->experience;
		else if (remote)
			g.experience = remote->experience;
	}
	if (box->pins)
		pin = find_pin(&p->key);
	if (pin) {
		g.v.slice = pin->slice;
		g.v.rank = RANK_PIN;
		g.experience = pin->experience ?: g.experience;
		return g;
	}
	if (!box->rules)
		return g;
	match &= box->dscp_rules[p->dscp & 63] & rules_by_ports(box, &p->key);
	if (match) {
		__u32 rule = first_bit(match) & (MAX_RULES - 1);

		g.v.slice = box->rule_slice[rule];
		g.v.rank = RANK_RULE;
		g.v.detail = rule;
		g.experience = box->rule_experience[rule] ?: g.experience;
	}
	return g;
}

/* consult asks pins and rules again. The generation is read first: a pin made while this runs has raised it, and the entry
 * will be found old. It is written last, and the verdict in one piece: another CPU that reads the entry meanwhile has the old
 * verdict or the new one.
 */
__noinline int consult(const struct settings *box, const struct packet *p, struct flow *f)
{
	__u32 generation;
	struct gift g;

	if (!box || !p || !f)
		return 0;
	generation = box->generation;
	barrier();
	g = gift_of(box, p);
	f->given = g.v;
	f->experience = g.experience;
	f->dscp = p->dscp;
	barrier();
	f->generation = generation;
	return 0;
}

#endif
