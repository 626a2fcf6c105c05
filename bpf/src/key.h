/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How a flow's key is filled. */
#ifndef SLICEGATE_KEY_H
#define SLICEGATE_KEY_H

#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "types.h"

/* copy_address copies 16 bytes as words. Byte by byte, which is how compilers copy what may lie anywhere, the stores would cost
 * more than themselves: a look-up's hash reads words, and must wait for each of their bytes.
 */
static __always_inline void copy_address(__u8 *to, const void *from)
{
	__builtin_memcpy(__builtin_assume_aligned(to, 4), __builtin_assume_aligned(from, 4), 16);
}

static __always_inline void key_addresses(struct flow_key *key, const void *src, const void *dst, bool local_is_source)
{
	copy_address(local_is_source ? key->local : key->remote, src);
	copy_address(local_is_source ? key->remote : key->local, dst);
}

/* Ports in network byte order come in, host byte order goes into the key. */
static __always_inline void key_ports(struct flow_key *key, __be16 src, __be16 dst, bool local_is_source)
{
	key->local_port = bpf_ntohs(local_is_source ? src : dst);
	key->remote_port = bpf_ntohs(local_is_source ? dst : src);
}

#endif
