/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The first bytes of a payload, and how to read them. */
#ifndef SLICEGATE_HEAD_H
#define SLICEGATE_HEAD_H

#include "maps.h"
#include "parse.h"

#define HEAD_MIN 8 /* bytes; a shorter payload tells nothing */
#define HEAD_MAX 24

/* head is a copy of a payload's first bytes, in network byte order, zeros behind its end. */
struct head {
	__u8 b[HEAD_MAX];
};

static __always_inline __u16 be16(const __u8 *b)
{
	return b[0] << 8 | b[1];
}

static __always_inline __u32 be32(const __u8 *b)
{
	return (__u32)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
}

/* load_head copies what there is of a payload's head. The payload is rarely linear: a batch of datagrams has 42 linear bytes,
 * so direct access would see nothing of it.
 */
static __always_inline bool load_head(struct __sk_buff *skb, const struct packet *p, struct head *h)
{
	__u32 n = p->length;

	/* The compiler would fold the two checks into one that the verifier does not see through. */
	if (n > HEAD_MAX)
		n = HEAD_MAX;
	asm volatile("" : "+r"(n));
	if (n < HEAD_MIN || n > HEAD_MAX)
		return false;
	return !bpf_skb_load_bytes(skb, p->payload, h, n);
}

static __always_inline struct verdict verdict_of(__u8 slice, enum rank rank, enum kind kind)
{
	struct verdict v = { slice, rank, kind, 0 };

	return v;
}

static __always_inline struct verdict no_verdict(void)
{
	return verdict_of(0, RANK_NONE, KIND_UNKNOWN);
}

#endif
