package measure

import "slices"

// Spread sums up one figure's values over the rounds.
type Spread struct {
	Median, Least, Most float64
	Rounds              int
}

// SpreadOf sums up values, which it leaves as they are. Of none it is zero.
func SpreadOf(values []float64) Spread {
	n := len(values)
	if n == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	return Spread{
		Median: (sorted[(n-1)/2] + sorted[n/2]) / 2,
		Least:  sorted[0], Most: sorted[n-1], Rounds: n,
	}
}

// Ratios divides each value of a by that of b in the same round, so that what
// else the machine did is in both. A round that only one of them has is left
// out, and one in which b is 0.
func Ratios(a, b []float64) []float64 {
	var r []float64
	for i := range min(len(a), len(b)) {
		if b[i] != 0 {
			r = append(r, a[i]/b[i])
		}
	}
	return r
}
