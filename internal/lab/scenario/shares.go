package scenario

import "slices"

// jain is Jain's index of fairness (R. Jain et al., 1984): 1 if all have the same, 1/n if one has everything.
func jain(shares []float64) float64 {
	var sum, squares float64
	for _, x := range shares {
		sum += x
		squares += x * x
	}
	if squares == 0 {
		return 0
	}
	return sum * sum / (float64(len(shares)) * squares)
}

// total and median of rates.
func total(rates []float64) (sum float64) {
	for _, r := range rates {
		sum += r
	}
	return sum
}

func median(rates []float64) float64 {
	sorted := slices.Sorted(slices.Values(rates))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// times is how many times another rate a share is, both in bit/s. Where others got nothing it counts as a packet in the time that shares are watched
// for, so that the answer is a number, and a large one.
func times(share, other float64) float64 {
	const aPacket = 200 // 1500 bytes in 60 s, 400 in 16
	return share / max(other, aPacket)
}
