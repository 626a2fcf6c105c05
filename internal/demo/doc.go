// Package demo builds a venue out of network namespaces, drives real traffic through it, and measures what calls suffer:
// first without slicing, then with sliced running on the box.
//
//  1. Every figure comes from sockets or from the agent's status: no counter is injected, nothing is simulated but the place.
//  2. The bottleneck is a modem behind the box with a fat queue, as at a venue; the box sees no sign of it but delay.
//  3. Both halves carry the same traffic; the agent is the only difference.
//  4. The agent is a process of its own, built from this module and told by a configuration file, as on a real box.
//  5. Nothing outlives a run: namespaces, processes and files go, also when it is interrupted.
package demo
