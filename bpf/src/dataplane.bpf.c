// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The programs of the data plane: five, one a hook, which docs/architecture.md shows, and a filter on cake leaves.
 *
 * tc_index carries slice (4 bits) and device (12 bits) from the venue's ingress to the uplink's egress, and from the uplink's
 * ingress to the ifb and the venue's egress; the mark carries who pays. Rank and kind travel as a delivery time in the deep past
 * (see carry): routing and NAT leave it alone, and a scheduler that heeds it sends at once.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "clamp.h"
#include "classify.h"

char _license[] SEC("license") = "Dual BSD/GPL";

/* Go takes these from BTF, where an enum only is if something has its type. */
const enum kind *kinds_for_go __attribute__((unused));
const enum bound *bounds_for_go __attribute__((unused));

#define ROOT 0x5c1e0000 /* the HTB root's handle */
#define MINOR_SLICE 0x10 /* class minor of slice 0 */
#define REDIRECT (-1) /* what makes cls_bpf run the filter's action: mirred to an ifb */
#define PASS 0
#define CAME_BACK 0xfff0 /* tc_index of what was sent to be split: slice 0, which the venue's ingress never gives, of the last device */
#define CAKE_HOSTS 1024 /* that cake tells apart */
#define CARRY_LIMIT (1 << 26) /* ns: a real delivery time is later, 67 ms after boot */

static __always_inline const struct settings *box_settings(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&box, &zero);
}

static __always_inline struct answer plain_answer(__u8 slice, enum kind kind)
{
	struct answer a = { { slice, RANK_STRUCTURE, kind, 0 }, 0, 0, 0 };

	return a;
}

static __always_inline struct answer default_answer(const struct settings *box)
{
	struct answer a = { { box->default_slice, RANK_DEFAULT, KIND_UNKNOWN, 0 }, 0, 0, 0 };

	return a;
}

static __always_inline void write_mark(struct __sk_buff *skb, __u8 experience)
{
	if (mark_mask)
		skb->mark = (skb->mark & ~mark_mask) | ((__u32)experience << mark_shift & mark_mask);
}

static __always_inline __u8 read_mark(struct __sk_buff *skb)
{
	return mark_mask ? (skb->mark & mark_mask) >> mark_shift : 0;
}

static __always_inline void write_index(struct __sk_buff *skb, struct answer a)
{
	skb->tc_index = (__u16)(a.device << 4 | a.v.slice);
	write_mark(skb, a.experience);
}

/* carry hands rank, kind and the rule's number to the uplink's egress; nothing where the kernel takes no stamp (see stamp). */
static __always_inline void carry(struct __sk_buff *skb, struct answer a)
{
	__u64 note = (__u64)a.settled << 25 | a.v.detail << 16 | a.v.kind << 8 | a.v.rank;

	if (bpf_skb_set_tstamp(skb, note, BPF_SKB_TSTAMP_DELIVERY_MONO))
		skb->tstamp = 0;
}

/* carried reads what the venue's ingress found. Without a note from there the slice counts, but yields to confirmed structure. */
static __always_inline struct answer carried(struct __sk_buff *skb)
{
	struct answer a = { { skb->tc_index & 15, RANK_PROVISIONAL, KIND_UNKNOWN, 0 }, skb->tc_index >> 4 & 0xfff, read_mark(skb), 0 };
	__u64 note = skb->tstamp;

	if (note && note < CARRY_LIMIT) {
		a.v.rank = note & 7;
		a.v.kind = note >> 8 & 0xff;
		a.v.detail = note >> 16 & 0xff;
		a.settled = note >> 25 & 1;
	}
	return a;
}

/* reply and replied are carry and carried where no network stack lies between: in test runs, which keep cb alone. */
static __always_inline void reply(struct __sk_buff *skb, struct answer a)
{
	skb->cb[0] = a.v.detail << 24 | a.v.kind << 16 | a.v.rank << 8 | a.v.slice;
	skb->cb[1] = a.experience;
	skb->cb[2] = a.device << 1 | a.settled;
}

static __always_inline struct answer replied(struct __sk_buff *skb)
{
	struct answer a = {
		{ skb->cb[0], skb->cb[0] >> 8, skb->cb[0] >> 16, skb->cb[0] >> 24 }, skb->cb[2] >> 1, skb->cb[1], skb->cb[2] & 1
	};

	return a;
}

static __always_inline bool from_venue(struct __sk_buff *skb, const struct settings *box)
{
	__u32 from = skb->ingress_ifindex;

	if (!from)
		return false;
	for (int i = 0; i < MAX_VENUES; i++)
		if (box->venues[i] == from)
			return true;
	return false;
}

/* enqueue is the end of both shaper hooks: class, books, time stamp. */
static __always_inline void enqueue(struct __sk_buff *skb, const struct settings *box, enum direction dir, struct answer a, __u64 now)
{
	bool measured = count(skb, box, uplink, dir, a.v.slice, a.experience, a.device, now);

	if (!shaped)
		return; /* the sender's own pacing stays */
	skb->priority = ROOT | (MINOR_SLICE + a.v.slice);
	stamp(skb, measured);
}

static __always_inline void write_ds(struct __sk_buff *skb, const struct packet *p, __u8 dscp)
{
	__u8 old, new;

	if (p->dscp == dscp || !p->version)
		return;
	if (p->version == 6) {
		__be16 word;

		if (bpf_skb_load_bytes(skb, p->ip, &word, 2))
			return;
		word = (word & bpf_htons(0xf03f)) | bpf_htons(dscp << 6);
		bpf_skb_store_bytes(skb, p->ip, &word, 2, 0);
		return;
	}
	if (bpf_skb_load_bytes(skb, p->ip + 1, &old, 1))
		return;
	new = dscp << 2 | (old & 3);
	bpf_l3_csum_replace(skb, p->ip + offsetof(struct iphdr, check), bpf_htons(old), bpf_htons(new), 2);
	bpf_skb_store_bytes(skb, p->ip + 1, &new, 1, 0);
}

SEC("tc")
int venue_in(struct __sk_buff *skb)
{
	const struct settings *box = box_settings();
	struct packet p = {};
	struct answer a;
	enum parsed parsed;

	if (!box)
		return TC_ACT_UNSPEC;
	bump(&hooks, hook);
	parsed = parse(skb, &p, true);
	if (likely(parsed == PARSED_IP)) {
		if (unlikely(p.fragmented == FRAGMENT_LATER))
			a = by_fragment(skb, box, &p, true);
		else
			a = classify(skb, box, &p, FROM_VENUE);
		if (unlikely(p.fragmented == FRAGMENT_LATER && !a.device))
			a.device = device_of(skb, &p);
		if (unlikely(p.fragmented == FRAGMENT_FIRST && !dry))
			remember_fragment(skb, box, &p, true, a);
	} else if (parsed == PARSED_CONTROL) {
		a = plain_answer(box->signalling, KIND_CONTROL);
	} else {
		fault(FAULT_UNPARSED);
		a = default_answer(box);
	}
	if (dry || replay) {
		reply(skb, a);
		return TC_ACT_UNSPEC;
	}
	write_index(skb, a);
	carry(skb, a);
	return TC_ACT_UNSPEC;
}

/* outwards ends uplink_out. Where short superpackets are to be split the filter has an action, mirred to an ifb that splits, and no direct
 * action: -1 would run it. The segments come back with all that is written here, and so do the flow's other packets, or they would
 * overtake.
 */
static __always_inline int outwards(struct __sk_buff *skb, struct answer a)
{
	if (!split)
		return TC_ACT_UNSPEC;
	if (!a.apart && !is_short(skb))
		return PASS;
	skb->tc_index = CAME_BACK;
	return REDIRECT;
}

SEC("tc")
int uplink_out(struct __sk_buff *skb)
{
	const struct settings *box = box_settings();
	__u64 now = clock(skb);
	struct packet p = {};
	struct answer a = {};
	enum parsed parsed;

	if (split && skb->tc_index == CAME_BACK)
		return REDIRECT; /* which the kernel skips for what an ifb handed back, and lets the packet pass */
	if (!box)
		return outwards(skb, a);
	bump(&hooks, hook);
	parsed = parse(skb, &p, true);
	if (replay || from_venue(skb, box)) {
		a = replay ? replied(skb) : carried(skb);
		if (unlikely(!a.v.slice))
			fault(FAULT_OVERWRITTEN);
	}
	if (likely(parsed == PARSED_IP)) {
		if (unlikely(p.fragmented == FRAGMENT_LATER)) {
			a = a.v.slice ? a : default_answer(box);
			a.queue = QUEUE_HEAVY;
		} else {
			a = a.v.slice ? forward(skb, box, &p, a, now) : classify(skb, box, &p, FROM_BOX);
		}
	} else if (parsed == PARSED_CONTROL) {
		a = plain_answer(box->signalling, KIND_CONTROL);
	} else {
		fault(FAULT_UNPARSED);
		a = a.v.slice ? a : default_answer(box);
	}
	if (replay) {
		reply(skb, a);
		return TC_ACT_UNSPEC;
	}
	clamp_mss(skb, box, &p, a.v.slice);
	enqueue(skb, box, UP, a, now);
	if (fair)
		join_queue(skb, UP, a);
	if (write_dscp)
		write_ds(skb, &p, 0);
	return outwards(skb, a);
}

SEC("tc")
int uplink_in(struct __sk_buff *skb)
{
	const struct settings *box = box_settings();
	struct packet p = {};
	struct answer a = {};
	enum parsed parsed;

	if (!box)
		return PASS;
	bump(&hooks, hook);
	parsed = parse(skb, &p, false);
	if (unlikely(parsed == PARSED_CONTROL)) {
		if (replay)
			reply(skb, plain_answer(box->signalling, KIND_CONTROL));
		return PASS; /* never through the ifb: a link must come up whatever the tree does */
	}
	if (likely(parsed == PARSED_IP)) {
		if (unlikely(p.fragmented == FRAGMENT_LATER))
			a = by_fragment(skb, box, &p, false);
		else if (!answered(skb, box, &p, &a))
			a = classify(skb, box, &p, FROM_OUTSIDE);
		if (unlikely(p.fragmented == FRAGMENT_FIRST))
			remember_fragment(skb, box, &p, false, a);
	} else {
		fault(FAULT_UNPARSED);
		a = default_answer(box);
	}
	if (replay) {
		reply(skb, a);
		return PASS;
	}
	clamp_mss(skb, box, &p, a.v.slice);
	write_index(skb, a);
	if (shaped) {
		skb->priority = ROOT | (MINOR_SLICE + a.v.slice);
		if (fair)
			join_queue(skb, DOWN, a);
		return REDIRECT;
	}
	count(skb, box, uplink, DOWN, a.v.slice, a.experience, a.device, clock(skb));
	return PASS;
}

SEC("tc")
int ifb_out(struct __sk_buff *skb)
{
	const struct settings *box = box_settings();
	struct answer a = { { skb->tc_index & 15, 0, 0, 0 }, skb->tc_index >> 4 & 0xfff, read_mark(skb), 0 };

	if (!box)
		return TC_ACT_UNSPEC;
	bump(&hooks, hook);
	if (!a.v.slice)
		a.v.slice = box->default_slice;
	enqueue(skb, box, DOWN, a, clock(skb));
	return TC_ACT_UNSPEC;
}

SEC("tc")
int venue_out(struct __sk_buff *skb)
{
	const struct settings *box = box_settings();
	__u8 slice = skb->tc_index & 15;

	if (!box)
		return TC_ACT_UNSPEC;
	bump(&hooks, hook);
	if (write_dscp && slice) { /* the box's own has none, and bears what its sender chose */
		struct packet p = {};

		if (parse(skb, &p, false) == PARSED_IP)
			write_ds(skb, &p, box->dscp_of_slice[slice]);
	}
	/* The venue's own queues must not see our class, our time stamp, or one flow a device. What the box itself sent has a time
	 * of its own, if any: its sender's pacing.
	 */
	if ((skb->priority & 0xffff0000) == ROOT)
		skb->priority = 0;
	if (skb->ingress_ifindex)
		skb->tstamp = 0;
	bpf_set_hash_invalid(skb);
	return TC_ACT_UNSPEC;
}

/* leaf_host is a filter on a cake leaf: the class's major number stands for the host that cake is to be fair to, and cake tells its
 * flows apart by a hash of its own.
 */
SEC("tc")
int leaf_host(struct __sk_buff *skb)
{
	return (1 + (skb->tc_index >> 4 & (CAKE_HOSTS - 1))) << 16;
}
