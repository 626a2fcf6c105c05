// Package slice holds the nouns that every room of Slicegate shares.
//
//  1. It imports the standard library alone, so any room may import it.
//  2. An ID is a kernel object: it is the class minor, the upper bits of tc_index and the key of every counter. 0 is "none".
//  3. A Rate is always in bits per second, as tc and operators write it; bytes never appear in a type of this package.
//  4. Values parse from and print to the text that the configuration and the JSON contract use, and the two agree.
package slice
