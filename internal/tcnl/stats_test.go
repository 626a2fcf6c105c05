package tcnl_test

import (
	"encoding/json"
	"net"
	"testing"
)

// An fq_codel's lists are as long as tc says, and with something in each of them.
func TestQueuesAreCounted(t *testing.T) {
	b := newBench(t, "tbf", "fq_codel")
	for _, args := range [][]string{
		{"sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/a/disable_ipv6"}, // which speaks by itself
		{"ip", "address", "add", "192.0.2.1/24", "dev", "a"},
		{"ip", "neigh", "add", "192.0.2.2", "lladdr", "02:00:00:00:00:02", "dev", "a"},
		{"tc", "qdisc", "add", "dev", "a", "root", "handle", "1:", "tbf", "rate", "8kbit", "burst", "2k", "limit", "100k"},
		{"tc", "qdisc", "add", "dev", "a", "parent", "1:1", "handle", "2:", "fq_codel"},
	} {
		if out, err := b.Output(args[0], args[1:]...); err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
	}
	const flows, each = 5, 4
	must(t, b.Do(func() error {
		for range flows {
			c, err := net.Dial("udp", "192.0.2.2:9")
			if err != nil {
				return err
			}
			defer c.Close()
			for range each {
				if _, err := c.Write(make([]byte, 500)); err != nil {
					return err
				}
			}
		}
		return nil
	}))
	var told []struct {
		Kind string `json:"kind"`
		New  uint32 `json:"new_flows_len"`
		Old  uint32 `json:"old_flows_len"`
	}
	must(t, json.Unmarshal([]byte(b.tc(t, "-s", "-j", "qdisc", "show", "dev", "a")), &told))
	var want uint32
	for _, q := range told {
		if q.Kind == "fq_codel" {
			want = q.New + q.Old
		}
	}
	qdiscs, err := b.conn.Qdiscs()
	must(t, err)
	for _, q := range qdiscs {
		if q.Handle != 2<<16 {
			continue
		}
		if s := q.Stats; s.Queues != want || want < flows-1 || s.QueuedPackets < want {
			t.Errorf("%d queues with %d packets, tc says %d of %d flows", s.Queues, s.QueuedPackets, want, flows)
		}
		return
	}
	t.Error("no fq_codel is dumped")
}
