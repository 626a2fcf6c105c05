package capture

import "slices"

// runs lists all captures, in the manifest's order.
func runs() []run {
	return slices.Concat(
		dnsRuns(),
		controlRuns(),
		sipRuns(),
		turnRuns(),
		webRuns(),
		dtlsRuns(),
		bulkRuns(),
		quicRuns(),
		tunnelRuns(),
		srtRuns(),
		torrentRuns(),
		rtpRuns(),
		phoneRuns(),
		callRuns(),
		turnCallRuns(),
		visitRuns(),
		cookedRuns(),
	)
}
