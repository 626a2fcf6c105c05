/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The classifier: the venue's side with its devices, and the uplink's side with the reversed tuples. */
#ifndef SLICEGATE_CLASSIFY_H
#define SLICEGATE_CLASSIFY_H

#include "consts.h"
#include "device.h"
#include "fair.h"
#include "flow.h"
#include "fragment.h"

/* Who sends a packet that is judged by its own tuple. The box's own flows and those that outsiders begin with it have one entry for both
 * directions, and no device. Whatever outsiders send that nobody asked for, and what answers it, waits in another queue than what the box
 * asks, such as its own DNS, until its flow is settled.
 */
enum sender {
	FROM_VENUE,
	FROM_BOX,
	FROM_OUTSIDE,
};

/* begin is a flow's first packet. */
static __always_inline struct answer begin(struct __sk_buff *skb, const struct settings *box, const struct packet *p,
					   const struct flow_key *key, enum sender from, __u64 now)
{
	struct flow *fresh = new_flow(now);
	struct answer a = {};

	if (!fresh)
		return a;
	fresh->packets = 1;
	consult(box, p, fresh);
	if (from == FROM_VENUE)
		fresh->device = device_of(skb, p);
	if (from == FROM_OUTSIDE)
		fresh->traits = TRAIT_UNASKED;
	note_short(skb, fresh);
	learn(skb, box, p, fresh);
	a = answer(box, fresh, false);
	if (dry)
		return a;
	bump(&classified, a.v.rank);
	/* BPF_NOEXIST: what another CPU may have written since the generation was read stays. */
	bpf_map_update_elem(&flows_new, key, fresh, BPF_NOEXIST);
	return a;
}

/* review is what a known flow gets when there is something to ask again: once a second, on new pins or rules, while it is open. */
static __always_inline void review(struct __sk_buff *skb, const struct settings *box, const struct packet *p, struct flow *f,
				   enum sender from, __u64 now)
{
	count_packet(f);
	if (is_old(box, p, f))
		consult(box, p, f);
	if (is_due(f, now)) {
		look_again(p, f, now);
		if (from == FROM_VENUE)
			f->device = device_of(skb, p);
	}
	if (still_open(f) && learn(skb, box, p, f))
		bump(&classified, f->learned.rank);
}

__noinline int review_settled(struct __sk_buff *skb, const struct settings *box, const struct packet *p, struct flow *f, enum sender from)
{
	if (!box || !p || !f)
		return 0;
	review(skb, box, p, f, from, clock(skb));
	return 0;
}

/* meet is the way of a flow that has no settled entry. Linux 6.1 takes no argument of a global function for a map's key, so that is
 * copied.
 */
__noinline int meet(struct __sk_buff *skb, const struct settings *box, const struct packet *p, struct answer *a, enum sender from)
{
	__u64 now = clock(skb);
	struct flow_key key;
	struct flow *f;

	if (!box || !p || !a)
		return 0;
	key = p->key;
	f = dry ? NULL : bpf_map_lookup_elem(&flows_new, &key);
	if (!f) {
		*a = begin(skb, box, p, &key, from, now);
		return 0;
	}
	review(skb, box, p, f, from, now);
	note_short(skb, f);
	*a = answer(box, f, false);
	if (f->settled_at && f->packets >= PROMOTE_AFTER && may_settle(f->device, now))
		settle(&flows, &flows_new, &key, f);
	return 0;
}

/* classify judges a packet by its own tuple. */
static __always_inline struct answer classify(struct __sk_buff *skb, const struct settings *box, const struct packet *p, enum sender from)
{
	struct flow *f = dry ? NULL : bpf_map_lookup_elem(&flows, &p->key);
	struct answer a = {};

	if (unlikely(!f)) {
		meet(skb, box, p, &a, from);
		return a;
	}
	if (unlikely(is_old(box, p, f) || still_open(f) || is_due(f, clock(skb))))
		review_settled(skb, box, p, f, from);
	note_short(skb, f);
	a = answer(box, f, true);
	if (fair)
		a.queue = queue_of(skb, p, f, a, from == FROM_OUTSIDE ? DOWN : UP, clock(skb));
	return a;
}

static __always_inline struct flow *find_reverse(const struct flow_key *key, bool *settled)
{
	struct flow *f = bpf_map_lookup_elem(&reverse, key);

	*settled = f;
	return f ?: bpf_map_lookup_elem(&reverse_new, key);
}

/* send_by notes who sent a flow, what the venue's side found, and who pays. */
static __always_inline void send_by(struct flow *f, struct answer sent)
{
	f->device = sent.device;
	f->experience = sent.experience;
	f->given = sent.v;
}

/* forward is the uplink's egress for a packet of the venue's: what the venue's side found (sent) meets what the download of
 * the same flow showed, the stronger one wins, and the download learns who sent and who pays.
 */
static __always_inline struct answer forward(struct __sk_buff *skb, const struct settings *box, const struct packet *p, struct answer sent,
					     __u64 now)
{
	struct answer a;
	struct flow *f;
	bool settled;

	f = find_reverse(&p->key, &settled);
	if (unlikely(!f)) {
		f = new_flow(now);
		if (f) {
			send_by(f, sent);
			note_short(skb, f);
			bpf_map_update_elem(&reverse_new, &p->key, f, BPF_NOEXIST);
		}
		return sent;
	}
	/* NAT gave the tuple to another device, or nobody used it for long: what an old download showed is gone with it. */
	if (unlikely(f->device != sent.device || is_forgotten(f, now))) {
		renew(f, now);
		send_by(f, sent);
	}
	if (*(__u32 *)&f->given != *(__u32 *)&sent.v || f->experience != sent.experience || now - f->seen > SECOND) {
		f->given = sent.v;
		f->experience = sent.experience;
		f->seen = now;
	}
	note_short(skb, f);
	a = answer(box, f, settled);
	if (fair)
		a.queue = queue_of(skb, p, f, a, UP, now);
	if (unlikely(!settled && sent.settled)) /* the venue's side has asked may_settle */
		settle(&reverse, &reverse_new, &p->key, f);
	return a;
}

/* answered is the uplink's ingress: the answer of a flow that the venue began, refined by what the answer itself shows. */
static __always_inline bool answered(struct __sk_buff *skb, const struct settings *box, const struct packet *p, struct answer *a)
{
	__u64 now = clock(skb);
	bool settled, open;
	struct flow *f;

	f = find_reverse(&p->key, &settled);
	if (!f)
		return false;
	if (is_due(f, now))
		look_again(p, f, now);
	open = f->given.rank < RANK_STRUCTURE && still_open(f);
	if (open || !settled)
		count_packet(f);
	if (open && learn(skb, box, p, f))
		bump(&classified, f->learned.rank);
	*a = answer(box, f, settled);
	if (fair)
		a->queue = queue_of(skb, p, f, *a, DOWN, now);
	if (!settled && f->learned.rank >= RANK_STRUCTURE && f->packets >= PROMOTE_AFTER && may_settle(f->device, now))
		settle(&reverse, &reverse_new, &p->key, f);
	return true;
}

#endif
