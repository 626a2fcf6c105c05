/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From a frame to a 5-tuple and the place of its payload. Headers are read by direct access, through a cursor; what lies
 * beyond the headers is never touched here, since it need not be linear.
 */
#ifndef SLICEGATE_PARSE_H
#define SLICEGATE_PARSE_H

#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "consts.h"
#include "key.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

enum parsed {
	PARSED_IP, /* the key is whole, but for the ports of later fragments */
	PARSED_CONTROL, /* not IP */
	PARSED_SHORT, /* a header is cut, or lies beyond the linear part */
	PARSED_BAD, /* IP that contradicts itself */
};

enum fragmented {
	FRAGMENT_NONE,
	FRAGMENT_FIRST,
	FRAGMENT_LATER,
};

struct packet {
	struct flow_key key;
	__u32 ident; /* of a fragment */
	__u16 ip; /* offset of the IP header, bytes */
	__u16 transport; /* offset of TCP's or UDP's header, bytes */
	__u16 payload; /* offset of what they carry, bytes */
	__u16 length; /* of that, bytes, by the headers; of the first datagram in a batch */
	__u8 dscp;
	__u8 version; /* 4 or 6 */
	__u8 fragmented; /* enum fragmented */
	__u8 tcp_flags;
};

/* Everything that a hook has to say about its frames. */
struct frame {
	bool local_is_source; /* the venue's or the box's end sent it */
	bool raw_ip; /* no link-layer header */
};

struct cursor {
	void *start;
	void *at;
	void *end;
};

struct ext_header {
	__u8 next;
	__u8 length;
};

struct fragment_header {
	__u8 next;
	__u8 reserved;
	__be16 offset;
	__be32 ident;
};

struct tcp_header {
	__be16 source, dest;
	__be32 seq, ack;
	__u8 offset; /* in its upper four bits, in words */
	__u8 flags;
	__be16 window, check, urgent;
};

struct icmp_echo {
	__u8 type, code;
	__be16 check, id, seq;
};

struct vlan_header {
	__be16 tci, proto;
};

struct pppoe_header {
	__u8 version_type, code;
	__be16 session, length, proto;
};

#define ETH_P_QINQ_OLD 0x9100
#define PPP_IPV4 0x0021
#define PPP_IPV6 0x0057

/* take gives the header at the cursor and moves past it, or NULL. */
#define take(c, type)                                 \
	({                                            \
		type *header_ = (c)->at;              \
		if ((void *)(header_ + 1) > (c)->end) \
			header_ = NULL;               \
		else                                  \
			(c)->at = header_ + 1;        \
		header_;                              \
	})

/* parse_l4 reads ports; length is what IP says follows its headers, in bytes. */
static __always_inline enum parsed parse_l4(struct cursor *c, struct packet *p, __u32 length, struct frame f)
{
	__u32 header = 0;

	if (c->at > c->end)
		return PARSED_SHORT;
	if (p->key.proto == IPPROTO_UDP) {
		struct udphdr *udp = take(c, struct udphdr);
		__u32 udp_length;

		if (!udp)
			return PARSED_SHORT;
		key_ports(&p->key, udp->source, udp->dest, f.local_is_source);
		udp_length = bpf_ntohs(udp->len);
		/* A first fragment holds less than the datagram that it begins. */
		if (udp_length && (udp_length < length || p->fragmented))
			length = udp_length;
		header = sizeof(*udp);
	} else if (p->key.proto == IPPROTO_TCP) {
		struct tcp_header *tcp = take(c, struct tcp_header);

		if (!tcp)
			return PARSED_SHORT;
		key_ports(&p->key, tcp->source, tcp->dest, f.local_is_source);
		p->tcp_flags = tcp->flags;
		header = (tcp->offset >> 4) * 4;
		if (header < sizeof(*tcp))
			return PARSED_BAD;
	} else if (p->key.proto == IPPROTO_ICMP || p->key.proto == IPPROTO_ICMPV6) {
		struct icmp_echo *echo = take(c, struct icmp_echo);

		/* An echo's identifier tells the pings of many devices apart after NAT, as a port does. */
		if (echo && length >= sizeof(*echo) && (echo->type == 0 || echo->type == 8 || echo->type == 128 || echo->type == 129))
			p->key.local_port = bpf_ntohs(echo->id);
	}
	if (header > length)
		return PARSED_BAD;
	p->length = length - header;
	p->transport = p->payload;
	p->payload = p->payload + header;
	return PARSED_IP;
}

static __always_inline enum parsed parse_ipv4(struct cursor *c, struct packet *p, __u32 frame_length, struct frame f)
{
	struct iphdr *ip = take(c, struct iphdr);
	__u32 header, total, mapped[8];
	__u16 offset;

	if (!ip)
		return PARSED_SHORT;
	header = ip->ihl * 4;
	total = bpf_ntohs(ip->tot_len) ?: frame_length; /* 0 where a batch is longer than 64 kB */
	if (ip->version != 4 || header < sizeof(*ip) || total < header)
		return PARSED_BAD;
	mapped[0] = mapped[1] = mapped[4] = mapped[5] = 0;
	mapped[2] = mapped[6] = bpf_htonl(0xffff);
	mapped[3] = ip->saddr;
	mapped[7] = ip->daddr;
	key_addresses(&p->key, mapped, mapped + 4, f.local_is_source);
	p->key.proto = ip->protocol;
	p->version = 4;
	p->dscp = ip->tos >> 2;
	p->payload = p->ip + header;
	offset = bpf_ntohs(ip->frag_off);
	if (unlikely(offset & 0x3fff)) {
		p->ident = ip->id;
		p->fragmented = offset & 0x1fff ? FRAGMENT_LATER : FRAGMENT_FIRST;
		if (p->fragmented == FRAGMENT_LATER)
			return PARSED_IP;
	}
	c->at = (void *)ip + header;
	return parse_l4(c, p, total - header, f);
}

/* What link_layer and skip_extensions found: an offset from the frame's start, and the protocol of what is there. */
struct found {
	__u16 offset; /* bytes; 0 where a header is cut */
	__u16 proto;
	__u32 ident; /* of a fragment */
	__u8 fragmented; /* enum fragmented */
};

#define HEADERS_MAX 256 /* bytes; transport headers that begin later are not looked at */

/* within gives an offset in a form whose bound the verifier can see, or 0: compilers fold checks into ones that it can't. */
static __always_inline __u32 within(__u32 offset)
{
	asm volatile("" : "+r"(offset));
	return offset <= HEADERS_MAX ? offset : 0;
}

/* skip_extensions walks IPv6's extension headers (RFC 8200, section 4) from a header of the given protocol on. It is rare, and
 * may cross into the part that is not linear. Functions that are not static are verified once, apart from their callers.
 */
__noinline int skip_extensions(struct __sk_buff *skb, __u32 offset, __u32 next, struct found *out)
{
	struct fragment_header fragment;
	struct ext_header ext;

	if (!out)
		return 0;
	out->offset = 0;
	for (int i = 0; i < 8; i++) {
		if (offset > HEADERS_MAX)
			return 0;
		switch (next) {
		case IPPROTO_FRAGMENT:
			if (bpf_skb_load_bytes(skb, offset, &fragment, sizeof(fragment)))
				return 0;
			next = fragment.next;
			offset += sizeof(fragment);
			out->ident = fragment.ident;
			if (fragment.offset & bpf_htons(0xfff8)) {
				out->fragmented = FRAGMENT_LATER;
				goto found;
			}
			if (fragment.offset & bpf_htons(1))
				out->fragmented = FRAGMENT_FIRST;
			continue;
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
		case IPPROTO_AH:
			if (bpf_skb_load_bytes(skb, offset, &ext, sizeof(ext)))
				return 0;
			offset += next == IPPROTO_AH ? (ext.length + 2) * 4 : (ext.length + 1) * 8;
			next = ext.next;
			continue;
		}
		goto found;
	}
	return 0;
found:
	out->offset = offset;
	out->proto = next;
	return 0;
}

static __always_inline enum parsed parse_ipv6(struct __sk_buff *skb, struct cursor *c, struct packet *p, __u32 frame_length, struct frame f)
{
	struct ipv6hdr *ip = take(c, struct ipv6hdr);
	struct found found = {};
	__u32 length, end;

	if (!ip)
		return PARSED_SHORT;
	if (ip->version != 6)
		return PARSED_BAD;
	length = bpf_ntohs(ip->payload_len) ?: frame_length - sizeof(*ip);
	key_addresses(&p->key, &ip->saddr, &ip->daddr, f.local_is_source);
	p->version = 6;
	p->dscp = (bpf_ntohs(*(__be16 *)ip) >> 6) & 0x3f;
	p->key.proto = ip->nexthdr;
	p->payload = p->ip + sizeof(*ip);
	if (likely(ip->nexthdr == IPPROTO_UDP || ip->nexthdr == IPPROTO_TCP))
		return parse_l4(c, p, length, f);
	end = p->payload + length;
	skip_extensions(skb, p->payload, ip->nexthdr, &found);
	if (!found.offset)
		return PARSED_SHORT;
	if (found.offset > end)
		return PARSED_BAD;
	p->key.proto = found.proto;
	p->ident = found.ident;
	p->fragmented = found.fragmented;
	if (p->fragmented == FRAGMENT_LATER)
		return PARSED_IP;
	p->payload = found.offset;
	c->at = c->start + within(found.offset);
	return parse_l4(c, p, end - found.offset, f);
}

/* link_layer skips up to two VLAN tags in the frame, and PPPoE, whose IP gets IP's EtherType. */
__noinline int link_layer(struct __sk_buff *skb, struct found *out)
{
	struct pppoe_header ppp;
	struct vlan_header vlan;
	__be16 proto;

	if (!out)
		return 0;
	out->offset = 0;
	if (bpf_skb_load_bytes(skb, 2 * ETH_ALEN, &proto, sizeof(proto)))
		return 0;
	out->proto = bpf_ntohs(proto);
	out->offset = ETH_HLEN;
	for (int i = 0; i < 2; i++) {
		if (out->proto != ETH_P_8021Q && out->proto != ETH_P_8021AD && out->proto != ETH_P_QINQ_OLD)
			break;
		if (bpf_skb_load_bytes(skb, out->offset, &vlan, sizeof(vlan))) {
			out->offset = 0;
			return 0;
		}
		out->offset += sizeof(vlan);
		out->proto = bpf_ntohs(vlan.proto);
	}
	if (out->proto != ETH_P_PPP_SES)
		return 0;
	if (bpf_skb_load_bytes(skb, out->offset, &ppp, sizeof(ppp))) {
		out->offset = 0;
		return 0;
	}
	if (ppp.proto == bpf_htons(PPP_IPV4))
		out->proto = ETH_P_IP;
	else if (ppp.proto == bpf_htons(PPP_IPV6))
		out->proto = ETH_P_IPV6;
	if (out->proto != ETH_P_PPP_SES)
		out->offset += sizeof(ppp);
	return 0;
}

static __always_inline enum parsed parse_linear(struct __sk_buff *skb, struct packet *p, struct frame f)
{
	struct cursor c = { (void *)(long)skb->data, (void *)(long)skb->data, (void *)(long)skb->data_end };
	__u16 proto = bpf_ntohs(skb->protocol);

	if (!f.raw_ip) {
		struct ethhdr *eth = take(&c, struct ethhdr);

		if (!eth)
			return PARSED_SHORT;
		proto = bpf_ntohs(eth->h_proto);
		p->ip = ETH_HLEN;
		if (unlikely(proto != ETH_P_IP && proto != ETH_P_IPV6)) {
			struct found found = {};

			link_layer(skb, &found);
			if (!found.offset)
				return PARSED_SHORT;
			proto = found.proto;
			p->ip = found.offset;
			c.at = c.start + within(found.offset);
		}
	}
	if (proto == ETH_P_IP)
		return parse_ipv4(&c, p, skb->len - p->ip, f);
	if (proto == ETH_P_IPV6)
		return parse_ipv6(skb, &c, p, skb->len - p->ip, f);
	return PARSED_CONTROL;
}

__noinline int parse_outbound(struct __sk_buff *skb, struct packet *p)
{
	struct frame f = { .local_is_source = true, .raw_ip = raw_ip };

	return p ? parse_linear(skb, p, f) : PARSED_BAD;
}

__noinline int parse_inbound(struct __sk_buff *skb, struct packet *p)
{
	struct frame f = { .local_is_source = false, .raw_ip = raw_ip };

	return p ? parse_linear(skb, p, f) : PARSED_BAD;
}

/* parse fills p, which must be zero. Outbound packets are those that the venue's or the box's end sent. The headers of a
 * forwarded packet are almost always linear; where a driver left them in a page, they are made so.
 */
static __always_inline enum parsed parse(struct __sk_buff *skb, struct packet *p, bool outbound)
{
	enum parsed result = outbound ? parse_outbound(skb, p) : parse_inbound(skb, p);

	if (unlikely(result == PARSED_SHORT && skb->data_end - skb->data < skb->len)) {
		if (bpf_skb_pull_data(skb, skb->len < HEADERS_MAX ? skb->len : HEADERS_MAX))
			return PARSED_SHORT;
		__builtin_memset(p, 0, sizeof(*p));
		result = outbound ? parse_outbound(skb, p) : parse_inbound(skb, p);
	}
	/* A batch of datagrams has one header, whose length is the batch's; all but the last are gso_size long. */
	if (p->key.proto == IPPROTO_UDP && skb->gso_size && skb->gso_size < p->length)
		p->length = skb->gso_size;
	return result;
}

#endif
