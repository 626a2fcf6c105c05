// Package tcnl speaks the kernel's traffic control over netlink: typed qdiscs, classes and filters, written and dumped back.
//
//  1. It runs no program and knows no slice: what a field means is the kernel's business, in the kernel's words.
//  2. A dump never fails over an attribute that is unknown, short or missing: the field stays zero, and what was sent is in Raw.
//  3. A Conn belongs to one network namespace for life, whatever thread uses it.
//  4. Units are the kernel's own where they round (ticks, bytes per second), so that what is written compares equal when dumped.
//  5. An error says what was tried on which object, and what the kernel said about it.
package tcnl
