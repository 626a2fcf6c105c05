/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* On a slow uplink one full packet of bulk ahead of a call is what the call waits for. A SYN says how large the segments may be
 * that come back (RFC 9293, section 3.7.1), so a smaller number in it makes smaller packets in the other direction.
 */
#ifndef SLICEGATE_CLAMP_H
#define SLICEGATE_CLAMP_H

#include "parse.h"

#define TCP_SYN 0x02
#define TCP_CHECK 16 /* offset of the checksum in a TCP header */
#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_MSS 2

static __always_inline __be16 swapped(__be16 word)
{
	return word << 8 | word >> 8;
}

/* shrink_mss rewrites the option at an offset from the frame's start. A word at an odd place of its segment is summed with its
 * bytes swapped (RFC 1071, section 2).
 */
static __always_inline void shrink_mss(struct __sk_buff *skb, const struct packet *p, __u32 at)
{
	__be16 mss, smaller = bpf_htons(clamp);
	bool odd = (at + 2 - p->transport) & 1;

	if (bpf_skb_load_bytes(skb, at + 2, &mss, sizeof(mss)) || bpf_ntohs(mss) <= clamp)
		return;
	bpf_l4_csum_replace(skb, p->transport + TCP_CHECK, odd ? swapped(mss) : mss, odd ? swapped(smaller) : smaller, sizeof(mss));
	bpf_skb_store_bytes(skb, at + 2, &smaller, sizeof(smaller), 0);
}

/* search is where the walk through a SYN's options is. */
struct search {
	struct __sk_buff *skb;
	__u32 at, end; /* offsets from the frame's start, bytes */
	__u32 found; /* offset of the option; 0 for none */
};

/* next_option is one step of the walk, and says when it is over. */
static long next_option(__u32 step, void *context)
{
	struct search *s = context;
	__u8 option[2]; /* kind, length */

	if (s->at + 2 > s->end || bpf_skb_load_bytes(s->skb, s->at, option, sizeof(option)) || option[0] == OPTION_END)
		return 1;
	if (option[0] == OPTION_NOP) {
		s->at++;
		return 0;
	}
	if (option[0] == OPTION_MSS && option[1] == 4 && s->at + 4 <= s->end)
		s->found = s->at;
	s->at += option[1];
	return s->found || option[1] < 2;
}

/* find_mss looks for the option. The kernel's loop is verified once, ours would be at every length of every option. */
__noinline int find_mss(struct __sk_buff *skb, const struct packet *p)
{
	struct search s = { .skb = skb };

	if (!p)
		return 0;
	s.at = p->transport + sizeof(struct tcp_header);
	s.end = p->payload;
	bpf_loop(40, next_option, &s, 0);
	if (s.found)
		shrink_mss(skb, p, s.found);
	return 0;
}

/* clamp_mss bounds what a best-effort connection offers: calls and signalling send small packets anyway. A header that contradicts
 * itself has no place, and no options.
 */
static __always_inline void clamp_mss(struct __sk_buff *skb, const struct settings *box, const struct packet *p, __u8 slice)
{
	if (clamp && p->key.proto == IPPROTO_TCP && unlikely(p->tcp_flags & TCP_SYN) && p->transport && box->best_effort >> slice & 1)
		find_mss(skb, p);
}

#endif
