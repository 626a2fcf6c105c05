// Package metrics tells Prometheus what the kernel has counted.
//
//  1. Nothing is counted here: a scrape asks the Meter once, and what it gives is written down.
//  2. Names and labels are the contract's, each with the prefix slicegate_; no label is ever a person's address.
//  3. Shaping does not depend on it: a port that is taken is tried again, and is a problem until then.
package metrics
