/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Fairness between devices, and between a device's own flows: fq_codel takes a packet's queue from its hash. With 8192 queues the
 * upper 13 bits of it choose, so each of 4096 devices has two in a slice: one for sparse flows, which fq_codel serves first, one for
 * heavy ones.
 *
 * A flow that turns heavy has packets waiting, and fq_codel would serve a queue that was empty before them. So the flow stays
 * where it is, and its queue becomes the heavy one, unless others are in that already. Those that still send little leave for the
 * other queue; those in between stay, too. A burst, such as the beginning of a page, has the device's other queue to itself in the
 * same way while no heavy flow is there, and other bursts follow it: a small packet behind it would wait for all of it that the link
 * holds up.
 */
#ifndef SLICEGATE_FAIR_H
#define SLICEGATE_FAIR_H

#include "flow.h"

#define CALM_LEVEL 3000 /* bytes: of such a flow hardly a packet waits, and it may change its queue */
#define BURST_LEVEL 8192 /* bytes: more than a window of four packets, which is all that a flow has on a crowded link */
#define HEAVY_LEVEL 16384 /* bytes */
#define HIGHEST_LEVEL 65535 /* bytes: a heavy flow stays heavy for some seconds of silence, so that nothing is reordered */
#define LEAK_SHIFT 16 /* a level leaks a byte in 2^16 ns: 15 kB/s */
#define CLOCKS_APART 1024 /* of these, 67 ms: no CPU's clock is that far behind another's, so a tick that seems to be was long ago */

/* A device's queues in a slice and a direction, in a word: which of the two is the sparse one, what the other has, and when it last
 * got a packet of that, in 2^24 ns. The time wraps after 4 minutes, and then takes an idle queue for a busy one.
 */
#define SPARSE_QUEUE 1
#define HAS_HEAVY 2 /* else bursts */
#define BUSY_TICK 4
#define BUSY_SHIFT 24
#define BUSY_FOR (6 * BUSY_TICK) /* 100 ms */

static __always_inline __u16 *queues_of(__u32 device, enum direction dir, __u8 slice)
{
	struct heavy_queues *of = bpf_map_lookup_elem(&device_queues, &device);

	return of ? &of->last[dir][slice % MAX_SLICES] : NULL;
}

/* raise_level lets a flow's level in one direction rise by a packet, and gives what it was before. */
static __always_inline __u32 raise_level(struct __sk_buff *skb, struct flow *f, enum direction dir, __u64 now)
{
	__u32 tick = now >> LEAK_SHIFT, leaked = tick - f->level_at[dir], before = f->level[dir], level;

	if (leaked > -CLOCKS_APART) /* another CPU looked at its clock later, and was here before */
		leaked = 0;
	else
		f->level_at[dir] = tick;
	before = before > leaked ? before - leaked : 0;
	level = before + skb->wire_len;
	f->level[dir] = level < HIGHEST_LEVEL ? level : HIGHEST_LEVEL;
	return before;
}

/* is_idle says whether the queue that is not the sparse one got no packet for a while. Another CPU's clock may be a tick ahead. */
static __always_inline bool is_idle(__u16 queues, __u16 tick)
{
	return (__u16)(tick - (queues & -BUSY_TICK) + BUSY_TICK) > BUSY_FOR + BUSY_TICK;
}

/* queue_of chooses which of its device's queues a known flow's packet waits in. What only acknowledges does not wait with data, since a
 * download's speed hangs on it, and is no part of what makes a flow heavy.
 */
static __always_inline enum queue queue_of(struct __sk_buff *skb, const struct packet *p, struct flow *f, struct answer a,
					   enum direction dir, __u64 now)
{
	__u16 *queues = queues_of(a.device, dir, a.v.slice), tick = (now >> BUSY_SHIFT) * BUSY_TICK, was, is;
	bool idle, heavy, beside_heavy;
	__u8 sparse, queue;
	__u32 before;

	if (!queues)
		return QUEUE_SPARSE;
	was = *queues;
	sparse = was & SPARSE_QUEUE;
	if (p->key.proto == IPPROTO_TCP && !p->length)
		return QUEUE_FIRST + sparse;
	before = raise_level(skb, f, dir, now);
	queue = before <= CALM_LEVEL ? sparse : f->queue[dir] & 1;
	if (f->level[dir] > BURST_LEVEL) {
		heavy = f->level[dir] > HEAVY_LEVEL;
		idle = is_idle(was, tick);
		beside_heavy = !idle && was & HAS_HEAVY;
		if (queue == sparse) {
			if (idle)
				sparse = !queue;
			else if (heavy || !beside_heavy)
				queue = !sparse;
		}
		is = tick | (heavy ? HAS_HEAVY : 0) | sparse;
		if (is != was && (heavy || !beside_heavy))
			*queues = is;
	}
	f->queue[dir] = queue;
	return QUEUE_FIRST + queue;
}

/* join_queue tells fq_codel which of its device's queues a packet waits in. Only what is of no known flow has not looked that up. */
static __always_inline void join_queue(struct __sk_buff *skb, enum direction dir, struct answer a)
{
	__u16 *queues;
	__u8 queue = a.queue - QUEUE_FIRST;

	if (a.queue < QUEUE_FIRST) {
		queues = queues_of(a.device, dir, a.v.slice);
		queue = (queues ? *queues & SPARSE_QUEUE : 0) ^ (a.queue == QUEUE_HEAVY);
	}
	bpf_set_hash(skb, (__u32)a.device << 20 | (queue & 1) << 19);
}

#endif
