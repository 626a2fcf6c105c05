// Package pcapfile reads and writes packet captures, pcap and pcapng.
//
//  1. What is whole of a file is given, whatever comes after it; where a file is cut or damaged, an error says so.
//  2. A packet's Data may be shorter than Length, never longer; both are as the file says.
//  3. A file's bytes are an outsider's: no reading panics, and no length in a file is believed before its bytes are there.
package pcapfile
