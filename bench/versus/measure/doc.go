// Package measure is how the comparisons measure: keys by a distribution,
// callers in a closed loop or arrivals at a fixed rate, times in a histogram,
// and what the middle of several rounds is.
//
//	times, err := measure.Closed(ctx, 64, time.Second, func(c *measure.Caller) error { … })
//	p99 := times.Quantile(0.99)
//
// A Histogram and a Caller belong to one goroutine; all else is safe for
// concurrent use.
package measure
