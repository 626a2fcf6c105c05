package tcnl

// Stats is what a qdisc or class counted since it was made. Bytes and Packets are what left it.
type Stats struct {
	Bytes, Packets              uint64
	Drops, Overlimits, Requeues uint32 // they wrap
	QueuedPackets, BacklogBytes uint32 // what waits in it now
	Queues                      uint32 // of an fq_codel: those in its lists, where one that ran empty stays until its next turn
}

// parseStats reads TCA_STATS2 of an object of some kind.
func parseStats(kind string, b []byte) Stats {
	var s Stats
	for typ, v := range attrs(b) {
		switch typ {
		case 1: // TCA_STATS_BASIC
			s.Bytes = u64(v)
			s.Packets = max(s.Packets, uint64(u32(at(v, 8))))
		case 3: // TCA_STATS_QUEUE
			s.QueuedPackets = u32(v)
			s.BacklogBytes = u32(at(v, 4))
			s.Drops = u32(at(v, 8))
			s.Requeues = u32(at(v, 12))
			s.Overlimits = u32(at(v, 16))
		case 4: // TCA_STATS_APP
			if kind == kindFQCoDel { // struct tc_fq_codel_xstats: new_flows_len, old_flows_len
				s.Queues = u32(at(v, 20)) + u32(at(v, 24))
			}
		case 8: // TCA_STATS_PKT64
			s.Packets = max(s.Packets, u64(v))
		}
	}
	return s
}
