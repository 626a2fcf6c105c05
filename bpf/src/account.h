/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counting, at the shaper hooks and wherever something goes wrong. */
#ifndef SLICEGATE_ACCOUNT_H
#define SLICEGATE_ACCOUNT_H

#include "consts.h"
#include "maps.h"
#include "parse.h"

enum direction {
	UP,
	DOWN,
};

#define SECOND 1000000000ULL
#define SAMPLE_SHIFT 4 /* of slices whose delay is only sampled, one packet of each 16 is */
#define GOLDEN 0x9e3779b97f4a7c15ULL /* 2^64 divided by the golden ratio: the upper bits of its multiples go round evenly */

/* clock is the coarse monotonic time in ns; in a replay, the capture's. */
static __always_inline __u64 clock(struct __sk_buff *skb)
{
	return replay ? skb->tstamp : bpf_ktime_get_coarse_ns();
}

static __always_inline void bump(void *map, __u32 index)
{
	__u64 *n;

	if (dry)
		return;
	n = bpf_map_lookup_elem(map, &index);
	if (n)
		(*n)++;
}

static __always_inline void fault(enum fault which)
{
	bump(&faults, which);
}

static __always_inline void mark_seen(__u32 device, __u8 uplink, enum direction dir, __u8 slice, __u64 now)
{
	struct last_seen *seen = bpf_map_lookup_elem(&device_seen, &device);
	/* 2^30 ns are near enough to a second, and need no division. */
	__u16 second = (now >> 30) | 1;

	if (seen && seen->at[uplink % MAX_UPLINKS][dir][slice % MAX_SLICES] != second)
		seen->at[uplink % MAX_UPLINKS][dir][slice % MAX_SLICES] = second;
}

/* is_sampled chooses one packet of each 16 by its number, each time another: in bursts of 16 the last would always be the last of the burst. */
static __always_inline bool is_sampled(__u64 number)
{
	return (number & ((1 << SAMPLE_SHIFT) - 1)) == (number >> SAMPLE_SHIFT) * GOLDEN >> (64 - SAMPLE_SHIFT);
}

/* count books a packet, or a batch as the packets it will become, and says whether its delay is to be measured. */
static __always_inline bool count(struct __sk_buff *skb, const struct settings *box, __u8 uplink, enum direction dir, __u8 slice,
				  __u8 experience, __u32 device, __u64 now)
{
	__u32 index = ((experience * MAX_UPLINKS + uplink % MAX_UPLINKS) * 2 + dir) * MAX_SLICES + slice % MAX_SLICES;
	__u32 segments = skb->gso_segs ?: 1;
	struct direction_bytes *by_device;
	struct counter *c;

	c = bpf_map_lookup_elem(&counters, &index);
	if (!c)
		return false;
	c->bytes += skb->wire_len;
	c->packets += segments;
	if (device) {
		by_device = bpf_map_lookup_elem(&device_bytes, &device);
		if (by_device)
			by_device->bytes[dir] += skb->wire_len;
		mark_seen(device, uplink, dir, slice, now);
	}
	return box->every_packet >> slice & 1 || is_sampled(c->packets);
}

/* stamp writes the time at which the packet was offered to the shaper, or clears what a local sender wrote there. The kernel stamps
 * nothing whose tags or PPPoE are in the frame.
 */
static __always_inline void stamp(struct __sk_buff *skb, bool measured)
{
	if (!measured || bpf_skb_set_tstamp(skb, bpf_ktime_get_ns(), BPF_SKB_TSTAMP_DELIVERY_MONO))
		skb->tstamp = 0;
}

#endif
