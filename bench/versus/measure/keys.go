package measure

import (
	"math"
	"math/rand/v2"
)

// Keys chooses which of n records an operation is about.
type Keys struct {
	n    uint64
	zipf *zipf // nil: each record is as likely as any other
}

// Uniform chooses among n records, each as likely as any other.
func Uniform(n int) *Keys { return &Keys{n: uint64(n)} }

// Zipf chooses among n records by Zipf's law with exponent 0.99, as YCSB does.
// Popular records are scattered over all of them. It takes a while to make.
func Zipf(n int) *Keys { return &Keys{n: uint64(n), zipf: newZipf(n, 0.99)} }

// Next gives a record's number, from 0 to n-1.
func (k *Keys) Next(rng *rand.Rand) int {
	if k.zipf == nil {
		return int(rng.Uint64N(k.n))
	}
	return Scatter(k.zipf.rank(rng.Float64()), int(k.n))
}

// Scatter gives each of 0 to n-1 another place among them, so that neighbors
// part: i times a prime that is larger than any n here, modulo n.
func Scatter(i, n int) int {
	const prime = 4_294_967_291
	return int(uint64(i) % uint64(n) * prime % uint64(n))
}

// zipf turns an even random number into a rank in constant time, by the method
// of Gray et al., "Quickly Generating Billion-Record Synthetic Databases"
// (1994), which allows exponents below 1.
type zipf struct {
	n                 float64
	theta, alpha, eta float64
	zeta              float64 // the sum of 1/i^theta over all ranks
}

func newZipf(n int, theta float64) *zipf {
	z := &zipf{n: float64(n), theta: theta, alpha: 1 / (1 - theta), zeta: zeta(n, theta)}
	z.eta = (1 - math.Pow(2/z.n, 1-theta)) / (1 - zeta(2, theta)/z.zeta)
	return z
}

func zeta(n int, theta float64) float64 {
	var sum float64
	for i := 1; i <= n; i++ {
		sum += math.Pow(float64(i), -theta)
	}
	return sum
}

func (z *zipf) rank(u float64) int {
	uz := u * z.zeta
	switch {
	case uz < 1 || z.n < 2:
		return 0
	case uz < 1+math.Pow(0.5, z.theta):
		return 1
	}
	return int(min(z.n*math.Pow(z.eta*u-z.eta+1, z.alpha), z.n-1))
}
