package lab

import (
	"fmt"
	"slices"
)

// Treatments that bounds speak of, as the scenarios have them.
const (
	ours           = "ours"
	nothing        = "nothing"
	cakeBestEffort = "cake besteffort"
	cakeDiffserv   = "cake diffserv4"
)

// Cases, as the scenarios have them, that bounds and charts speak of.
var (
	abuses       = []string{"uploads marked EF", "UDP of 400 bytes", "UDP of 400 bytes marked EF", "fake RTP", "fake STUN"}
	uploadCrowds = []string{"40 devices, 20 Mbit/s", "500 devices, 100 Mbit/s"}
)

// Bounds are what the tree is to reach on each kernel. One that it does not reach yet stays here as it is, and has a line in shortfalls.
func Bounds() []Bound {
	return slices.Concat(isolationBounds(), crowdBounds(), deviceBounds(), abuseBounds(), agentBounds(), linkBounds(), viewBounds(), costBounds())
}

// packetTime is how long a full-size packet takes on a link, in ms.
func packetTime(mbit int) float64 { return 1514 * 8 / (float64(mbit) * 1e3) }

// slow links are those on which the shaper clamps the MSS of best-effort flows.
func slow(mbit int) bool { return mbit <= 3 }

// sameGoodput is what bulk has of a rival's goodput at least.
const sameGoodput = 0.97

// isolationBounds: what comes up waits for no more than a packet on the wire, and for less than with the best of the rivals. What comes
// down has met the modem first, and both ways together are both of that.
func isolationBounds() (all []Bound) {
	for _, mix := range []string{"one slice", "two slices"} {
		for _, mbit := range []int{1, 3, 5, 20, 100} {
			goodput := sameGoodput
			if slow(mbit) {
				goodput = 0.90
			}
			of := func(way, name string) Key {
				return Key{"isolation", fmt.Sprintf("%s, %s, %d Mbit/s", mix, way, mbit), ours, name}
			}
			for _, name := range []string{"call p99", "signalling p99"} {
				all = append(all, atMost(of("up", name), packetTime(mbit)+0.5, "a full packet's time + 0.5 ms"))
				if slow(mbit) {
					all = append(all, atMostOfCake(of("up", name), 0.6, 0))
				} else {
					all = append(all, atMostOfCake(of("up", name), 1, 0))
				}
				all = append(all, atMostOfCake(of("down", name), 1, 0.3), atMostOfCake(of("both", name), 1, 0.3))
			}
			// Delays are above the idle path's, under the same treatment.
			for _, way := range []string{"up", "down", "both"} {
				for _, name := range []string{"call idle", "signalling idle"} {
					all = append(all, atMostOfCake(of(way, name), 1, idleMore), Bound{Key: of(way, name), Rival: of(way, name).under(nothing), Factor: 1, Plus: idleMore})
				}
			}
			// And they are of what arrives.
			for _, way := range []string{"up", "down", "both"} {
				all = append(all, atMostOfCake(of(way, "call lost"), 1, fewLost), atMostOfCake(of(way, "signalling lost"), 1, fewLost))
			}
			for _, bulk := range []Key{of("up", "bulk"), of("down", "bulk"), of("both", "bulk up"), of("both", "bulk down")} {
				all = append(all, atLeastOf(bulk, goodput, cakeBestEffort), atLeastOf(bulk, goodput, cakeDiffserv))
			}
		}
	}
	return all
}

// crowdBounds: interaction stays below 200 ms whatever the downloads do, and these have no less than with the rival that does as much for it,
// and hardly less than with those that do nothing for it.
func crowdBounds() []Bound {
	const interactive, counting = 200, "cake diffserv4, ingress"
	of := func(name string) Key { return Key{"crowd", "200 downloads of 100 devices, 20 Mbit/s", ours, name} }
	return []Bound{
		atMost(of("call p99"), interactive, ""),
		atMost(of("call, as they come p99"), interactive, ""),
		atMost(of("call, as they come lost"), fewLost, ""),
		atMost(of("call lost"), fewLost, ""),
		atMostOfCake(of("call p99"), 1, 0.3),
		{Key: of("call p99"), Rival: of("call p99").under(counting), Factor: 1, Plus: 5},
		atLeastOf(of("bulk"), 1, counting),
		atLeastOf(of("bulk"), sameGoodput, cakeBestEffort),
		atLeastOf(of("bulk"), sameGoodput, cakeDiffserv),
	}
}

// idleMore is what a round trip may be longer by on an idle path, in ms: a program each way.
const idleMore = 0.1

// fewLost is what a queue that drops for itself may take along, in %: 3 of 3,000.
const fewLost = 0.1

const (
	evenShares = 0.95 // Jain's index
	inSlice    = 99   // %: else another slice's shares are measured
	// Among 500 devices Jain's index hides one that has six times the others' share. One with many flows has two queues to fill, and more of TCP's
	// patience. Nor does the index show that it has nothing.
	greedy = 3 // × median, or a third of it
)

// deviceBounds: each device gets its share, whatever it opens, and has its own small flows first.
func deviceBounds() (all []Bound) {
	for _, mbit := range []int{5, 20} {
		own := fmt.Sprintf("4 uploads, %d Mbit/s", mbit)
		all = append(all,
			atMostOfCake(Key{"same device", own, ours, "sparse p99"}, 1, 0),
			atMostOfCake(Key{"same device", own, ours, "sparse and pages p99"}, 1, 0),
			atMostOfCake(Key{"same device", own, ours, "page p50"}, 1.1, 0),
			atMostOfCake(Key{"same device", own, ours, "sparse lost"}, 1, fewLost),
			atMostOfCake(Key{"same device", own, ours, "sparse and pages lost"}, 1, fewLost),
			atMostOfCake(Key{"same device", own, ours, "page lost"}, 1, fewLost),
			atLeastOf(Key{"same device", own, ours, "bulk"}, sameGoodput, cakeBestEffort),
			atLeastOf(Key{"same device", own, ours, "bulk"}, sameGoodput, cakeDiffserv))
		even := Key{"same device", fmt.Sprintf("8 uploads against 1, %d Mbit/s", mbit), ours, "Jain"}
		all = append(all, atLeast(even, evenShares), atLeastOf(even, 1, cakeDiffserv))
	}
	for _, treatment := range []string{ours, "ours, cake leaf"} {
		for _, crowd := range uploadCrowds {
			all = append(all,
				atMostOfCake(Key{"leaves", crowd, treatment, "call p99"}, 1, 0),
				atMostOfCake(Key{"leaves", crowd, treatment, "call lost"}, 1, fewLost),
				atMostOfCake(Key{"leaves", crowd, treatment, "sparse p99"}, 1, 0),
				atMostOfCake(Key{"leaves", crowd, treatment, "sparse lost"}, 1, fewLost),
				atMostOfCake(Key{"leaves", crowd, treatment, "processor"}, 1, 0),
				atLeastOf(Key{"leaves", crowd, treatment, "bulk"}, sameGoodput, cakeBestEffort),
				atLeastOf(Key{"leaves", crowd, treatment, "bulk"}, sameGoodput, cakeDiffserv),
				atLeast(Key{"leaves", crowd, treatment, "Jain"}, evenShares))
		}
		shares := func(name, slice string) {
			of := func(figure string) Key { return Key{"fairness", name, treatment, slice + figure} }
			all = append(all, atLeast(of(" Jain"), evenShares), atLeast(of(" in its slice"), inSlice),
				atMost(of(" 50 flows"), greedy, ""), Bound{Key: of(" 50 flows"), AtLeast: true, Plus: 1.0 / greedy, Because: "a third"})
		}
		for _, way := range []string{"up", "down"} {
			both := Key{"fairness", "media and telemetry, " + way + ", 100 Mbit/s", treatment, "media + telemetry"}
			all = append(all, atLeastOf(both, sameGoodput, cakeBestEffort), atLeastOf(both, sameGoodput, cakeDiffserv))
			shares("media and telemetry, "+way+", 100 Mbit/s", "media")
			shares("media and telemetry, "+way+", 100 Mbit/s", "telemetry")
			shares("realtime, "+way+", 20 Mbit/s", "realtime")
			shares("signalling, "+way+", 20 Mbit/s", "signalling")
		}
	}
	return all
}

// abuseBounds: who abuses gains little, and honest calls hardly feel it.
func abuseBounds() (all []Bound) {
	for _, abuse := range abuses {
		for _, rate := range []string{", 5 Mbit/s", ", 20 Mbit/s"} {
			for _, treatment := range []string{ours, "ours, DSCP trusted"} {
				all = append(all,
					atMost(Key{"abuse", abuse + rate, treatment, "call p99 grows"}, 2, ""),
					atMost(Key{"abuse", abuse + rate, treatment, "signalling p99 grows"}, 2, ""),
					atMost(Key{"abuse", abuse + rate, treatment, "call lost"}, fewLost, ""),
					atMost(Key{"abuse", abuse + rate, treatment, "signalling lost"}, fewLost, ""),
					atMost(Key{"abuse", abuse + rate, treatment, "call, as it begins p99 grows"}, 2, ""),
					atMost(Key{"abuse", abuse + rate, treatment, "signalling, as it begins p99 grows"}, 2, ""),
					atMost(Key{"abuse", abuse + rate, treatment, "abuser's share"}, 2, ""))
			}
		}
	}
	return all
}

// agentBounds: the agent may change, die and come back, and packets feel nothing. It keeps its pace: 19 of 20 changes a second, and ready a
// second after its start, as benchmarks on a real kernel want it too.
func agentBounds() (all []Bound) {
	of := func(what, name string) Key { return Key{"agent", "20 Mbit/s", what, name} }
	const retune, takeover = "retune", "kill -9 and takeover"
	for _, what := range []string{retune, takeover} {
		all = append(all, atMost(of(what, "counters that went back"), 0, ""))
		for _, way := range []string{"up", "down"} {
			for _, name := range []string{" lost", " not counted", " reordered"} {
				all = append(all, atMost(of(what, way+name), 0, ""))
			}
			all = append(all, atMost(of(what, way+" delay grew"), 2, ""))
		}
	}
	// What is let through too fast waits behind the box.
	for _, what := range []string{retune, takeover} {
		behind := func(name string) Key { return Key{"agent", "20 Mbit/s, behind a modem", what, name} }
		// What comes down has met the modem first: there it is TCP's bursts.
		for _, queue := range []struct {
			name string
			more float64
		}{{"modem's queue p99", packetTime(20)}, {"down, modem's queue p99", 2}} {
			k := behind(queue.name)
			all = append(all, Bound{Key: k, Rival: k.under("nothing happens"), Factor: 1, Plus: queue.more})
		}
		for _, way := range []string{"up", "down"} {
			all = append(all, atMost(behind(way+" lost"), 0, ""), atMost(behind(way+" reordered"), 0, ""))
		}
	}
	return append(all, atLeast(of(retune, "changes"), 19), atMost(of(takeover, "ready after"), 1000, ""))
}

// linkBounds: local traffic is not the uplink's, no queue builds behind the box, a link that comes back is as before, and a kernel without
// fq_codel does as well by calls.
func linkBounds() (all []Bound) {
	for _, pull := range []string{"200 Mbit", "unpaced"} {
		k := Key{"local", "pull from the box, " + pull + ", beneath a full uplink of 20 Mbit/s", ours, "pulled"}
		all = append(all, atLeastOf(k, 0.95, nothing))
	}
	for _, preset := range []string{"pppoe", "docsis", "atm"} {
		of := func(way, name string) Key {
			return Key{"overhead", fmt.Sprintf("%s, %s, 300-byte packets, 10 Mbit/s", preset, way), ours, name}
		}
		queue := func(way string) Key { return of(way, "modem's queue p99") }
		// What comes down has met the modem first, and TCP's bursts wait there whatever the shaper is told.
		all = append(all, atMost(queue("up"), packetTime(10), "a full packet's time"))
		for _, way := range []string{"up", "down"} {
			all = append(all, atMostOfCake(queue(way), 1, 0.3), atMostOfCake(of(way, "call lost"), 1, fewLost),
				atLeastOf(of(way, "bulk"), sameGoodput, cakeBestEffort), atLeastOf(of(way, "bulk"), sameGoodput, cakeDiffserv))
		}
		all = append(all, atMostOfCake(of("up", "call p99"), 1, 0), atMostOfCake(of("down", "call p99"), 1, 0.3))
		// Where the shaper is told nothing a queue builds, and bulk has all of the link.
		const untold, builds = "ours, overhead none", 10 // ms: else the case would show nothing
		for _, way := range []string{"up", "down"} {
			all = append(all, atLeast(queue(way).under(untold), builds), atLeastOf(of(way, "bulk"), 0.95, untold))
		}
	}
	for _, mbit := range []int{5, 20} {
		of := func(way, name string) Key {
			return Key{"fallback leaf", fmt.Sprintf("%s, %d Mbit/s", way, mbit), ours, name}
		}
		// Rivals are where they have fq_codel: there the kernel lacks nothing of theirs.
		rival := func(way, treatment, name string) Key {
			return Key{"isolation", fmt.Sprintf("one slice, %s, %d Mbit/s", way, mbit), treatment, name}
		}
		for _, name := range []string{"call lost", "signalling lost"} {
			all = append(all, atMost(of("up", name), fewLost, ""), atMost(of("down", name), fewLost, ""))
		}
		for _, name := range []string{"call p99", "signalling p99"} {
			all = append(all,
				atMost(of("up", name), packetTime(mbit)+0.5, "a full packet's time + 0.5 ms"),
				Bound{Key: of("down", name), Rival: rival("down", cakeDiffserv, name), Factor: 1, Plus: 0.3})
		}
		for _, way := range []string{"up", "down"} {
			all = append(all, Bound{Key: of(way, "bulk"), Rival: rival(way, cakeBestEffort, "bulk"), Factor: sameGoodput, AtLeast: true})
		}
	}
	for _, name := range []string{"up, 20 Mbit/s", "up, 20 Mbit/s, queues lost"} {
		after := func(figure string) Key { return Key{"flap", name, "after", figure} }
		all = append(all,
			atMost(after("steps that the kernel lacks"), 0, ""),
			atMost(after("whole again after"), 1000, ""),
			Bound{Key: after("call p99"), Rival: after("call p99").under("before"), Factor: 1, Plus: 0.5},
			Bound{Key: after("call lost"), Rival: after("call lost").under("before"), Factor: 1, Plus: fewLost},
			atLeastOf(after("bulk"), sameGoodput, "before"))
	}
	return all
}

// viewBounds: what the kernel says of a slice's delays is what probes in it see, in %. Its figures are upper bounds of buckets, up to 6.25 %
// of that.
func viewBounds() (all []Bound) {
	const near = 10
	of := func(name string, slices ...string) {
		for _, slice := range slices {
			for _, figure := range []string{"p50 differs", "p99 differs"} {
				k := Key{"delay", name, slice, figure}
				all = append(all, atMost(k, near, ""), atLeast(k, -near))
			}
		}
	}
	for _, way := range []string{"up", "down"} {
		for _, mbit := range []int{1, 5, 20} {
			of(fmt.Sprintf("%s, %d Mbit/s", way, mbit), "realtime", "signalling")
		}
		for _, datagrams := range []int{15, 45} {
			of(fmt.Sprintf("%s, bursts of %d, 20 Mbit/s", way, datagrams), "signalling", "realtime", "media", "telemetry")
		}
	}
	return all
}

// costBounds: a packet costs less than with cake, and hardly more where there are many devices; so one processor carries more.
func costBounds() (all []Bound) {
	for _, way := range []string{"up", "down"} {
		of := func(crowd string, size int) Key {
			return Key{"cost", fmt.Sprintf("%s, %s, %d bytes", crowd, way, size), ours, "box"}
		}
		one, most := of("1 devices, 1 flows", 1500), of("4000 devices, 60000 flows", 1500)
		for _, k := range []Key{one, of("1 devices, 1 flows", 200)} {
			all = append(all, atMostOfCake(k.under("ours, in a call's slice"), 1, 0))
		}
		// The second is what slices of up to 121 Mbit/s cost, which is most venues' (0021).
		for _, treatment := range []string{ours, "ours, quantum of 300 bytes"} {
			for _, k := range []Key{one, of("1 devices, 1 flows", 200), of("500 devices, 7500 flows", 1500), most} {
				all = append(all, atMostOfCake(k.under(treatment), 1, 0))
			}
			all = append(all, Bound{Key: most.under(treatment), Rival: one.under(treatment), Factor: 1.2})
		}
		for _, segments := range []string{"GSO on", "GSO off", "GSO on, 300-byte packets"} {
			for _, treatment := range []string{ours, "ours, overhead pppoe"} {
				all = append(all, atLeastOf(Key{"rate", way + ", 4 TCP flows, " + segments, treatment, "carried"}, 1, cakeDiffserv))
			}
		}
	}
	return all
}
