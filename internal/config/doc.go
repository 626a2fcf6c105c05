// Package config turns sliced.toml, or flags instead of it, into a typed Config, and keeps live changes over a restart.
//
//  1. What Parse, FromFlags and With return has passed every check: whoever converts it needs none of their own.
//  2. A mistake is an *Error that names file, line and key, and says what to do. All those of a file come at once, in line order.
//  3. Nothing here looks at the machine: an interface that does not exist is none of this package's business.
//  4. A live change is held to the same checks as the file.
//  5. Names alone identify uplinks, slices and experiences. Only the order of rules means something: the first match wins.
package config
