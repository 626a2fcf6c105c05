// Package nettest makes anonymous network namespaces and wires them together, for tests and for the demo.
//
//  1. A namespace is held by a descriptor alone: nothing appears under /run/netns, and closing it (or dying) removes it with its links.
//  2. Code runs inside a namespace on an OS thread of its own, which is put back afterwards or thrown away, never reused half-moved.
//  3. A program started inside a namespace stays there; so does a socket opened there, whoever uses it later.
//  4. Features are probed in a namespace made for it, once a process: no list of kernel versions.
package nettest
