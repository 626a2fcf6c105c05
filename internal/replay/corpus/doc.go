// Package corpus is the list of labelled captures that the classifier is judged by, and how packets are told apart into flows.
//
//  1. A label comes from how the program was run, never from the classifier.
//  2. A flow is both directions of a 5-tuple, src being the end that sent first; of IP other than TCP and UDP, of the addresses alone.
//  3. A later fragment belongs to the flow of its first fragment.
//  4. Packet numbers are 1-based, within the flow, and count both directions.
package corpus
