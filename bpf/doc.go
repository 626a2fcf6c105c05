// Package bpf holds the eBPF programs of the data plane, loads them, and finds them again after a restart.
//
//  1. The C in src/ is the only definition of what is in a map: Go's types are generated from its BTF, and the objects are committed.
//  2. A program is a Variant: the same code with other constants. Its name says both, so an attached filter tells whether it is current.
//  3. Programs and maps live as long as the filters that hold them. Every program holds every map, so any one leads to all of them.
//  4. The package attaches nothing to an interface; it hands out descriptors. Only the delay program is attached here, while an agent runs.
//  5. Addresses in keys are 16 bytes in network byte order, IPv4 mapped; ports are in host byte order.
package bpf
