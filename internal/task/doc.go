// Package task runs the long-lived parts of a program together, and tells systemd how they do.
//
//  1. A Task runs until its context ends, and then returns nil. Whatever it opened, it has closed.
//  2. In a Group, the first error ends everything: there is no half-running program. Run returns when the last task has.
//  3. A panic is not caught: its trace is worth more than a process that limps on. What the kernel holds, it holds without us.
//  4. Without systemd, everything here works and tells nobody.
package task
