// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How long packets wait in our trees: from the stamp of the shaper hooks to the driver. It takes kernel BTF, and runs while an
 * agent does. Segments inherit the stamp of the batch that a leaf splits, so each is measured.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "delay_types.h"
#include "types.h"

char _license[] SEC("license") = "Dual BSD/GPL";

const enum delay_bound *bounds_for_go __attribute__((unused)); /* Go takes it from BTF */

#define ROOT_MAJOR 0x5c1e
#define MINOR_SLICE 0x10
#define OLDEST 67000000000ULL /* ns: what is older was not stamped by us */

struct ns_common {
	unsigned int inum;
} __attribute__((preserve_access_index));

struct net {
	struct ns_common ns;
} __attribute__((preserve_access_index));

typedef struct {
	struct net *net;
} __attribute__((preserve_access_index)) possible_net_t;

struct net_device {
	int ifindex;
	possible_net_t nd_net;
} __attribute__((preserve_access_index));

struct sk_buff {
	long long tstamp;
	__u32 priority;
} __attribute__((preserve_access_index));

/* Network namespace and interface → uplink * 2 + direction; written by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_UPLINKS * 2);
	__type(key, struct shaper_key);
	__type(value, __u32);
} shapers SEC(".maps");

/* (uplink * 2 + direction) * MAX_SLICES + slice → delays; written here. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_UPLINKS * 2 * MAX_SLICES);
	__type(key, __u32);
	__type(value, struct delay_histogram);
} delays SEC(".maps");

/* bucket_of: exact below 16 µs, then 16 buckets an octave. */
static __always_inline __u32 bucket_of(__u64 us)
{
	__u32 v = us > 0x3ffffff ? 0x3ffffff : us, octave = 0;

	if (v < 16)
		return v;
	if (v >> 16)
		octave += 16;
	if (v >> octave >> 8)
		octave += 8;
	if (v >> octave >> 4)
		octave += 4;
	if (v >> octave >> 2)
		octave += 2;
	if (v >> octave >> 1)
		octave += 1;
	return (octave - 3) * 16 + (v >> (octave - 4) & 15);
}

SEC("tp_btf/net_dev_start_xmit")
int BPF_PROG(delay, const struct sk_buff *skb, const struct net_device *dev)
{
	__u32 priority = skb->priority, index, bucket, *shaper;
	struct shaper_key key = {};
	struct delay_histogram *histogram;
	__u64 now, stamped;

	if (priority >> 16 != ROOT_MAJOR || !skb->tstamp)
		return 0;
	key.netns = dev->nd_net.net->ns.inum;
	key.ifindex = dev->ifindex;
	shaper = bpf_map_lookup_elem(&shapers, &key);
	if (!shaper)
		return 0;
	now = bpf_ktime_get_ns();
	stamped = skb->tstamp;
	if (stamped > now || now - stamped > OLDEST)
		return 0;
	index = *shaper * MAX_SLICES + (priority & 15);
	histogram = bpf_map_lookup_elem(&delays, &index);
	bucket = bucket_of((now - stamped) / 1000);
	if (!histogram || bucket >= DELAY_BUCKETS)
		return 0;
	histogram->count[bucket]++;
	histogram->sum_us += (now - stamped) / 1000;
	return 0;
}
