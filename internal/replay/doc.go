// Package replay puts the packets of a capture into flows, and has each judged by the classifier that the kernel runs.
//
//  1. It judges nothing itself: a verdict is the classifier's, packet by packet, in the capture's order and by its clock.
//  2. A flow is both directions of a 5-tuple, Src being the end that sent first; of IP other than TCP and UDP, and of a later
//     fragment whose first one was not seen, of the addresses alone.
//  3. All packets of a flow have the same end for the venue's.
//  4. A frame keeps the bytes that it had, from its VLAN tags on; only its end may be cut, and its length stays what it was.
//  5. Memory is bounded by the number of flows and, where they are asked for, by that of the packets' verdicts.
package replay
