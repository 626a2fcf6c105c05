// Package top is the live screen behind slicectl top: what each slice of an uplink does now, and keys that retune it.
//
//  1. The model is pure: messages and keys go in, a screen comes out. What talks to the agent are the commands of poll.go.
//  2. Rates are differences between two statuses. A counter that goes back begins anew; it never gives a negative rate.
//  3. No line is wider than the terminal, and there are no more lines than it has, whatever the agent or a name says.
//  4. Nothing is told by colour alone.
//  5. One change is under way at a time; what is pressed meanwhile waits, and a later value for the same bound replaces an earlier.
package top
