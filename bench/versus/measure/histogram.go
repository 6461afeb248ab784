package measure

import (
	"math/bits"
	"time"
)

// Histogram counts durations in classes of which each is a 32nd wider than the
// one before, at most. The zero Histogram is empty.
type Histogram struct {
	classes [64 * classesPerDoubling]uint64
	n       uint64
	sum     time.Duration
	longest time.Duration
}

const classesPerDoubling = 32

// Add counts d; a negative one as 0.
func (h *Histogram) Add(d time.Duration) {
	d = max(d, 0)
	h.classes[class(uint64(d))]++
	h.n++
	h.sum += d
	h.longest = max(h.longest, d)
}

func class(ns uint64) int {
	if ns < classesPerDoubling {
		return int(ns)
	}
	shift := bits.Len64(ns) - bits.Len(classesPerDoubling)
	return shift*classesPerDoubling + int(ns>>shift)
}

// most is the greatest duration of a class.
func most(class int) time.Duration {
	if class < 2*classesPerDoubling {
		return time.Duration(class)
	}
	shift := class/classesPerDoubling - 1
	return time.Duration(uint64(class-shift*classesPerDoubling+1)<<shift - 1)
}

// Merge adds what other counted.
func (h *Histogram) Merge(other *Histogram) {
	for i, n := range other.classes {
		h.classes[i] += n
	}
	h.n += other.n
	h.sum += other.sum
	h.longest = max(h.longest, other.longest)
}

// Quantile gives a duration that the part q of all does not exceed; 0 of none.
func (h *Histogram) Quantile(q float64) time.Duration {
	rest := uint64(q * float64(h.n))
	for class, n := range h.classes {
		if n > rest {
			return min(most(class), h.longest)
		}
		rest -= n
	}
	return h.longest
}

// Count is how many durations were added.
func (h *Histogram) Count() uint64 { return h.n }

// Longest is the longest of them, exactly.
func (h *Histogram) Longest() time.Duration { return h.longest }

// Mean is their mean; 0 of none.
func (h *Histogram) Mean() time.Duration {
	if h.n == 0 {
		return 0
	}
	return h.sum / time.Duration(h.n)
}
