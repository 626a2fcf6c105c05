// Package shaper turns slices and uplinks into qdiscs, classes, filters and programs, and keeps the kernel that way.
//
//  1. Four verbs: Desired and Diff are pure; Observe only reads; Apply only writes, and says what it truly did.
//  2. A change of a rate is a change in place. Only another kind or another parent replaces an object.
//  3. What is under a root 5c1e: and on an ifb of ours is ours, and so is a filter that a Variant named. Nothing else is touched.
//  4. Only what the kernel reports back is compared, so an unchanged system gives an empty plan and no write. A dump rounds the
//     burst of a tbf: each is written once, in place, after an agent's start, and remembered.
//  5. The redirect to an ifb comes last and goes first: with the ifb down or gone, downloads are lost.
package shaper
