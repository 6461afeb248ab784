package measure_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratakv/strata/bench/versus/measure"
)

func TestClasses(t *testing.T) {
	for ns := range uint64(1 << 20) {
		c := measure.Class(ns)
		if got := uint64(measure.Most(c)); got < ns || got > ns+ns/measure.ClassesPerDoubling {
			t.Fatalf("%d ns are counted as up to %d", ns, got)
		}
		if c > 0 && uint64(measure.Most(c-1)) >= ns {
			t.Fatalf("%d ns fit a class below theirs", ns)
		}
	}
	var h measure.Histogram
	h.Add(math.MaxInt64)
	if h.Quantile(0.5) != math.MaxInt64 {
		t.Errorf("got %v, want the longest there is", h.Quantile(0.5))
	}
}

func TestHistogram(t *testing.T) {
	var h, other measure.Histogram
	if got := h.Quantile(0.5); got != 0 {
		t.Errorf("the median of nothing: got %v, want 0", got)
	}
	for ms := range 1000 {
		if ms%2 == 0 {
			h.Add(time.Duration(ms) * time.Millisecond)
		} else {
			other.Add(time.Duration(ms) * time.Millisecond)
		}
	}
	h.Merge(&other)
	for q, want := range map[float64]time.Duration{0: 0, 0.5: 500 * time.Millisecond, 0.99: 990 * time.Millisecond, 1: 999 * time.Millisecond} {
		if got := h.Quantile(q); got < want || float64(got) > float64(want)*33/32+1 {
			t.Errorf("quantile %v: got %v, want %v, or a 32nd more", q, got, want)
		}
	}
	if got := h.Mean(); got != 499500*time.Microsecond {
		t.Errorf("mean: got %v, want 499.5ms", got)
	}
	if h.Longest() != 999*time.Millisecond || h.Count() != 1000 {
		t.Errorf("got %v and %d, want 999ms and 1000", h.Longest(), h.Count())
	}
}

func TestSpread(t *testing.T) {
	values := []float64{5, 1, 9, 3}
	if got, want := measure.SpreadOf(values), (measure.Spread{Median: 4, Least: 1, Most: 9, Rounds: 4}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if !slices.Equal(values, []float64{5, 1, 9, 3}) {
		t.Errorf("the values were put into order: %v", values)
	}
	if got := measure.SpreadOf([]float64{3, 1, 2}).Median; got != 2 {
		t.Errorf("got %v, want 2", got)
	}
	if got := measure.Ratios([]float64{2, 9, 3, 1}, []float64{1, 3, 0}); !slices.Equal(got, []float64{2, 3}) {
		t.Errorf("got %v, want those of the rounds that both have", got)
	}
}

// The most popular of n records has the part 1/zeta of all operations, the
// second one 2^-0.99 of that.
func TestZipfIsZipf(t *testing.T) {
	const n, draws = 1000, 400_000
	keys, rng := measure.Zipf(n), rand.New(rand.NewPCG(1, 2))
	counts := make([]int, n)
	for range draws {
		counts[keys.Next(rng)]++
	}
	zeta := 0.0
	for i := 1; i <= n; i++ {
		zeta += math.Pow(float64(i), -0.99)
	}
	slices.SortFunc(counts, func(a, b int) int { return b - a })
	for rank, want := range map[int]float64{1: 1 / zeta, 2: math.Pow(2, -0.99) / zeta} {
		if got := float64(counts[rank-1]) / draws; math.Abs(got-want) > want/20 {
			t.Errorf("rank %d: got %.4f of all, want %.4f", rank, got, want)
		}
	}
	if counts[n/2] == 0 {
		t.Error("half of the records were never chosen")
	}
}

func TestScatterIsOneToOne(t *testing.T) {
	for _, n := range []int{1, 2, 1000, 65_536, 100_000} {
		met := make([]bool, n)
		for i := range n {
			met[measure.Scatter(i, n)] = true
		}
		if i := slices.Index(met, false); i >= 0 {
			t.Errorf("of %d records, %d is never met", n, i)
		}
	}
}

func TestClosedCallsInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run, err := measure.Closed(t.Context(), 4, time.Second, func(c *measure.Caller) error {
			time.Sleep(10 * time.Millisecond)
			if c.Turn%4 == 3 {
				c.Class = 2
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		// The last ones begin when the time is over, or just before.
		if got := run.Times.Count(); got < 400 || got > 404 || math.Abs(run.PerSecond()-400) > 4 {
			t.Errorf("got %d operations, %v a second, want about 400", got, run.PerSecond())
		}
		if got := run.Classes[2].Count(); got != 100 || run.Classes[0].Count()+got != run.Times.Count() {
			t.Errorf("got %d of class 2 and %d of class 0, want 100 and the rest", got, run.Classes[0].Count())
		}
	})
}

func TestLoopsEnd(t *testing.T) {
	fault := errors.New("fault")
	loops := map[string]func(context.Context, func(*measure.Caller) error) (measure.Run, error){
		"closed": func(ctx context.Context, op func(*measure.Caller) error) (measure.Run, error) {
			return measure.Closed(ctx, 3, time.Hour, op)
		},
		"open": func(ctx context.Context, op func(*measure.Caller) error) (measure.Run, error) {
			return measure.Open(ctx, 100, 3, time.Hour, op)
		},
	}
	for name, loop := range loops {
		synctest.Test(t, func(t *testing.T) {
			var calls atomic.Int64
			_, err := loop(t.Context(), func(*measure.Caller) error {
				time.Sleep(time.Millisecond)
				if calls.Add(1) == 20 {
					return fault
				}
				return nil
			})
			if !errors.Is(err, fault) {
				t.Errorf("%s: got %v, want the operation's error", name, err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			begin := time.Now()
			_, err = loop(ctx, func(*measure.Caller) error { time.Sleep(time.Millisecond); return nil })
			if took := time.Since(begin); !errors.Is(err, context.DeadlineExceeded) || took > 2*time.Second {
				t.Errorf("%s: got %v after %v, want the context's error after 1s", name, err, took)
			}
		})
	}
}

// A stall of one second is the fault of all that were due in it, not of one.
func TestOpenCountsWhoWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run, err := measure.Open(t.Context(), 100, 1, 4*time.Second, func(c *measure.Caller) error {
			if c.Turn == 100 {
				time.Sleep(time.Second)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if run.Times.Count() != 400 {
			t.Errorf("got %d operations, want 400", run.Times.Count())
		}
		if got := run.Times.Quantile(0.8); got < 100*time.Millisecond {
			t.Errorf("got %v for the slowest fifth, want more than 100ms: they waited", got)
		}
		if got := run.Times.Quantile(0.7); got != 0 {
			t.Errorf("got %v for those in time, want 0", got)
		}
	})
}
