package main

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// latencies counts durations in buckets of about 3 % width, from 1 µs to half
// an hour, in fixed memory. Any goroutine may add.
type latencies struct {
	buckets [latencyBuckets]atomic.Uint64
}

const (
	latencySteps   = 32 // buckets for each doubling
	latencyBuckets = 27 * latencySteps
)

func (l *latencies) add(d time.Duration) { l.buckets[latencyBucket(d)].Add(1) }

func (l *latencies) count() uint64 {
	var n uint64
	for i := range l.buckets {
		n += l.buckets[i].Load()
	}
	return n
}

// quantile gives the upper edge of the bucket that holds the q-th part, 0 < q <= 1.
func (l *latencies) quantile(q float64) time.Duration {
	total := l.count()
	if total == 0 {
		return 0
	}
	rank := max(uint64(q*float64(total)+0.5), 1)
	var seen uint64
	for i := range l.buckets {
		if seen += l.buckets[i].Load(); seen >= rank {
			return latencyEdge(i)
		}
	}
	return latencyEdge(latencyBuckets - 1)
}

// latencyBucket: below latencySteps µs one bucket a µs, then latencySteps for
// each doubling.
func latencyBucket(d time.Duration) int {
	us := uint64(max(d.Microseconds(), 0))
	if us < latencySteps {
		return int(us)
	}
	shift := bits.Len64(us) - bits.Len64(latencySteps)
	return min(shift*latencySteps+int(us>>shift), latencyBuckets-1)
}

// latencyEdge is the first duration above bucket i.
func latencyEdge(i int) time.Duration {
	if i < latencySteps {
		return time.Duration(i+1) * time.Microsecond
	}
	shift := i/latencySteps - 1
	return time.Duration(uint64(i%latencySteps+latencySteps+1)<<shift) * time.Microsecond
}
