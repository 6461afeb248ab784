package main

import (
	"math/bits"
	"time"
)

// histogram counts durations in classes of which each is an 32nd wider than the
// one before, at most.
type histogram struct {
	classes [64 * classesPerDoubling]uint64
	n       uint64
}

const classesPerDoubling = 32

func (h *histogram) add(d time.Duration) {
	h.classes[class(uint64(d))]++
	h.n++
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

func (h *histogram) merge(other *histogram) {
	for i, n := range other.classes {
		h.classes[i] += n
	}
	h.n += other.n
}

// quantile gives a duration that the part q of all does not exceed.
func (h *histogram) quantile(q float64) time.Duration {
	rest := uint64(q * float64(h.n))
	for class, n := range h.classes {
		if n > rest {
			return most(class)
		}
		rest -= n
	}
	return 0
}
