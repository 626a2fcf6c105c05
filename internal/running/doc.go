// Package running keeps the running configuration: the agent's own or one that was applied in its place, live changes on top, and a
// change that goes back by itself unless it is confirmed (a confirmed commit, as in RFC 6241, section 8.4).
//
//  1. What a start must know is on the disk before the box is told: killed at any moment, the next start has what was in force before
//     or what was asked for, and a change that is to be confirmed never becomes one that is not.
//  2. Times run on CLOCK_BOOTTIME and are noted with the boot's id: neither a clock that jumps nor a suspended box moves them, and
//     after a reboot a pending change is taken back, and a pause is over, at once.
//  3. A mistake changes nothing. What can no longer be put in force at a start is named, and what was before it is put in force.
//  4. It touches no kernel and knows no socket: a Box carries out, and whoever asks gets errors to branch on.
package running
