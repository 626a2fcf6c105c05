/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* RTP has no magic number: what tells is that a stream goes on. */
#ifndef SLICEGATE_RTP_H
#define SLICEGATE_RTP_H

#include "head.h"

#define RTP_MAX_STEP 16 /* packets between two of a stream */
#define RTP_MAX_ELAPSED (1 << 23) /* ticks between these, either way: 93 s at 90 kHz */
#define AUDIO_MAX_SIZE 400 /* bytes, where neither type nor clock tells */
#define AUDIO_TICK 80 /* 10 ms at 8 kHz: audio clocks go in multiples of it */
#define AUDIO_MAX_TICKS 36 /* 60 ms at 48 kHz */
#define PICTURE_MIN 1500 /* ticks at 90 kHz: 60 pictures a second */

enum rtcp_type {
	RTCP_SR = 200,
	RTCP_RR,
	RTCP_SDES,
	RTCP_BYE,
	RTCP_XR = 207,
};

#define SRTCP_TRAILER 14 /* bytes: index and tag, RFC 3711, section 3.4 */
#define SRTCP_TRAILER_GCM 20 /* RFC 7714, section 9 */

/* RFC 3550, section 6.4 and RFC 5761, section 4: version 2, packet types 200 to 207, a length in words that fits. One random packet
 * in 25,000 would do so, so the length must also be what the type makes of it: a report's is that of its blocks, and a type that
 * has none is the datagram's only one (RFC 5506), but for SRTCP's trailer.
 */
static __always_inline bool is_rtcp(const __u8 *b, __u32 length)
{
	__u32 words = be16(b + 2), count = b[0] & 31, behind = length - (words + 1) * 4;

	if (length < 8 || b[0] >> 6 != 2 || (words + 1) * 4 > length)
		return false;
	if (b[1] == RTCP_SR)
		return words == 6 + 6 * count;
	if (b[1] == RTCP_RR)
		return words == 1 + 6 * count;
	if (b[1] == RTCP_BYE && words < count)
		return false;
	return b[1] >= RTCP_SDES && b[1] <= RTCP_XR && (!behind || behind == SRTCP_TRAILER || behind == SRTCP_TRAILER_GCM);
}

/* RFC 3550, section 5.1, but for the types that RFC 5761 leaves to RTCP; contributing sources must fit. */
static __always_inline bool is_rtp_shaped(const __u8 *b, __u32 length)
{
	return length >= 12 + (b[0] & 15) * 4 && b[0] >> 6 == 2 && (b[1] < 192 || b[1] > 223);
}

/* RFC 3551, section 6: payload types that stand for an encoding without being told so. */
static __always_inline enum kind static_kind(__u8 type)
{
	if (type <= 18)
		return KIND_RTP_AUDIO;
	return type >= 25 && type <= 34 ? KIND_RTP_VIDEO : KIND_UNKNOWN;
}

/* rtp_kind labels a stream by its payload type, else by how its clock went over so many packets. Packets of one time are parts of a
 * picture, and pictures are further apart than most audio packets. In a batch it is the clock of the first datagram.
 */
static __always_inline enum kind rtp_kind(__u8 type, __u32 elapsed, __u32 step, __u32 length, bool batch)
{
	__u32 tick = step ? elapsed / step : 0;
	enum kind kind = static_kind(type);

	if (kind)
		return kind;
	if (!elapsed)
		return KIND_RTP_VIDEO;
	if (tick * step == elapsed && tick % AUDIO_TICK == 0 && tick <= AUDIO_TICK * AUDIO_MAX_TICKS)
		return KIND_RTP_AUDIO;
	if (step == 1 && !batch)
		return elapsed < PICTURE_MIN ? KIND_RTP_AUDIO : KIND_RTP_VIDEO;
	return length < AUDIO_MAX_SIZE ? KIND_RTP_AUDIO : KIND_RTP_VIDEO;
}

/* follow_rtp says what a stream carries if one of this SSRC was here 1 to 16 packets ago, at a time that is not far, else
 * KIND_UNKNOWN, and remembers the packet. A browser mixes several streams in one 5-tuple, so a few are kept. segments is the number of datagrams in a batch.
 */
static __always_inline enum kind follow_rtp(struct flow *f, const __u8 *b, __u32 length, __u32 segments)
{
	__u32 ssrc = be32(b + 8), time = be32(b + 4), place;
	__u16 seq = be16(b + 2);
	struct rtp_candidate *c;

	for (int i = 0; i < RTP_CANDIDATES; i++) {
		__u16 step = seq - f->candidates[i].seq;
		__u32 elapsed = time - f->candidates[i].time;

		c = &f->candidates[i];
		if (!c->size || c->ssrc != ssrc)
			continue;
		c->seq = seq + segments - 1;
		c->time = time;
		c->size = length;
		if (step < 1 || step > RTP_MAX_STEP || elapsed + RTP_MAX_ELAPSED > 2 * RTP_MAX_ELAPSED)
			return KIND_UNKNOWN;
		return rtp_kind(b[1] & 0x7f, elapsed, step, length, segments > 1);
	}
	/* Where there are more streams than places, taking turns would throw each out just before its next packet. */
	place = f->next_candidate < RTP_CANDIDATES ? f->next_candidate++ : bpf_get_prandom_u32();
	c = &f->candidates[place & (RTP_CANDIDATES - 1)];
	c->ssrc = ssrc;
	c->seq = seq + segments - 1;
	c->time = time;
	c->size = length;
	return KIND_UNKNOWN;
}

#endif
