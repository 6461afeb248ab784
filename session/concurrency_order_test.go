package session_test

import (
	"context"
	"iter"
	"slices"

	"github.com/stratakv/strata/session"
	"github.com/stratakv/strata/tiered"
)

// step is what a request is about to do.
type step struct {
	call string // "get", "write" or "change"
	key  string // of "get"
}

type pauseKey struct{}

// stepping is a store before each of whose calls a request pauses.
type stepping struct{ session.Records }

func pause(ctx context.Context, s step) {
	if pause, ok := ctx.Value(pauseKey{}).(func(step)); ok {
		pause(s)
	}
}

func (s stepping) GetItem(ctx context.Context, key string) (tiered.Item, error) {
	pause(ctx, step{"get", key})
	return s.Records.GetItem(ctx, key)
}

func (s stepping) Write(ctx context.Context, b *tiered.Batch) error {
	pause(ctx, step{call: "write"})
	return s.Records.Write(ctx, b)
}

// everyOrder runs run with every sequence of choices, and counts them.
func everyOrder(run func(choose func(n int) int) error) (runs int, err error) {
	var path, width []int
	for {
		i := 0
		err := run(func(n int) int {
			if i == len(path) {
				path, width = append(path, 0), append(width, n)
			}
			i++
			return path[i-1]
		})
		runs++
		last := len(path) - 1
		for last >= 0 && path[last] == width[last]-1 {
			last--
		}
		if last < 0 || err != nil {
			return runs, err
		}
		path, width = path[:last+1], width[:last+1]
		path[last]++
	}
}

// everyGroup yields every choice of n of some, each as often as it likes, in
// one order: which request is which does not matter, as all take all places.
func everyGroup(some []deed, n int) iter.Seq[[]deed] {
	return func(yield func([]deed) bool) { group(some, n, nil, yield) }
}

func group(some []deed, n int, chosen []deed, yield func([]deed) bool) bool {
	if n == 0 {
		return yield(slices.Clone(chosen))
	}
	for i, d := range some {
		if !group(some[i:], n-1, append(chosen, d), yield) {
			return false
		}
	}
	return true
}
