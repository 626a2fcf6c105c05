package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slicegate/slicegate/internal/api"
	"github.com/slicegate/slicegate/internal/api/client"
)

func newStatus(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "show uplinks, slices and problems on one screen",
		Long: `status shows each uplink and how its slices fare: what they are sure of and may take at most, what was offered to them
and dropped since the counters began, what is queued now, how long packets waited in the last minute, and how many
devices were seen in the last ten seconds. Below is what is wrong, and what to do about it.`,
		Args:                  takes(0, 0, ""),
		DisableFlagsInUseLine: true,
		RunE: o.runE(func(ctx context.Context, c *client.Client, _ []string) (string, any, error) {
			s, err := c.Status(ctx)
			return statusText(s), s, err
		}),
	}
}

func statusText(s client.Status) string {
	var b strings.Builder
	for _, u := range s.Uplinks {
		fmt.Fprintf(&b, "%s (%s): %s\n\n", clean(u.Name), clean(u.Interface), clean(u.State))
		writeDirection(&b, "download", u.Download, rowsOf(s, u.Name, api.Down))
		writeDirection(&b, "upload", u.Upload, rowsOf(s, u.Name, api.Up))
	}
	if s.Stage == 0 {
		b.WriteString("stage 0: normal\n")
	} else {
		fmt.Fprintf(&b, "stage %d of 5: traffic is being held back\n", s.Stage)
	}
	if o := s.Orders; o != nil {
		fmt.Fprintf(&b, "orders: %d accepted, %d unsynced (the oldest for %d s), %d dead\n",
			o.Accepted, o.Unsynced, o.OldestUnsyncedS, o.Dead)
	}
	if len(s.Problems) == 0 {
		b.WriteString("no problems\n")
		return b.String()
	}
	b.WriteString("\nproblems:\n")
	for _, p := range s.Problems {
		fmt.Fprintf(&b, "  - %s\n", indented(p.What, "    "))
		if p.Do != "" {
			fmt.Fprintf(&b, "    do: %s\n", indented(p.Do, "        "))
		}
	}
	return b.String()
}

func rowsOf(s client.Status, uplink, direction string) []client.SliceStatus {
	var rows []client.SliceStatus
	for _, row := range s.Slices {
		if row.Uplink == uplink && row.Direction == direction {
			rows = append(rows, row)
		}
	}
	return rows
}

func writeDirection(b *strings.Builder, name string, link api.LinkStatus, rows []client.SliceStatus) {
	if link.RateBPS == nil {
		fmt.Fprintf(b, "  %s off\n\n", name)
		return
	}
	fmt.Fprintf(b, "  %s %s, %s used\n", name, rate(*link.RateBPS), rate(link.UsedBPS))
	if link.NarrowedBPS > 0 {
		fmt.Fprintf(b, "  (held to %s now: more comes than the link is made for, and calls are not to wait for it)\n",
			rate(*link.RateBPS-min(link.NarrowedBPS, *link.RateBPS)))
	}
	if len(rows) > 0 {
		t := table{{"slice", "min", "max", "bytes", "packets", "drops", "queued", "p50 delay", "p99 delay", "max delay", "devices"}}
		for _, row := range rows {
			t = append(t, sliceRow(row))
		}
		t.write(b, "  ")
	}
	b.WriteString("\n")
}

func sliceRow(row client.SliceStatus) []string {
	drops := strconv.FormatUint(row.Drops, 10)
	if row.Drops > 0 && row.Packets > 0 {
		drops += " (" + percent(row.Drops, row.Packets) + ")"
	}
	p50, p99, longest := "-", "-", "-"
	if d := row.DelayUS; d != nil {
		p50, p99, longest = delay(d.P50), delay(d.P99), delay(d.Max)
	}
	return []string{clean(row.Name), rate(row.MinBPS), rate(row.MaxBPS), size(row.Bytes), strconv.FormatUint(row.Packets, 10),
		drops, size(row.BacklogBytes), p50, p99, longest, strconv.FormatUint(row.Devices, 10)}
}
