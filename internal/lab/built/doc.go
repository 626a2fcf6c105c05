// Package built has the programs of ours that tests start: made when they are asked for, or brought along to where no compiler is.
//
//  1. What is brought along and what is made here are of one build: the same source gives the same bytes, wherever it lies and
//     whatever the commit.
//  2. Programs need no library of the machine.
//  3. A program that is another version is made of the source as it is, with a change that is said here; nothing is kept of it.
package built
