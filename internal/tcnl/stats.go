package tcnl

// Stats is what a qdisc or class counted since it was made. Bytes and Packets are what left it.
type Stats struct {
	Bytes, Packets              uint64
	Drops, Overlimits, Requeues uint32 // they wrap
	QueuedPackets, BacklogBytes uint32 // what waits in it now
}

// parseStats reads TCA_STATS2.
func parseStats(b []byte) Stats {
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
		case 8: // TCA_STATS_PKT64
			s.Packets = max(s.Packets, u64(v))
		}
	}
	return s
}
