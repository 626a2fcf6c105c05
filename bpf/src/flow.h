/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Flow entries: found, met for the first time, looked into, settled. */
#ifndef SLICEGATE_FLOW_H
#define SLICEGATE_FLOW_H

#include "account.h"
#include "given.h"
#include "structure.h"

#define SETTLE_AFTER 16 /* packets that told nothing: the default slice it is */
#define PATIENCE 64 /* packets that might be a call's */
#define WINDOW 8 /* packets that are looked into again, once a second, after that */
#define MISSES 64 /* packets in a row that show nothing of a provisional verdict */
#define FORGET_AFTER (120 * SECOND) /* of silence, what was learned is of another conversation */
#define PROMOTE_AFTER 4 /* packets: a DNS query and its answer never leave the nursery */
#define LIMIT_BURST 512 /* flows that a device may settle at once */
#define LIMIT_SHIFT 25 /* and after that one in 2^25 ns, 30 a second */

/* Which of its device's two queues a packet waits in, where the hook is fair. */
enum queue {
	QUEUE_SPARSE, /* whichever that is */
	QUEUE_HEAVY,
	QUEUE_FIRST,
	QUEUE_SECOND,
};

/* What a hook does with a packet. */
struct answer {
	struct verdict v;
	__u16 device;
	__u8 experience;
	__u8 settled; /* its entry is in the settled table */
	__u8 queue; /* enum queue */
	__u8 apart; /* it goes through the ifb that splits */
};

/* is_short says whether a packet is a superpacket that a leaf would not split. */
static __always_inline bool is_short(const struct __sk_buff *skb)
{
	return split && skb->gso_size && skb->wire_len <= split;
}

/* note_short has all of a flow go through the ifb from its first such packet on. */
static __always_inline void note_short(const struct __sk_buff *skb, struct flow *f)
{
	if (is_short(skb))
		f->traits |= TRAIT_SHORT;
}

static __always_inline struct verdict verdict(const struct settings *box, const struct flow *f)
{
	struct verdict v = f->given.rank >= f->learned.rank ? f->given : f->learned;

	if (v.rank <= RANK_DEFAULT) {
		v.rank = RANK_DEFAULT;
		v.slice = box->default_slice; /* it may have changed since */
	}
	if (!v.kind) /* a pin or a rule has none; an upload's may be more than its download shows */
		v.kind = f->learned.kind ?: f->given.kind;
	return v;
}

static __always_inline struct answer answer(const struct settings *box, const struct flow *f, bool settled)
{
	struct answer a = { verdict(box, f), f->device, f->experience, settled, f->traits & TRAIT_UNASKED ? QUEUE_HEAVY : QUEUE_SPARSE };

	a.apart = split && f->traits & TRAIT_SHORT;
	return a;
}

/* may_settle lets a device settle LIMIT_BURST flows at once, then 30 a second. Device 0 is nobody, and everybody outside. */
static __always_inline bool may_settle(__u32 device, __u64 now)
{
	struct device_limit *limit = bpf_map_lookup_elem(&device_limits, &device);
	__s64 leaked;

	if (!limit)
		return false;
	leaked = (__s64)(now - limit->last) >> LIMIT_SHIFT;
	if (leaked > 0) { /* else another CPU looked at its clock later, and was here before */
		limit->last = leaked > LIMIT_BURST ? now : limit->last + (leaked << LIMIT_SHIFT);
		limit->level = limit->level > leaked ? limit->level - leaked : 0;
	}
	if (limit->level >= LIMIT_BURST) {
		fault(FAULT_LIMITED);
		return false;
	}
	limit->level++;
	return true;
}

/* settle moves an entry from the nursery to the settled table. It must not be read after that. */
static __always_inline void settle(void *settled, void *nursery, const struct flow_key *key, const struct flow *f)
{
	if (bpf_map_update_elem(settled, key, f, BPF_ANY))
		fault(FAULT_INSERT);
	else
		bpf_map_delete_elem(nursery, key);
}

/* renew makes f the entry of a flow of which nothing is known. */
static __always_inline void renew(struct flow *f, __u64 now)
{
	__builtin_memset(f, 0, sizeof(*f));
	f->seen = now;
	f->second = now >> 30;
	f->window = SETTLE_AFTER;
}

/* new_flow gives room for an entry that is to be put into a table. */
static __always_inline struct flow *new_flow(__u64 now)
{
	__u32 zero = 0;
	struct flow *f = bpf_map_lookup_elem(&fresh_flow, &zero);

	if (f)
		renew(f, now);
	return f;
}

static __always_inline void count_packet(struct flow *f)
{
	if (f->packets < 0xffff)
		f->packets++;
}

/* disown forgets a provisional verdict of the flow's own that its packets no longer bear out: one packet among all of a tunnel's that looks
 * like a call's set-up by chance, or was one before the flow became something else, is no reason to keep it for ever.
 */
static __always_inline void disown(struct flow *f, struct verdict v)
{
	if (v.rank)
		f->misses = 0;
	else if (!v.kind && f->learned.rank == RANK_PROVISIONAL) /* else it may be a call's that is not confirmed yet */
		f->misses++;
	if (f->misses < MISSES)
		return;
	f->learned = (struct verdict){};
	f->misses = 0;
}

/* learn looks into one more packet, which has been counted, and says whether the flow's verdict became stronger. It becomes weaker only
 * where it was disowned.
 */
__noinline int learn(struct __sk_buff *skb, const struct settings *box, const struct packet *p, struct flow *f)
{
	struct verdict v;
	bool stronger;
	__u8 before;

	if (!box || !p || !f)
		return false;
	v = by_structure(skb, box, p, f);
	before = f->given.rank > f->learned.rank ? f->given.rank : f->learned.rank;
	stronger = v.rank > before;
	disown(f, v);
	/* Data that no call sends, in a channel that STUN set up, is told by STUN's rank, later. */
	if (v.rank > f->learned.rank || (v.kind == KIND_TURN && v.rank == f->learned.rank))
		f->learned = v;
	if (f->window && (v.rank || !v.kind || f->settled_at || f->packets >= PATIENCE)) /* else the next packet may tell a call */
		f->window--;
	if (stronger && f->settled_at)
		f->settled_at = f->packets;
	if (!f->settled_at && (v.rank >= RANK_STRUCTURE || before >= RANK_STRUCTURE || !f->window))
		f->settled_at = f->packets;
	return stronger;
}

/* still_open says whether a flow's next packet may change its verdict: a call starts with STUN and DTLS, or with silence. */
static __always_inline bool still_open(const struct flow *f)
{
	return f->learned.rank < RANK_STRUCTURE && (f->window || f->learned.rank == RANK_PROVISIONAL);
}

static __always_inline bool is_due(const struct flow *f, __u64 now)
{
	return f->second != (__u8)(now >> 30);
}

static __always_inline bool is_forgotten(const struct flow *f, __u64 now)
{
	return (__s64)(now - f->seen) > (__s64)FORGET_AFTER; /* another CPU's clock may be ahead of now */
}

/* look_again is what is due once a second (2^30 ns): a default verdict is opened for some packets, in a flow that was silent for
 * long everything is. A TCP connection tells what it is at its start, if ever.
 */
static __always_inline void look_again(const struct packet *p, struct flow *f, __u64 now)
{
	f->second = now >> 30;
	if (is_forgotten(f, now)) {
		f->learned = (struct verdict){};
		f->traits &= TRAIT_UNASKED;
		f->misses = 0;
		f->settled_at = 0;
		f->packets = 1;
		f->window = SETTLE_AFTER;
	} else if (p->key.proto == IPPROTO_UDP && f->settled_at) {
		f->window = WINDOW;
	}
	f->seen = now;
}

static __always_inline bool is_old(const struct settings *box, const struct packet *p, const struct flow *f)
{
	return f->generation != box->generation || (box->rules_by_dscp && f->dscp != p->dscp);
}

#endif
