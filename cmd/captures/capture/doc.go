// Package capture makes the labelled captures: real programs in network namespaces, watched by AF_PACKET on the router between them.
//
//  1. Every run has namespaces, addresses and a folder of its own; nothing of it outlives it.
//  2. A flow's label is its run's: by the ports and hosts that the run gave its programs. What no label fits is left out of the file.
//  3. Programs see a host name, files and an environment made for them: nothing of the machine gets into a capture.
//  4. Frames are as on a wire: no offload is on, checksums are filled in.
//  5. A run that does not show what it is for is an error, not a smaller file.
package capture
