// Package scenario has what the lab measures: a venue behind a modem, in namespaces of one guest, under a treatment and a load.
//
//  1. The bottleneck is a modem behind the box, with a fat fifo at the contracted rate; every treatment shapes to 95 % of that, and to more
//     where framing is to show (overhead). Where the box itself is asked for what it does (delay, cost, rate, and agent but for the cases that are
//     named so), nothing behind it holds packets up.
//  2. All treatments of a scenario carry the same traffic, marked by its senders as the best of them wants it.
//  3. Delays are round trips by the kernel's receive times, above the median of the idle path under the same treatment. In abuse and flap they
//     are compared with those before.
//  4. A scenario prints figures, and fails only if it could not measure: bounds are the bench's.
package scenario
