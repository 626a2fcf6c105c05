// Package archtest holds the house's plan to the code: which room may import which, and how large things may grow.
//
//  1. It is tests alone; what they look at is the whole module.
//  2. A rule that must bend for one file bends in a list here, with the reason beside it.
//  3. Every rule is also tried on something that breaks it.
package archtest
