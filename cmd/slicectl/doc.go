// Command slicectl is what the site lead types: it asks the agent on this box, or the kernel, and prints what it says.
//
//  1. stdout is data, stderr is talk; with --json stdout is one object of the contract, or nothing when the verb failed. What
//     doctor finds is its answer.
//  2. It decides nothing: what a value may be, and what is done, is the agent's; what a packet is, the classifier's.
//  3. Exit status: 0 done, 1 failed (of doctor: something is wrong), 2 bad use or bad values, 3 the agent can't be reached.
package main
