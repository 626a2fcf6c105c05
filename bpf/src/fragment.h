/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Fragments: only the first has ports, so it leaves its verdict for the others. Conntrack reassembles what is forwarded
 * through NAT, so only the ingress hooks meet fragments.
 */
#ifndef SLICEGATE_FRAGMENT_H
#define SLICEGATE_FRAGMENT_H

#include "flow.h"

/* An IPv6 fragment's ident counts for itself; its protocol may be another than the first one's (RFC 8200, section 4.5). */
static __always_inline void fragment_key_of(const struct packet *p, bool outbound, struct fragment_key *key)
{
	__builtin_memcpy(key->src, outbound ? p->key.local : p->key.remote, 16);
	__builtin_memcpy(key->dst, outbound ? p->key.remote : p->key.local, 16);
	key->ident = p->ident;
	key->proto = p->version == 4 ? p->key.proto : 0;
}

/* remember_fragment keeps what a first fragment got; the default slice, and nobody who pays, is what a stranger gets anyway. */
static __always_inline void remember_fragment(struct __sk_buff *skb, const struct settings *box, const struct packet *p, bool outbound,
					      struct answer a)
{
	struct fragment f = { clock(skb), a.v, a.experience, 0, a.device };
	struct fragment_key key = {};

	if (a.v.slice == box->default_slice && !a.experience)
		return;
	fragment_key_of(p, outbound, &key);
	bpf_map_update_elem(&fragments, &key, &f, BPF_ANY);
}

/* by_fragment is the verdict of a later fragment; an ident lives for a second. */
static __always_inline struct answer by_fragment(struct __sk_buff *skb, const struct settings *box, const struct packet *p, bool outbound)
{
	/* Who sends in fragments sends much. */
	struct answer a = { { box->default_slice, RANK_DEFAULT, KIND_UNKNOWN, 0 }, .queue = QUEUE_HEAVY };
	struct fragment_key key = {};
	struct fragment *f;

	fragment_key_of(p, outbound, &key);
	f = bpf_map_lookup_elem(&fragments, &key);
	if (!f || clock(skb) - f->seen > SECOND) {
		fault(FAULT_FRAGMENT);
		return a;
	}
	a.v = f->verdict;
	a.experience = f->experience;
	a.device = f->device;
	return a;
}

#endif
