/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the programs and the agent share. Go sees these through BTF (bpf2go -type), never by a second definition.
 * Addresses are in network byte order, IPv4 ones mapped into ::ffff:0:0/96; ports and lengths are in host byte order.
 */
#ifndef SLICEGATE_TYPES_H
#define SLICEGATE_TYPES_H

#include <linux/types.h>

/* A change of any key or value of a map, or of what it means, is a change of layout. */
enum layout_version {
	LAYOUT = 5,
};

enum bound {
	MAX_SLICES = 16, /* ids 1 to 15; tc_index spends 4 bits on them */
	MAX_DEVICES = 4096, /* indexes 1 to 4095; tc_index spends 12 bits on them */
	MAX_EXPERIENCES = 256, /* 1 to 255; the mark spends 8 bits on them */
	MAX_UPLINKS = 8,
	MAX_VENUES = 8,
	MAX_RULES = 64, /* a rule is a bit of a __u64 */
	MAX_HOOKS = 64,
	MAX_FLOWS = 65536,
	MAX_NURSERY = 16384,
	MAX_PINS = 16384,
	MAX_PREFIXES = 4096,
	MAX_FRAGMENTS = 4096,
	MAX_NAME = 64, /* bytes, with a zero at the end */
};

/* How strong a verdict is; a weaker one never replaces a stronger one. */
enum rank {
	RANK_NONE,
	RANK_DEFAULT,
	RANK_PROVISIONAL, /* STUN, DTLS, RTCP: the flow may yet carry media */
	RANK_BEHAVIOUR,
	RANK_NAME,
	RANK_STRUCTURE,
	RANK_RULE,
	RANK_PIN,
	RANK_COUNT,
};

/* What a flow carries: the rows of docs/classification.md. */
enum kind {
	KIND_UNKNOWN,
	KIND_CONTROL, /* not IP: ARP, EAPOL, PPPoE discovery, BPDUs, LLDP */
	KIND_ICMP,
	KIND_ICMPV6,
	KIND_IGMP,
	KIND_DHCP,
	KIND_DNS,
	KIND_NTP,
	KIND_STUN,
	KIND_DTLS,
	KIND_RTP_AUDIO,
	KIND_RTP_VIDEO,
	KIND_RTCP,
	KIND_TURN,
	KIND_QUIC,
	KIND_TLS,
	KIND_SIP,
	KIND_COUNT,
};

/* What went wrong on the packet path; indexes of the faults map. */
enum fault {
	FAULT_UNPARSED, /* IP that could not be parsed */
	FAULT_OVERWRITTEN, /* forwarded from the venue, but tc_index was 0 */
	FAULT_NO_DEVICE, /* no free device index */
	FAULT_LIMITED, /* a device settles flows faster than it may */
	FAULT_INSERT, /* a flow table refused an entry */
	FAULT_FRAGMENT, /* a later fragment of which nothing is known: its first one was not seen, or got what strangers get */
	FAULT_COUNT,
};

/* A 5-tuple seen from the venue's or the box's end, whichever way the packet goes. */
struct flow_key {
	__u8 local[16] __attribute__((aligned(4)));
	__u8 remote[16] __attribute__((aligned(4)));
	__u16 local_port;
	__u16 remote_port;
	__u8 proto;
	__u8 pad[3];
};

struct verdict {
	__u8 slice; /* 0: none */
	__u8 rank; /* enum rank */
	__u8 kind; /* enum kind */
	__u8 detail; /* the rule's number, where the rank is RANK_RULE */
};

/* A stream that looked like RTP once (RFC 3550, section 5.1). */
struct rtp_candidate {
	__u32 ssrc;
	__u32 time; /* of its clock */
	__u16 seq;
	__u16 size; /* of the payload, bytes */
};

#define RTP_CANDIDATES 4

struct flow {
	__u64 seen; /* ns, coarse monotonic; refreshed once a second */
	__u32 generation; /* of the pins and rules that `given` comes from */
	__u16 device;
	__u16 packets; /* until it settled */
	__u16 settled_at; /* packet number; 0 while it has not */
	__u8 experience;
	__u8 dscp;
	struct verdict given; /* flows: by pin or rule. reverse: by the venue's side, whatever its rank */
	struct verdict learned; /* from this flow's own packets */
	__u8 next_candidate;
	__u8 traits; /* enum trait */
	__u8 second; /* of the clock, when it was looked at again last */
	__u8 window; /* packets that are still looked into while nothing is confirmed */
	__u16 level[2]; /* by direction: a bucket that leaks, bytes; see fair.h */
	__u32 level_at[2]; /* when it was that full, 2^16 ns */
	struct rtp_candidate candidates[RTP_CANDIDATES];
	__u8 queue[2]; /* by direction: which of its device's two it waits in; see fair.h */
	__u8 misses; /* packets in a row that show nothing of what the flow is taken for */
	__u8 pad;
};

struct pin {
	__u8 slice;
	__u8 experience;
	__u16 pad;
	__u32 start; /* of the agent that made it */
};

struct device_key {
	__u32 ifindex;
	__u8 addr[16]; /* ten zeros and a MAC, or an address as in flow_key, IPv6 cut to its /64 */
};

struct device {
	__u64 seen; /* ns, coarse monotonic; refreshed once a second */
	__u16 index;
	__u16 pad[3];
};

struct direction_bytes {
	__u64 bytes[2]; /* by direction */
};

/* When a device was last seen in a slice, in seconds of the coarse clock in steps of two, odd, modulo 2^16; 0 for never. */
struct last_seen {
	__u16 at[MAX_UPLINKS][2][MAX_SLICES];
};

/* A device's queues in a slice, by direction: a word with which of the two is the sparse one, what the other has, and when it last got a
 * packet of that; see fair.h.
 */
struct heavy_queues {
	__u16 last[2][MAX_SLICES];
};

/* How fast one device settles flows: a bucket that leaks. */
struct device_limit {
	__u64 last; /* ns, coarse monotonic */
	__u64 level; /* flows */
};

struct counter {
	__u64 bytes;
	__u64 packets;
};

/* Drops of a slice's leaf qdisc. Its own counter begins anew with each qdisc. */
struct drop_count {
	__u64 before; /* of qdiscs that are gone */
	__u64 last; /* what the present one showed when it was last read */
};

struct prefix_key {
	__u32 bits; /* of the IPv4-mapped or IPv6 address, 0 to 128 */
	__u8 addr[16];
};

struct prefix {
	__u64 rules; /* whose subnets hold this prefix */
	__u8 experience; /* of the longest experience's subnet that holds this prefix; 0 for none */
	__u8 pad[7];
};

struct fragment_key {
	__u8 src[16] __attribute__((aligned(4)));
	__u8 dst[16] __attribute__((aligned(4)));
	__u32 ident;
	__u32 proto;
};

struct fragment {
	__u64 seen; /* ns */
	struct verdict verdict;
	__u8 experience;
	__u8 pad;
	__u16 device;
};

/* Of the maps themselves. */
struct layout_info {
	enum layout_version version;
	__u32 starts; /* of agents on these maps */
};

/* The agent's settings. It writes them first with the old generation, then again with the new one. */
struct settings {
	__u32 generation;
	__u32 venues[MAX_VENUES]; /* ifindexes, 0 where there is none */
	__u32 pins; /* in the pin map */
	__u8 default_slice;
	__u8 signalling;
	__u8 realtime;
	__u8 has_prefixes; /* rules or experiences name subnets */
	__u16 every_packet; /* slices whose every packet's delay is measured, a bit each */
	__u16 best_effort; /* slices whose connections may be clamped, a bit each */
	__u64 rules_any_subnet; /* that name no subnet */
	__u64 rules_any_port; /* that name no port */
	__u64 rules_by_dscp; /* that name a DSCP */
	__u64 rules; /* that exist */
	__u64 dscp_rules[64]; /* that accept this DSCP, those that name none among them */
	__u8 rule_slice[MAX_RULES];
	__u8 rule_experience[MAX_RULES]; /* 0: the subnet's owner */
	__u8 dscp_of_slice[MAX_SLICES]; /* what the venue's side is marked with */
};

/* A device with a shaper on it, for the delay histograms. */
struct shaper_key {
	__u32 netns; /* inode */
	__u32 ifindex;
};

#endif
