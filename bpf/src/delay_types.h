/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Delay histograms: values in µs, 16 linear buckets an octave, exact below 16 µs, up to 2^26 µs (67 s). */
#ifndef SLICEGATE_DELAY_TYPES_H
#define SLICEGATE_DELAY_TYPES_H

#include <linux/types.h>

enum delay_bound {
	DELAY_BUCKETS = 368,
};

struct delay_histogram {
	__u64 count[DELAY_BUCKETS];
	__u64 sum_us;
};

#endif
