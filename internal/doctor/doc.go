// Package doctor says what this box lacks to slice its uplinks, what is lost because of it, and what to do about it.
//
//  1. It changes nothing: what it tries, it tries in a network namespace of its own that is gone afterwards.
//  2. A feature of the kernel is tried, not looked up, so that it can't be there in name alone.
//  3. It needs no agent, and does not mind one.
//  4. A check that could not look says so, and is not ok: nothing passes unseen.
//  5. It looks at the network namespace of the thread that calls Examine, and prints nothing.
package doctor
