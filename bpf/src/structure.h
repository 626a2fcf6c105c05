/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a packet's own bytes say. The first byte is a hint (RFC 7983); a verdict takes structure that the hint's protocol has
 * and others lack.
 */
#ifndef SLICEGATE_STRUCTURE_H
#define SLICEGATE_STRUCTURE_H

#include "maps.h"
#include "parse.h"

#define STUN_COOKIE 0x2112A442 /* RFC 8489, section 5 */
#define PORT_DNS 53
#define PORT_NTP 123
#define RTP_MAX_STEP 16
#define AUDIO_MAX_SIZE 400

/* head is a copy of a payload's first bytes, in network byte order. */
struct head {
	__u8 b[16];
};

static __always_inline __u16 be16(const __u8 *b)
{
	return b[0] << 8 | b[1];
}

static __always_inline __u32 be32(const __u8 *b)
{
	return (__u32)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
}

/* RFC 8489, section 5: two zero bits, the cookie, and a length that is a multiple of four and reaches the datagram's end. */
static __always_inline bool is_stun(const struct head *h, __u16 length)
{
	__u16 attributes = be16(h->b + 2);

	return length >= 20 && h->b[0] <= 3 && be32(h->b + 4) == STUN_COOKIE && attributes % 4 == 0 && attributes + 20 == length;
}

/* RFC 6347, section 4.1: content types 20 to 26, version 1.0 or 1.2, and a length that fits. RFC 9147 keeps this form for
 * its plain records.
 */
static __always_inline bool is_dtls(const struct head *h, __u16 length)
{
	return length >= 13 && h->b[0] >= 20 && h->b[0] <= 26 && h->b[1] == 0xfe && (h->b[2] == 0xff || h->b[2] == 0xfd) &&
	       be16(h->b + 11) + 13 <= length;
}

/* RFC 3550, section 6.4 and RFC 5761, section 4: version 2, packet types 200 to 207, a length in words that fits. */
static __always_inline bool is_rtcp(const struct head *h, __u16 length)
{
	return length >= 8 && h->b[0] >> 6 == 2 && h->b[1] >= 200 && h->b[1] <= 207 && (be16(h->b + 2) + 1) * 4 <= length;
}

/* RFC 3550, section 5.1, but for the types that RFC 5761 leaves to RTCP; contributing sources must fit. */
static __always_inline bool is_rtp_shaped(const struct head *h, __u16 length)
{
	return length >= 12 + (h->b[0] & 15) * 4 && h->b[0] >> 6 == 2 && (h->b[1] < 192 || h->b[1] > 223);
}

/* RFC 1035, section 4.1.1: a standard query or its answer, with one question. */
static __always_inline bool is_dns(const struct head *h, __u16 length)
{
	return length >= 17 && (h->b[2] & 0x78) == 0 && be16(h->b + 4) == 1;
}

/* RFC 5905, section 7.3: 48 bytes, modes 1 to 5, a version that was ever given out. */
static __always_inline bool is_ntp(const struct head *h, __u16 length)
{
	__u8 mode = h->b[0] & 7, version = h->b[0] >> 3 & 7;

	return length == 48 && mode >= 1 && mode <= 5 && version >= 1 && version <= 4;
}

/* is_rtp_again says whether a stream of this SSRC was here 1 to 16 packets ago, and remembers the packet. A browser mixes
 * several streams in one 5-tuple, so a few are kept. segments is the number of datagrams in a batch.
 */
static __always_inline bool is_rtp_again(struct flow *f, const struct head *h, __u16 length, __u32 segments)
{
	__u32 ssrc = be32(h->b + 8);
	__u16 seq = be16(h->b + 2);
	struct rtp_candidate *c;
	__u32 place;

	for (int i = 0; i < RTP_CANDIDATES; i++) {
		__u16 step = seq - f->candidates[i].seq;
		bool again;

		c = &f->candidates[i];
		if (!c->size || c->ssrc != ssrc)
			continue;
		again = step >= 1 && step <= RTP_MAX_STEP;
		c->seq = seq + segments - 1;
		c->size = length;
		return again;
	}
	/* Where there are more streams than places, taking turns would throw each out just before its next packet. */
	place = f->next_candidate < RTP_CANDIDATES ? f->next_candidate++ : bpf_get_prandom_u32();
	c = &f->candidates[place & (RTP_CANDIDATES - 1)];
	c->ssrc = ssrc;
	c->seq = seq + segments - 1;
	c->size = length;
	return false;
}

/* load_head copies what there is of a payload's first 16 bytes, 8 at least. The payload is rarely linear: a batch of datagrams
 * has 42 linear bytes, so direct access would see nothing of it.
 */
static __always_inline bool load_head(struct __sk_buff *skb, const struct packet *p, struct head *h)
{
	if (p->length >= 16)
		return !bpf_skb_load_bytes(skb, p->payload, h, 16);
	if (p->length >= 12)
		return !bpf_skb_load_bytes(skb, p->payload, h, 12);
	return p->length >= 8 && !bpf_skb_load_bytes(skb, p->payload, h, 8);
}

static __always_inline struct verdict verdict_of(__u8 slice, enum rank rank, enum kind kind)
{
	struct verdict v = { slice, rank, kind, 0 };

	return v;
}

/* by_header knows the protocols that need no payload. */
static __always_inline struct verdict by_header(const struct settings *box, const struct packet *p)
{
	__u16 a = p->key.local_port, b = p->key.remote_port;

	switch (p->key.proto) {
	case IPPROTO_ICMP:
		return verdict_of(box->signalling, RANK_STRUCTURE, KIND_ICMP);
	case IPPROTO_ICMPV6:
		return verdict_of(box->signalling, RANK_STRUCTURE, KIND_ICMPV6);
	case IPPROTO_IGMP:
		return verdict_of(box->signalling, RANK_STRUCTURE, KIND_IGMP);
	case IPPROTO_UDP:
		/* DHCP: RFC 2131, section 4.1 and RFC 8415, section 7.2 */
		if ((a == 67 && b == 68) || (a == 68 && b == 67) || (a == 546 && b == 547) || (a == 547 && b == 546))
			return verdict_of(box->signalling, RANK_STRUCTURE, KIND_DHCP);
	}
	return verdict_of(0, RANK_NONE, KIND_UNKNOWN);
}

/* by_payload looks into a datagram; f remembers what takes several of them to tell. */
static __always_inline struct verdict by_payload(struct __sk_buff *skb, const struct settings *box, const struct packet *p, struct flow *f)
{
	__u16 a = p->key.local_port, b = p->key.remote_port, length = p->length;
	struct head h = {};

	if (!load_head(skb, p, &h))
		return verdict_of(0, RANK_NONE, KIND_UNKNOWN);
	if ((a == PORT_DNS || b == PORT_DNS) && is_dns(&h, length))
		return verdict_of(box->signalling, RANK_STRUCTURE, KIND_DNS);
	if ((a == PORT_NTP || b == PORT_NTP) && is_ntp(&h, length))
		return verdict_of(box->signalling, RANK_STRUCTURE, KIND_NTP);
	switch (h.b[0] >> 6) {
	case 0:
		if (is_stun(&h, length))
			return verdict_of(box->signalling, RANK_PROVISIONAL, KIND_STUN);
		if (is_dtls(&h, length))
			return verdict_of(box->signalling, RANK_PROVISIONAL, KIND_DTLS);
		break;
	case 2:
		if (is_rtcp(&h, length))
			return verdict_of(box->signalling, RANK_PROVISIONAL, KIND_RTCP);
		if (is_rtp_shaped(&h, length) && is_rtp_again(f, &h, length, skb->gso_segs ?: 1))
			return verdict_of(box->realtime, RANK_STRUCTURE, length < AUDIO_MAX_SIZE ? KIND_RTP_AUDIO : KIND_RTP_VIDEO);
		break;
	}
	return verdict_of(0, RANK_NONE, KIND_UNKNOWN);
}

static __always_inline struct verdict by_structure(struct __sk_buff *skb, const struct settings *box, const struct packet *p,
						   struct flow *f)
{
	struct verdict v = by_header(box, p);

	if (v.rank || p->key.proto != IPPROTO_UDP)
		return v;
	return by_payload(skb, box, p, f);
}

#endif
