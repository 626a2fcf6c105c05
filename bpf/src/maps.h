/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps. */
#ifndef SLICEGATE_MAPS_H
#define SLICEGATE_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "types.h"

/* The agent's settings: one entry, written by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct settings);
} box SEC(".maps");

/* 5-tuple before NAT, or the box's own → what is known of it; settled flows only; written by the classifiers. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_FLOWS);
	__type(key, struct flow_key);
	__type(value, struct flow);
} flows SEC(".maps");

/* Where the entry of a new flow is made: it is too large for the stack. Programs at hooks don't interrupt each other. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow);
} fresh_flow SEC(".maps");

/* The same for flows that have not settled: those that never do push out each other, and no settled one. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_NURSERY);
	__type(key, struct flow_key);
	__type(value, struct flow);
} flows_new SEC(".maps");

/* 5-tuple after NAT, as the uplink sees it → what the venue's side gave it, and what its download showed; written at the uplink. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_FLOWS);
	__type(key, struct flow_key);
	__type(value, struct flow);
} reverse SEC(".maps");

/* The same for flows that have not settled. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_NURSERY);
	__type(key, struct flow_key);
	__type(value, struct flow);
} reverse_new SEC(".maps");

/* 5-tuple, or one with a zero remote end → slice and payer; written by the agent alone. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_PINS);
	__type(key, struct flow_key);
	__type(value, struct pin);
} pins SEC(".maps");

/* Prefix → the rules and the experience that name it or a prefix around it; written by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_PREFIXES);
	__type(key, struct prefix_key);
	__type(value, struct prefix);
} prefixes SEC(".maps");

/* Port, plus 65536 for TCP → the rules that name it; written by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * 65536);
	__type(key, __u32);
	__type(value, __u64);
} ports SEC(".maps");

/* Interface and address → device; written at the venue's ingress, recycled by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_DEVICES);
	__type(key, struct device_key);
	__type(value, struct device);
} devices SEC(".maps");

/* Device indexes that nobody has; filled by the agent, drained at the venue's ingress. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, MAX_DEVICES);
	__type(value, __u32);
} device_free SEC(".maps");

/* Device → bytes by direction; written at the shaper hooks. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_DEVICES);
	__type(key, __u32);
	__type(value, struct direction_bytes);
} device_bytes SEC(".maps");

/* Device → when it was last seen where; written at the shaper hooks. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_DEVICES);
	__type(key, __u32);
	__type(value, struct last_seen);
} device_seen SEC(".maps");

/* Device → which of its queues is for heavy flows; written by the classifiers. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_DEVICES);
	__type(key, __u32);
	__type(value, struct heavy_queues);
} device_queues SEC(".maps");

/* Device → how fast it settles flows; written by the classifiers. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_DEVICES);
	__type(key, __u32);
	__type(value, struct device_limit);
} device_limits SEC(".maps");

/* First fragment → its verdict, for those that follow without ports; written at the ingress hooks. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_FRAGMENTS);
	__type(key, struct fragment_key);
	__type(value, struct fragment);
} fragments SEC(".maps");

/* ((experience * MAX_UPLINKS + uplink) * 2 + direction) * MAX_SLICES + slice → what was offered; written at the shaper hooks. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_EXPERIENCES *MAX_UPLINKS * 2 * MAX_SLICES);
	__type(key, __u32);
	__type(value, struct counter);
} counters SEC(".maps");

/* As counters → what programs of another layout counted before these; written by the agent alone. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_EXPERIENCES *MAX_UPLINKS * 2 * MAX_SLICES);
	__type(key, __u32);
	__type(value, struct counter);
} counted_before SEC(".maps");

/* (uplink * 2 + direction) * MAX_SLICES + slice → drops of its leaf; written by the agent alone. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_UPLINKS * 2 * MAX_SLICES);
	__type(key, __u32);
	__type(value, struct drop_count);
} drops SEC(".maps");

/* Hook → packets that its program saw; written by every program. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_HOOKS);
	__type(key, __u32);
	__type(value, __u64);
} hooks SEC(".maps");

/* Rank → verdicts given to flows; written by the classifiers. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, RANK_COUNT);
	__type(key, enum rank);
	__type(value, __u64);
} classified SEC(".maps");

/* enum fault → times; written by every program. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FAULT_COUNT);
	__type(key, enum fault);
	__type(value, __u64);
} faults SEC(".maps");

/* The names behind numbers, in sections: slices, uplinks, experiences. Agent alone. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_SLICES + MAX_UPLINKS + MAX_EXPERIENCES);
	__type(key, __u32);
	__type(value, char[MAX_NAME]);
} names SEC(".maps");

/* One entry: LAYOUT and the number of agents that started on these maps; written by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct layout_info);
} layout SEC(".maps");

#endif
