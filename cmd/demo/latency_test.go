package main

import (
	"testing"
	"time"
)

func TestLatencyBuckets(t *testing.T) {
	for us := int64(1); us < 1<<31; us = us + us/50 + 1 {
		d := time.Duration(us) * time.Microsecond
		i := latencyBucket(d)
		edge := latencyEdge(i)
		if edge <= d || float64(edge-d) > 0.033*float64(d)+float64(time.Microsecond) {
			t.Fatalf("%v: got bucket %d up to %v, want an edge just above", d, i, edge)
		}
		if i > 0 && latencyEdge(i-1) > d {
			t.Fatalf("%v: got bucket %d, but the one before reaches %v", d, i, latencyEdge(i-1))
		}
	}
	for d, want := range map[time.Duration]int{-time.Second: 0, 0: 0, 999: 0, 1000 * time.Hour: latencyBuckets - 1} {
		if got := latencyBucket(d); got != want {
			t.Errorf("%v: got bucket %d, want %d", d, got, want)
		}
	}
}

func TestLatencyQuantiles(t *testing.T) {
	var l latencies
	if got := l.quantile(0.5); got != 0 {
		t.Errorf("got %v of nothing, want 0", got)
	}
	for ms := range 1000 {
		l.add(time.Duration(ms+1) * time.Millisecond)
	}
	for q, want := range map[float64]time.Duration{0.5: 500, 0.99: 990, 0.999: 999, 1: 1000} {
		got := l.quantile(q)
		if want *= time.Millisecond; got < want || float64(got) > 1.034*float64(want) {
			t.Errorf("%g: got %v, want %v or 3 %% more", q, got, want)
		}
	}
}
