// Package lock keeps a second agent out: one agent a network namespace, and one a state directory.
//
//  1. The kernel drops a lock with the process that holds it, however that ends; there is nothing to clean up.
//  2. Either lock that is held refuses, so several boxes may run on one machine, each in a namespace of its own.
//  3. A refusal says who holds the lock, and what to do.
package lock
