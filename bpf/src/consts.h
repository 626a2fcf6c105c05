/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What differs from one interface's program to another's: set before loading, so that the verifier removes what is not used. */
#ifndef SLICEGATE_CONSTS_H
#define SLICEGATE_CONSTS_H

#include <stdbool.h>
#include <linux/types.h>

const volatile __u8 uplink; /* index in the counters */
const volatile __u8 hook; /* index in the hooks map */
const volatile bool raw_ip; /* frames begin with IP */
const volatile bool by_address; /* devices are addresses, not MACs */
const volatile bool write_dscp; /* mark what goes to the venue, wash what leaves it */
const volatile bool shaped; /* there is a tree behind this hook */
const volatile bool fair; /* the queues behind this hook are chosen by the packet's hash */
const volatile __u16 split; /* the longest superpacket that is to be split before it is queued, bytes; 0 for none */
const volatile bool dry; /* judge one packet, change no map, answer in cb */
const volatile bool replay; /* judge a captured packet: the clock is in tstamp, answers go through cb */
const volatile __u16 clamp; /* the largest MSS that best-effort flows may offer through this hook, bytes; 0 for any */
const volatile __u32 mark_mask; /* the bits of skb->mark that hold the experience; 0 for none */
const volatile __u32 mark_shift;

#endif
