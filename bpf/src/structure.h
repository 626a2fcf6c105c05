/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a packet's own bytes say. The first byte is a hint (RFC 7983, RFC 9443); a verdict takes structure that the hint's
 * protocol has and others lack.
 */
#ifndef SLICEGATE_STRUCTURE_H
#define SLICEGATE_STRUCTURE_H

#include "messages.h"
#include "rtp.h"

/* What a flow has shown that later packets are read by. */
enum trait {
	TRAIT_TURN = 1, /* an allocation or a channel: its data may be ChannelData */
	TRAIT_QUIC = 2, /* a connection: its packets are encrypted, and look like anything */
	TRAIT_UNASKED = 4, /* begun from outside */
	TRAIT_SHORT = 8, /* it leaves in superpackets that are to be split before they are queued; all of it goes that way, in order */
};

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
		/* DHCP: RFC 2131, section 4.1 and RFC 8415, section 7.2; a relay is a server to its clients and to the server */
		if ((a == 67 && b == 67) || (a == 67 && b == 68) || (a == 68 && b == 67) || (a == 547 && b == 547) ||
		    (a == 546 && b == 547) || (a == 547 && b == 546))
			return verdict_of(box->signalling, RANK_STRUCTURE, KIND_DHCP);
	}
	return no_verdict();
}

static __always_inline bool on_port(const struct packet *p, __u16 port)
{
	return p->key.local_port == port || p->key.remote_port == port;
}

/* of_call knows what a call's 5-tuple mixes: RFC 7983. segments is the number of datagrams in a batch. */
static __always_inline struct verdict of_call(const struct settings *box, struct flow *f, const __u8 *b, __u32 length, __u32 segments)
{
	enum kind kind;

	switch (b[0] >> 6) {
	case 0:
		if (stun_length(b, length) == length && length)
			return verdict_of(box->signalling, RANK_PROVISIONAL, KIND_STUN);
		if (is_dtls(b, length) || is_dtls13(b, length))
			return verdict_of(box->signalling, RANK_PROVISIONAL, KIND_DTLS);
		break;
	case 2:
		if (is_rtcp(b, length))
			return verdict_of(box->signalling, RANK_PROVISIONAL, KIND_RTCP);
		if (!is_rtp_shaped(b, length))
			break;
		kind = follow_rtp(f, b, length, segments);
		if (kind)
			return verdict_of(box->realtime, RANK_STRUCTURE, kind);
		/* The stream may go on: nothing is known yet, not even that it is unknown. */
		return verdict_of(0, RANK_NONE, KIND_RTP_VIDEO);
	}
	return no_verdict();
}

/* of_channel demultiplexes what a TURN channel carries. Data of no known kind is not signalling, whatever set the channel up. */
static __always_inline struct verdict of_channel(const struct settings *box, struct flow *f, const __u8 *b)
{
	__u32 length = be16(b + 2);
	struct verdict v = no_verdict();

	if (length >= HEAD_MIN)
		v = of_call(box, f, b + 4, length, 1);
	if (v.kind)
		return v;
	return verdict_of(box->default_slice, RANK_PROVISIONAL, KIND_TURN);
}

/* of_datagram looks into a UDP payload; f remembers what takes several of them to tell. */
static __always_inline struct verdict of_datagram(struct __sk_buff *skb, const struct settings *box, const struct packet *p, struct flow *f,
						  const __u8 *b)
{
	__u32 length = p->length;

	if (on_port(p, PORT_DNS) && is_dns(b, length))
		return verdict_of(box->signalling, RANK_STRUCTURE, KIND_DNS);
	if (on_port(p, PORT_NTP) && is_ntp(b, length))
		return verdict_of(box->signalling, RANK_STRUCTURE, KIND_NTP);
	if (is_quic(b, length)) {
		f->traits |= TRAIT_QUIC;
		if (on_port(p, PORT_DNS_SECURE))
			return verdict_of(box->signalling, RANK_STRUCTURE, KIND_DNS);
		return verdict_of(box->default_slice, RANK_DEFAULT, KIND_QUIC);
	}
	if (f->traits & TRAIT_QUIC)
		return no_verdict();
	if (is_sip(b, length))
		return verdict_of(box->signalling, RANK_STRUCTURE, KIND_SIP);
	if (f->traits & TRAIT_TURN && is_channel_data(b, length))
		return of_channel(box, f, b);
	if (stun_length(b, length) == length && is_turn_method(b))
		f->traits |= TRAIT_TURN;
	return of_call(box, f, b, length, skb->gso_segs ?: 1);
}

/* of_segment looks at what a TCP segment begins with. Where messages cross segments, a later segment tells. */
static __always_inline struct verdict of_segment(const struct settings *box, const struct packet *p, struct flow *f, const __u8 *b)
{
	__u32 length = p->length, message;

	if (is_tls(b, length)) {
		if (on_port(p, PORT_DNS_SECURE))
			return verdict_of(box->signalling, RANK_STRUCTURE, KIND_DNS);
		if (on_port(p, PORT_SIP_SECURE))
			return verdict_of(box->signalling, RANK_STRUCTURE, KIND_SIP);
		return verdict_of(box->default_slice, RANK_DEFAULT, KIND_TLS);
	}
	if (on_port(p, PORT_DNS) && is_dns_segment(b, length))
		return verdict_of(box->signalling, RANK_STRUCTURE, KIND_DNS);
	if (is_sip(b, length))
		return verdict_of(box->signalling, RANK_STRUCTURE, KIND_SIP);
	message = stun_length(b, length);
	if (message && message <= length) {
		if (is_turn_method(b))
			f->traits |= TRAIT_TURN;
		return verdict_of(box->signalling, RANK_PROVISIONAL, KIND_STUN);
	}
	if (f->traits & TRAIT_TURN && is_channel_data(b, length))
		return of_channel(box, f, b);
	return no_verdict();
}

static __always_inline struct verdict by_structure(struct __sk_buff *skb, const struct settings *box, const struct packet *p,
						   struct flow *f)
{
	struct verdict v = by_header(box, p);
	struct head h = {};

	if (v.rank || !load_head(skb, p, &h))
		return v;
	if (p->key.proto == IPPROTO_UDP)
		return of_datagram(skb, box, p, f, h.b);
	if (p->key.proto == IPPROTO_TCP)
		return of_segment(box, p, f, h.b);
	return v;
}

#endif
