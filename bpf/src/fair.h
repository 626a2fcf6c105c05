/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Fairness between devices, and between a device's own flows: fq_codel takes a packet's queue from its hash. With 8192 queues the
 * upper 13 bits of it choose, so each of 4096 devices has two in a slice: one for sparse flows, which fq_codel serves first, one for
 * heavy ones.
 *
 * A flow that turns heavy has packets waiting, and fq_codel would serve a queue that was empty before them. So the flow stays
 * where it is, and its queue becomes the heavy one, unless others are in that already. Those that still send little leave for the
 * other queue; those in between stay, too. They also leave as soon as a flow is in between while no heavy one is in the other queue: the
 * beginning of a page is a burst of 15 kB, and a packet behind it would wait for all of it that the link holds up.
 */
#ifndef SLICEGATE_FAIR_H
#define SLICEGATE_FAIR_H

#include "flow.h"

#define CALM_LEVEL 3000 /* bytes: of such a flow hardly a packet waits, and it may change its queue */
#define HEAVY_LEVEL 16384 /* bytes */
#define HIGHEST_LEVEL 65535 /* bytes: a heavy flow stays heavy for some seconds of silence, so that nothing is reordered */
#define LEAK_SHIFT 16 /* a level leaks a byte in 2^16 ns: 15 kB/s */

#define SPARSE_QUEUE 1 /* a bit of heavy_queues: which of the two is the sparse one */
#define HEAVY_SHIFT 24 /* the bits above it count 2^24 ns; they wrap after 9 minutes, and then take an idle queue for a busy one */
#define HEAVY_IDLE (6 << 1) /* 100 ms */

static __always_inline __u16 *heavy_queue(__u32 device, enum direction dir, __u8 slice)
{
	struct heavy_queues *of = bpf_map_lookup_elem(&device_queues, &device);

	return of ? &of->last[dir][slice % MAX_SLICES] : NULL;
}

/* raise_level lets a flow's level in one direction rise by a packet, and gives what it was before. */
static __always_inline __u32 raise_level(struct __sk_buff *skb, struct flow *f, enum direction dir, __u64 now)
{
	__u32 tick = now >> LEAK_SHIFT, leaked = tick - f->level_at[dir], before = f->level[dir], level;

	if (leaked >> 31) /* another CPU looked at its clock later, and was here before */
		leaked = 0;
	else
		f->level_at[dir] = tick;
	before = before > leaked ? before - leaked : 0;
	level = before + skb->wire_len;
	f->level[dir] = level < HIGHEST_LEVEL ? level : HIGHEST_LEVEL;
	return before;
}

/* queue_of chooses which of its device's queues a known flow's packet waits in. What only acknowledges does not wait with data: a
 * download's speed hangs on it.
 */
static __always_inline enum queue queue_of(struct __sk_buff *skb, const struct packet *p, struct flow *f, struct answer a,
					   enum direction dir, __u64 now)
{
	__u16 *heavy = heavy_queue(a.device, dir, a.v.slice), tick = now >> HEAVY_SHIFT << 1, was;
	__u32 before = raise_level(skb, f, dir, now);
	__u8 sparse, queue;
	bool idle;

	if (!heavy)
		return QUEUE_SPARSE;
	was = *heavy;
	sparse = was & SPARSE_QUEUE;
	if (p->key.proto == IPPROTO_TCP && !p->length)
		return QUEUE_FIRST + sparse;
	queue = before <= CALM_LEVEL ? sparse : f->queue[dir] & 1;
	idle = (__u16)(tick - (was & ~SPARSE_QUEUE)) > HEAVY_IDLE;
	if (f->level[dir] > HEAVY_LEVEL) {
		if (queue == sparse) {
			if (idle)
				sparse = !queue;
			else
				queue = !sparse;
		}
		if (was != (tick | sparse))
			*heavy = tick | sparse;
	} else if (idle && before <= CALM_LEVEL && f->level[dir] > CALM_LEVEL) {
		*heavy = was ^ SPARSE_QUEUE;
	}
	f->queue[dir] = queue;
	return QUEUE_FIRST + queue;
}

/* join_queue tells fq_codel which of its device's queues a packet waits in. Only what is of no known flow has not looked that up. */
static __always_inline void join_queue(struct __sk_buff *skb, enum direction dir, struct answer a)
{
	__u16 *heavy;
	__u8 queue = a.queue - QUEUE_FIRST;

	if (a.queue < QUEUE_FIRST) {
		heavy = heavy_queue(a.device, dir, a.v.slice);
		queue = (heavy ? *heavy & SPARSE_QUEUE : 0) ^ (a.queue == QUEUE_HEAVY);
	}
	bpf_set_hash(skb, (__u32)a.device << 20 | (queue & 1) << 19);
}

#endif
