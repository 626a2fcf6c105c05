/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Devices: who in the venue sent a packet. */
#ifndef SLICEGATE_DEVICE_H
#define SLICEGATE_DEVICE_H

#include "account.h"

#define SRC_MAC 6 /* its offset in an Ethernet header */

static __always_inline void device_key_of(struct __sk_buff *skb, const struct packet *p, struct device_key *key)
{
	key->ifindex = skb->ifindex;
	if (!by_address && !raw_ip) {
		bpf_skb_load_bytes(skb, SRC_MAC, key->addr + 10, 6);
		return;
	}
	__builtin_memcpy(key->addr, p->key.local, 16);
	if (p->version == 6)
		__builtin_memset(key->addr + 8, 0, 8);
}

/* device_of gives the sender's index, and one of the free ones to a new sender; 0 where there is none left. */
static __always_inline __u16 device_of(struct __sk_buff *skb, const struct packet *p)
{
	__u64 now = clock(skb);
	struct device_key key = {};
	struct device fresh = { .seen = now }, *device;
	__u32 index = 0;

	device_key_of(skb, p, &key);
	device = bpf_map_lookup_elem(&devices, &key);
	if (dry)
		return device ? device->index : 0;
	if (device) {
		if (now - device->seen > SECOND)
			device->seen = now;
		return device->index;
	}
	if (bpf_map_pop_elem(&device_free, &index)) {
		fault(FAULT_NO_DEVICE);
		return 0;
	}
	fresh.index = index;
	if (!bpf_map_update_elem(&devices, &key, &fresh, BPF_NOEXIST))
		return index;
	/* Another CPU met the same device at the same time, or the table is full. */
	bpf_map_push_elem(&device_free, &index, 0);
	device = bpf_map_lookup_elem(&devices, &key);
	return device ? device->index : 0;
}

#endif
