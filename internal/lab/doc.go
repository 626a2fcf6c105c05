// Package lab runs our test binaries on the kernels of a distribution, in virtual machines whose time may be virtual.
//
//  1. A guest is a Debian kernel, an initramfs made for the run and a serial console; it has no disk, no network and no memory of
//     the run before.
//  2. In virtual time one instruction takes 1 ns, and two guests with the same archive and command line execute the same ones: a busy
//     host changes how long a run takes, never what it measures.
//  3. What the programs write comes over a serial port of their own, where the kernel writes nothing.
//  4. A guest that does not boot, panics, outlives its time (the host's or its own) or says nothing is an error that ends with
//     the console's last lines.
//  5. A figure is one line of JSON; tables, charts and verdicts are made of figures alone. Those that a guest printed are kept, however
//     it ends.
//  6. A bound that is missed is never loosened: what it is held to meanwhile stands beside it.
package lab
