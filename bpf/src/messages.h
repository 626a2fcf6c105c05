/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Messages that one packet shows for what they are. b is the message's head, length its bytes. */
#ifndef SLICEGATE_MESSAGES_H
#define SLICEGATE_MESSAGES_H

#include "head.h"

#define STUN_COOKIE 0x2112A442 /* RFC 8489, section 5 */
#define STUN_HEADER 20
#define PORT_DNS 53
#define PORT_NTP 123
#define PORT_DNS_SECURE 853 /* RFC 7858, RFC 9250 */
#define PORT_SIP_SECURE 5061
#define QUIC_MIN 19 /* bytes: no id, one of 8 bytes, and a version */
#define QUIC_MAX_ID 20 /* bytes of a connection's id: RFC 9000, section 17.2 */
#define QUIC_V2 0x6b3343cf /* RFC 9369, section 3.1 */

/* RFC 8489, section 5: a type of the four first bytes that RFC 7983 leaves to it, the cookie, and a length that is a multiple of four. It gives the message's bytes, or 0. */
static __always_inline __u32 stun_length(const __u8 *b, __u32 length)
{
	__u32 attributes = be16(b + 2);

	if (length < STUN_HEADER || b[0] > 3 || be32(b + 4) != STUN_COOKIE || attributes % 4)
		return 0;
	return STUN_HEADER + attributes;
}

/* RFC 8489, section 5: the method's bits around those of the class. TURN's are Allocate (3) to ChannelBind (9), and
 * ConnectionBind (11) over TCP: RFC 8656, section 17 and RFC 6062, section 6.1.
 */
static __always_inline bool is_turn_method(const __u8 *b)
{
	__u32 type = be16(b);
	__u32 method = (type & 0xf) | (type >> 1 & 0x70) | (type >> 2 & 0xf80);

	return method >= 3 && method <= 11;
}

/* RFC 8656, section 12.4: a channel, a length that fits. RFC 5766 clients use all numbers from 0x4000 to 0x7FFF. */
static __always_inline bool is_channel_data(const __u8 *b, __u32 length)
{
	return b[0] >> 6 == 1 && be16(b + 2) + 4u <= length;
}

/* RFC 6347, section 4.1: content types 20 to 26, version 1.0 or 1.2, and a length that fits. RFC 9147 keeps this form for
 * its plain records.
 */
static __always_inline bool is_dtls(const __u8 *b, __u32 length)
{
	return length >= 13 && b[0] >= 20 && b[0] <= 26 && b[1] == 0xfe && (b[2] == 0xff || b[2] == 0xfd) && be16(b + 11) + 13u <= length;
}

/* RFC 9147, section 4: the unified header of an encrypted record of DTLS 1.3, without a connection's id, whose length (bit 2) is
 * exactly what follows; bit 3 says that the sequence number has two bytes. An encrypted record has 16 bytes at least (section 4.2.3).
 */
static __always_inline bool is_dtls13(const __u8 *b, __u32 length)
{
	__u32 longer = be16(b + 3) + 5, shorter = be16(b + 2) + 4; /* of the record, by the length at either place */

	if (b[0] & 8)
		return (b[0] & 0xf4) == 0x24 && longer == length && length >= 5 + 16;
	return (b[0] & 0xf4) == 0x24 && shorter == length && length >= 4 + 16;
}

/* RFC 1035, section 4.1.1: a standard query or its answer, with one question. */
static __always_inline bool is_dns(const __u8 *b, __u32 length)
{
	return length >= 17 && (b[2] & 0x78) == 0 && be16(b + 4) == 1;
}

/* RFC 1035, section 4.2.2: over TCP a length is before each message, and may be alone in a segment of its own (RFC 7766, section 8). */
static __always_inline bool is_dns_segment(const __u8 *b, __u32 length)
{
	return is_dns(b + 2, be16(b)) || is_dns(b, length);
}

/* RFC 5905, section 7.3: 48 bytes, modes 1 to 5, a version that was ever given out. */
static __always_inline bool is_ntp(const __u8 *b, __u32 length)
{
	__u8 mode = b[0] & 7, version = b[0] >> 3 & 7;

	return length == 48 && mode >= 1 && mode <= 5 && version >= 1 && version <= 4;
}

/* RFC 9000, section 17.2 and RFC 9369: a long header of version 1 or 2, or 0 in a server's answer that names its versions; and an id
 * of the other end that is not too long.
 */
static __always_inline bool is_quic(const __u8 *b, __u32 length)
{
	__u32 version = be32(b + 1);

	return length >= QUIC_MIN && b[0] >> 6 == 3 && (version <= 1 || version == QUIC_V2) && b[5] <= QUIC_MAX_ID;
}

/* RFC 8446, section 5.1: a handshake record that begins with a hello of either side. */
static __always_inline bool is_tls(const __u8 *b, __u32 length)
{
	return length >= 9 && b[0] == 22 && b[1] == 3 && b[2] <= 4 && (b[5] == 1 || b[5] == 2);
}

/* RFC 3261, section 7: an answer begins with its version; a request with a method in capitals and an address. */
static __always_inline bool is_sip(const __u8 *b, __u32 length)
{
	__u32 scheme;
	int i;

	if (length < 16)
		return false;
	if (be32(b) == 0x5349502f && be32(b + 4) == 0x322e3020) /* "SIP/2.0 " */
		return true;
	for (i = 0; i < 10; i++)
		if (b[i] < 'A' || b[i] > 'Z')
			break;
	if (i < 3 || i > 9 || b[i] != ' ')
		return false;
	scheme = b[i + 1] << 16 | b[i + 2] << 8 | b[i + 3];
	return scheme == 0x736970 || scheme == 0x74656c || scheme == 0x75726e; /* "sip", "tel", "urn" of emergency calls (RFC 5031) */
}

#endif
