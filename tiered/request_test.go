//go:build !wasm

package tiered_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/tiered/tier"
)

// stepwise makes each commit of d wait until step lets one go.
func stepwise(t *testing.T, d *toyDurable) (step func()) {
	gate := make(chan struct{})
	d.commitHook = func(*tier.Group) error { <-gate; return nil }
	t.Cleanup(func() { close(gate) })
	return func() {
		t.Helper()
		select {
		case gate <- struct{}{}:
		default:
			t.Fatal("no group is in commit")
		}
		synctest.Wait()
	}
}

// Callers who gave up leave their requests in a group and in the queue. Who
// comes after them must get others: one that is still on its way would be
// answered with the group that has it, before its new caller's write is even
// judged.
func TestRequestsOfCallersWhoGaveUpAreNotUsedAgain(t *testing.T) {
	const callers = 16 // any of them may get any of the requests that are free
	synctest.Test(t, func(t *testing.T) {
		d := newToyDurable()
		s, _ := openToy(t, d, tiered.Options{})
		step := stepwise(t, d)
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		set := func(ctx context.Context, name string, answered func(err error)) {
			for i := range callers {
				wg.Go(func() { answered(s.Set(ctx, fmt.Sprint(name, i), []byte(name), 0)) })
			}
			synctest.Wait()
		}
		want := func(err, want error) {
			if !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
		}
		wg.Go(func() { want(s.Set(context.Background(), "holds the others up", nil, 0), nil) })
		synctest.Wait()
		set(ctx, "in a group", func(err error) { want(err, tiered.ErrUnknownOutcome) })
		step()
		set(ctx, "in the queue", func(err error) { want(err, context.Canceled) })
		cancel()
		wg.Wait()

		var late atomic.Int32
		set(context.Background(), "late", func(err error) { want(err, nil); late.Add(1) })
		step()
		if n := late.Load(); n != 0 {
			t.Fatalf("%d writes were answered with the group before their own", n)
		}
		step()
		if n := late.Load(); n != callers {
			t.Fatalf("answered after their group: got %d, want %d", n, callers)
		}
		for i := range callers {
			wantValue(t, s, fmt.Sprint("in a group", i), "in a group")
			wantValue(t, s, fmt.Sprint("late", i), "late")
			_, err := s.Get(context.Background(), fmt.Sprint("in the queue", i))
			wantErr(t, err, tiered.ErrNotFound)
		}
	})
}
