//go:build !wasm

package tiered_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/tiered/tier"
)

// open opens a store over d with a clock moved by hand, inside a synctest
// bubble.
func openToy(t *testing.T, d *toyDurable, opts tiered.Options) (*tiered.Store, *storetest.Clock) {
	t.Helper()
	host := storetest.NewClock()
	opts.Clock = host
	s, err := tiered.OpenOver(d, "", &opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, host
}

func mustSet(t *testing.T, s *tiered.Store, key, value string, ttl time.Duration) {
	t.Helper()
	if err := s.Set(t.Context(), key, []byte(value), ttl); err != nil {
		t.Fatalf("Set: %v", err)
	}
}

func wantValue(t *testing.T, s *tiered.Store, key, want string) {
	t.Helper()
	got, err := s.Get(context.Background(), key)
	if err != nil || string(got) != want {
		t.Fatalf("Get(%q): got %q, %v, want %q", key, got, err, want)
	}
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}

// held makes every commit of d wait until release is called.
func held(d *toyDurable) (release func()) {
	gate := make(chan struct{})
	d.commitHook = func(*tier.Group) error { <-gate; return nil }
	return sync.OnceFunc(func() { close(gate) })
}

func TestNothingVisibleBeforeItsFsync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newToyDurable()
		s, _ := openToy(t, d, tiered.Options{})
		mustSet(t, s, "k", "old", 0)
		before := s.Generation("k")
		release := held(d)
		defer release()

		refused := make(chan error, 1)
		set := make(chan error, 1)
		go func() { set <- s.Set(context.Background(), "k", []byte("new"), 0) }()
		synctest.Wait()
		go func() {
			_, err := s.CompareAndSet(context.Background(), "k", 1, []byte("x"), 0)
			refused <- err
		}()
		synctest.Wait()

		wantValue(t, s, "k", "old")
		if got := s.InFlight("k"); got != 1 {
			t.Errorf("in flight during the commit: got %d, want 1", got)
		}
		select {
		case err := <-set:
			t.Fatalf("Set answered before its fsync: %v", err)
		case err := <-refused:
			t.Fatalf("a CAS was judged on unsynced state and answered: %v", err)
		default:
		}

		release()
		if err := <-set; err != nil {
			t.Fatal(err)
		}
		wantErr(t, <-refused, tiered.ErrVersion)
		wantValue(t, s, "k", "new")
		if s.InFlight("k") != 0 || s.Generation("k") == before {
			t.Errorf("after the end: in flight %d, generation %d (before: %d)", s.InFlight("k"), s.Generation("k"), before)
		}
	})
}

func TestQueueBecomesOneGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newToyDurable()
		s, _ := openToy(t, d, tiered.Options{})
		release := held(d)
		var wg sync.WaitGroup
		write := func(i int) { wg.Go(func() { s.Set(context.Background(), fmt.Sprint(i), nil, 0) }) }
		write(0)
		synctest.Wait()
		for i := range 100 {
			write(1 + i)
		}
		synctest.Wait()
		release()
		wg.Wait()
		if got, want := fmt.Sprint(d.groups), "[1 100]"; got != want {
			t.Errorf("groups: got %s, want %s", got, want)
		}
	})
}

func TestGroupBytesCutsGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newToyDurable()
		s, _ := openToy(t, d, tiered.Options{Limits: tiered.Limits{GroupBytes: 5000}})
		random := make([]byte, 100_000) // does not compress
		rand.NewChaCha8([32]byte{}).Read(random)
		release := held(d)
		var wg sync.WaitGroup
		write := func(key string, value []byte) {
			wg.Go(func() { s.Set(context.Background(), key, value, 0) })
			synctest.Wait()
		}
		write("first", nil)
		for i := range 5 {
			write(fmt.Sprint(i), random[:1500]) // two fit into a group
		}
		write("big", random) // larger than a group may be: a group of its own
		release()
		wg.Wait()
		wantValue(t, s, "big", string(random))
		if got, want := fmt.Sprint(d.groups), "[1 2 2 1 1]"; got != want {
			t.Errorf("groups: got %s, want %s", got, want)
		}
	})
}

// A Touch judged before the deadline and published after it: who reads in
// between must not see the record gone, nor the unsynced state.
func TestTouchAcrossTheDeadlineRevivesNothing(t *testing.T) {
	touches := map[string]func(s *tiered.Store) error{
		"Touch": func(s *tiered.Store) error { return s.Touch(context.Background(), "k", time.Hour) },
		"CompareAndSet": func(s *tiered.Store) error {
			_, err := s.CompareAndSet(context.Background(), "k", 1, []byte("v"), time.Hour)
			return err
		},
		"Check and Set": func(s *tiered.Store) error {
			var b tiered.Batch
			b.Check("k", 1)
			b.Set("k", []byte("w"), time.Hour)
			return s.Write(context.Background(), &b)
		},
		"Batch": func(s *tiered.Store) error {
			var b tiered.Batch
			b.Set("other", nil, 0)
			b.Touch("k", time.Hour)
			return s.Write(context.Background(), &b)
		},
	}
	for name, touch := range touches {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newToyDurable()
				s, host := openToy(t, d, tiered.Options{})
				mustSet(t, s, "k", "v", time.Second)
				release := held(d)
				defer release()
				touched := make(chan error, 1)
				go func() { touched <- touch(s) }()
				synctest.Wait()
				host.Advance(2 * time.Second)

				read, scanned := make(chan error, 1), make(chan int, 1)
				go func() { _, err := s.Get(context.Background(), "k"); read <- err }()
				go func() {
					n := 0
					for range s.Scan(context.Background(), "k") {
						n++
					}
					scanned <- n
				}()
				synctest.Wait()
				select {
				case err := <-read:
					t.Fatalf("a read was answered while it was undecided whether the record lives: %v", err)
				default:
				}
				release()
				if err := <-touched; err != nil {
					t.Fatal(err)
				}
				if err := <-read; err != nil {
					t.Fatalf("the record was extended in time, but a read after that said: %v", err)
				}
				if n := <-scanned; n != 1 {
					t.Fatalf("a scan met %d records, want 1", n)
				}
			})
		})
	}
}

func TestExpiredReadDoesNotWaitForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newToyDurable()
		s, host := openToy(t, d, tiered.Options{})
		mustSet(t, s, "k", "v", time.Second)
		release := held(d)
		done := make(chan error, 1)
		go func() { done <- s.Set(context.Background(), "k", []byte("w"), 0) }()
		synctest.Wait()
		host.Advance(2 * time.Second)
		_, err := s.Get(context.Background(), "k")
		wantErr(t, err, tiered.ErrNotFound)
		release()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

func TestUnknownOutcomeOfTouchIsNotGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newToyDurable()
		s, host := openToy(t, d, tiered.Options{})
		mustSet(t, s, "k", "v", time.Second)
		d.commitHook = func(*tier.Group) error { return tier.ErrUnknownOutcome }
		wantErr(t, s.Touch(t.Context(), "k", time.Hour), tiered.ErrUnknownOutcome)
		wantValue(t, s, "k", "v")
		host.Advance(2 * time.Second)
		_, err := s.Get(t.Context(), "k")
		wantErr(t, err, tiered.ErrUnavailable)
	})
}

func TestUnknownOutcomeLeavesTheBucketInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newToyDurable()
		s, _ := openToy(t, d, tiered.Options{})
		mustSet(t, s, "k", "old", 0)
		d.commitHook = func(*tier.Group) error { return tier.ErrUnknownOutcome }
		wantErr(t, s.Set(t.Context(), "k", []byte("new"), 0), tiered.ErrUnknownOutcome)
		wantValue(t, s, "k", "old")
		if got := s.InFlight("k"); got != 1 {
			t.Errorf("in flight: got %d, want 1", got)
		}
		d.commitHook = func(*tier.Group) error { return tier.ErrUnavailable }
		wantErr(t, s.Set(t.Context(), "j", nil, 0), tiered.ErrUnavailable)
		if got := s.InFlight("j"); got != 0 {
			t.Errorf("in flight after a refused commit: got %d, want 0", got)
		}
	})
}

func TestFullDiskStillDeletes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newToyDurable()
		s, _ := openToy(t, d, tiered.Options{})
		mustSet(t, s, "a", "1", time.Minute)
		mustSet(t, s, "b", "2", time.Minute)
		d.commitHook = func(g *tier.Group) error {
			if !g.Reserve {
				return tier.ErrFull
			}
			return nil
		}
		wantErr(t, s.Set(t.Context(), "c", nil, 0), tiered.ErrFull)
		wantErr(t, s.Set(t.Context(), "a", nil, 0), tiered.ErrFull)
		wantErr(t, s.Touch(t.Context(), "a", time.Hour), tiered.ErrFull)
		wantValue(t, s, "a", "1")
		if err := s.Touch(t.Context(), "a", time.Second); err != nil {
			t.Errorf("a shorter deadline in a full store: %v", err)
		}
		if err := s.Delete(t.Context(), "b"); err != nil {
			t.Errorf("Delete in a full store: %v", err)
		}
		d.commitHook = nil
		mustSet(t, s, "c", "3", 0)
		if got := d.usage.Records; got != 2 {
			t.Errorf("records: got %d, want 2", got)
		}
	})
}

func TestQuotaSweepsTheExpiredFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newToyDurable()
		s, host := openToy(t, d, tiered.Options{MaxBytes: 100_000, SweepEvery: time.Hour})
		value := strings.Repeat("v", 90)
		for i := range 900 {
			mustSet(t, s, fmt.Sprintf("%05d", i), value, time.Duration(1+i%2)*time.Minute)
		}
		for i := range 2000 {
			if err := s.Set(t.Context(), fmt.Sprintf("more%05d", i), []byte(value), time.Minute); err != nil {
				wantErr(t, err, tiered.ErrFull)
				break
			}
			if i == 1999 {
				t.Fatal("the quota never held")
			}
		}
		if d.usage.LiveBytes > 100_000 {
			t.Fatalf("live bytes %d are above the quota", d.usage.LiveBytes)
		}
		mustSet(t, s, "00000", value, 0) // no more bytes than before
		host.Advance(time.Minute)
		mustSet(t, s, "more", value, 0)
		if d.usage.Records > 500 {
			t.Errorf("records after the sweep: got %d, want at most 500", d.usage.Records)
		}
	})
}

func TestCancelledWhileQueuedNeverHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newToyDurable()
		s, _ := openToy(t, d, tiered.Options{})
		release := held(d)
		first := make(chan error, 1)
		go func() { first <- s.Set(context.Background(), "first", nil, 0) }()
		synctest.Wait()

		ctx, cancel := context.WithCancel(context.Background())
		second := make(chan error, 1)
		go func() { second <- s.Set(ctx, "second", nil, 0) }()
		synctest.Wait()
		cancel()
		err := <-second
		if !errors.Is(err, context.Canceled) || errors.Is(err, tiered.ErrUnknownOutcome) {
			t.Fatalf("cancelled in the queue: got %v, want context.Canceled alone", err)
		}
		release()
		if err := <-first; err != nil {
			t.Fatal(err)
		}
		_, err = s.Get(t.Context(), "second")
		wantErr(t, err, tiered.ErrNotFound)
	})
}

func TestCancelledInItsGroupIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newToyDurable()
		s, _ := openToy(t, d, tiered.Options{})
		release := held(d)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.Set(ctx, "k", nil, 0) }()
		synctest.Wait()
		cancel()
		err := <-done
		if !errors.Is(err, context.Canceled) || !errors.Is(err, tiered.ErrUnknownOutcome) {
			t.Fatalf("cancelled in its group: got %v, want both errors", err)
		}
		release()
		synctest.Wait()
		wantValue(t, s, "k", "")
	})
}

// A caller that gives up gives its room in the queue back only when the
// committer has passed its request: retries beside a stalled disk are bounded.
func TestQueueBytesBoundsCancelledRequestsToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newToyDurable()
		s, _ := openToy(t, d, tiered.Options{Limits: tiered.Limits{QueueBytes: 64 << 10}})
		release := held(d)
		first := make(chan error, 1)
		go func() { first <- s.Set(context.Background(), "first", nil, 0) }()
		synctest.Wait()
		for range 1000 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			wantErr(t, s.Set(ctx, "k", make([]byte, 100), 0), context.DeadlineExceeded)
			cancel()
		}
		if got := s.Pending(); got > 200 {
			t.Errorf("requests held for callers that are gone: got %d, want at most 200", got)
		}
		release()
		if err := <-first; err != nil {
			t.Fatal(err)
		}
		mustSet(t, s, "k", "v", 0)
	})
}

func TestCloseAnswersWhatWasQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newToyDurable()
		s, _ := openToy(t, d, tiered.Options{})
		release := held(d)
		errs := make(chan error, 50)
		for i := range cap(errs) {
			go func() { errs <- s.Set(context.Background(), fmt.Sprint(i), nil, 0) }()
		}
		synctest.Wait()
		closed := make(chan error, 1)
		go func() { closed <- s.Close() }()
		synctest.Wait()
		release()
		for range cap(errs) {
			if err := <-errs; err != nil {
				t.Errorf("a queued Set at Close: %v", err)
			}
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
		wantErr(t, s.Set(t.Context(), "k", nil, 0), tiered.ErrClosed)
	})
}

func TestSweeperRemovesInBoundedGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newToyDurable()
		s, host := openToy(t, d, tiered.Options{})
		var b tiered.Batch
		for i := range 5000 {
			b.Set(fmt.Sprint(i), nil, time.Minute)
		}
		b.Set("stays", nil, time.Hour)
		if err := s.Write(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		host.Advance(time.Minute)
		time.Sleep(1500 * time.Millisecond) // in the bubble: one sweep
		synctest.Wait()
		if got := len(d.recs); got != 1 {
			t.Errorf("records after the sweep: got %d, want 1", got)
		}
		for _, n := range d.groups[1:] {
			if n > 1024 {
				t.Errorf("a sweep removed %d records in one group", n)
			}
		}
		if got := s.Stats().L3.Swept; got != 5000 {
			t.Errorf("swept: got %d, want 5000", got)
		}
	})
}

func TestVersionsAreGivenForEffectsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newToyDurable()
		s, _ := openToy(t, d, tiered.Options{})
		mustSet(t, s, "k", "v", 0)
		_, err := s.CompareAndSet(t.Context(), "k", 99, nil, 0)
		wantErr(t, err, tiered.ErrVersion)
		if err := s.Delete(t.Context(), "absent"); err != nil {
			t.Fatal(err)
		}
		var b tiered.Batch
		b.Set("x", nil, 0)
		b.Set("y", nil, 0)
		b.Check("k", 99)
		wantErr(t, s.Write(t.Context(), &b), tiered.ErrVersion)
		if _, err := s.Update(t.Context(), "k", func(tiered.Item, bool) ([]byte, time.Duration, error) {
			return nil, 0, tiered.Keep
		}); err != nil {
			t.Fatal(err)
		}
		if d.version != 1 {
			t.Fatalf("version after nothing happened: got %d, want 1", d.version)
		}
		it, err := s.SetItem(t.Context(), tiered.Item{Key: "k", Value: []byte("w")})
		if err != nil || it.Version != 2 {
			t.Fatalf("got version %d, %v, want 2", it.Version, err)
		}
	})
}
