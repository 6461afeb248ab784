//go:build linux && !race

package l1_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"testing"
	"time"

	"github.com/stratakv/strata/l1"
)

// collector is what the garbage collector has done to the process until the end
// of its last cycle. Work leaves out what it did on processors that had nothing
// else to do.
type collector struct {
	work, total float64 // seconds of processors
	cycles      uint64
	pauses      *metrics.Float64Histogram
}

func readCollector() collector {
	samples := []metrics.Sample{
		{Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/cpu/classes/gc/mark/idle:cpu-seconds"},
		{Name: "/cpu/classes/user:cpu-seconds"}, {Name: "/gc/cycles/total:gc-cycles"}, {Name: "/sched/pauses/total/gc:seconds"},
	}
	metrics.Read(samples)
	work := samples[0].Value.Float64() - samples[1].Value.Float64()
	return collector{
		work: work, total: work + samples[2].Value.Float64(),
		cycles: samples[3].Value.Uint64(), pauses: samples[4].Value.Float64Histogram(),
	}
}

// longest is the upper end of the longest pause's class since before.
func (c collector) longest(before collector) time.Duration {
	for i := len(c.pauses.Counts) - 1; i >= 0; i-- {
		if c.pauses.Counts[i] > before.pauses.Counts[i] {
			return time.Duration(c.pauses.Buckets[i+1] * float64(time.Second))
		}
	}
	return 0
}

// TestManyEntries measures what a large cache costs: memory an entry, and what
// the collector takes of the processor. STRATA_L1_ENTRIES says how many, with
// values of 200 bytes; 5000000 need up to 6 GiB and some minutes.
//
//	STRATA_L1_ENTRIES=5000000 go test ./l1 -run ManyEntries -v
func TestManyEntries(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("STRATA_L1_ENTRIES"))
	if n <= 0 {
		t.Skip("STRATA_L1_ENTRIES is not set")
	}
	const value = 200
	key := func(i int) string { return fmt.Sprintf("k:%016x", i) }
	each := l1.Size(l1.Entry{Key: key(0), Value: make([]byte, value)})
	heap, resident := liveBytes(), residentBytes()
	// Room for them all, and the counters and the queue's share.
	budget := int64(n) * each * 2
	budget += budget / 5
	c := newCache(t, budget)
	fillSettled(c, "k", n, value)
	entries := c.Stats().Entries
	if entries < int64(n)*99/100 {
		t.Fatalf("got %d entries, want about %d", entries, n)
	}
	live := liveBytes() - heap
	t.Logf("%d entries of %d bytes, budget %d MiB: heap %d bytes an entry (%d counted), resident %d",
		entries, value+len(key(0)), budget>>20, live/entries, each, (residentBytes()-resident)/entries)

	rng, now := rand.New(rand.NewPCG(1, 1)), at(0)
	var copied []byte
	read := func(int) {
		k := key(rng.IntN(n))
		if e, hit := c.Get(hashOf(k), k, 1, now); hit {
			copied = bytes.Clone(e.Value())
		}
	}
	measureCycles(t, "reads with a copy", read)
	if len(copied) != value {
		t.Errorf("got %d bytes of the last hit, want %d", len(copied), value)
	}
	measureCycles(t, "the same, and one of ten fills another key", func(i int) {
		read(i)
		if i%10 == 0 {
			k := fmt.Sprintf("o:%016x", i)
			c.Fill(hashOf(k), l1.Entry{Key: k, Value: make([]byte, value), Tag: 1, Version: 1})
		}
	})
	t.Logf("turned over: heap %d bytes an entry", (liveBytes()-heap)/c.Stats().Entries)
}

// measureCycles repeats step from the end of one collection to that of the next
// but one, so that all of two cycles' work is counted, and nothing else.
func measureCycles(t *testing.T, name string, step func(i int)) {
	runtime.GC()
	before, after, begun := readCollector(), collector{}, time.Now()
	i := 0
	for ; after.cycles < before.cycles+2; i++ {
		step(i)
		if i&0xffff == 0 {
			after = readCollector()
		}
	}
	took := time.Since(begun)
	t.Logf("%s: %v a step, collector %.1f %% of the processor time used, %d cycles in %v, longest pause %v", name,
		took/time.Duration(i), 100*(after.work-before.work)/(after.total-before.total), after.cycles-before.cycles, took.Round(time.Millisecond), after.longest(before))
}
