package top

import "strings"

// helpText explains the screen to somebody who is not a network engineer. It fits the smallest terminal.
const helpText = `A slice is a part of the uplink: calls in one, downloads in another.
  min        what the slice is sure of, whatever the others do
  max        what it may take at most; the sparkline's full height
  Mbit/s     what is offered to it now:  + more than its min   ! full
  p50 p99    how long packets waited: most of them, all but 1 in 100
  drops/s    packets thrown away; for downloads some are normal

↑ ↓          choose a slice              ← →   choose its min or max
+ -          change it by 5% of the link, at once, both directions
enter        type a value: 40% of the link, or 8mbit
r            back to the file's values on this uplink;  R on all
tab          the next uplink             ctrl+c   quit

Changes stay in force, over restarts too, until you reset them.
any key closes this`

func helpLines() []string { return strings.Split(helpText, "\n") }
