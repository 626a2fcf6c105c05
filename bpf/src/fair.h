/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Fairness between devices, and between a device's own flows: fq_codel takes a packet's queue from its hash. With 8192 queues the
 * upper 13 bits of it choose, so each of 4096 devices has two: one for sparse flows, which fq_codel serves first, one for heavy ones.
 */
#ifndef SLICEGATE_FAIR_H
#define SLICEGATE_FAIR_H

#include "account.h"
#include "parse.h"

#define SPARSE_LEVEL 16384 /* bytes */
#define HIGHEST_LEVEL 65535 /* bytes: a heavy flow stays heavy for some seconds of silence, so that nothing is reordered */
#define LEAK_SHIFT 16 /* a level leaks a byte in 2^16 ns: 15 kB/s */

/* is_heavy lets a flow's level in one direction rise by a packet, and says whether the packet is of a flow that sends much. What
 * only acknowledges is not: a download's speed hangs on it.
 */
static __always_inline bool is_heavy(struct __sk_buff *skb, const struct packet *p, struct flow *f, enum direction dir, __u64 now)
{
	__u32 tick = now >> LEAK_SHIFT, leaked = tick - f->level_at[dir], level = f->level[dir];

	if (leaked >> 31) /* another CPU looked at its clock later, and was here before */
		leaked = 0;
	else
		f->level_at[dir] = tick;
	level = level > leaked ? level - leaked : 0;
	level += skb->wire_len;
	f->level[dir] = level < HIGHEST_LEVEL ? level : HIGHEST_LEVEL;
	return level > SPARSE_LEVEL && (p->key.proto != IPPROTO_TCP || p->length);
}

static __always_inline void choose_queue(struct __sk_buff *skb, __u16 device, bool heavy)
{
	bpf_set_hash(skb, (__u32)device << 20 | heavy << 19);
}

#endif
