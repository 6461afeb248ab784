//go:build !wasm

package tiered_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/tiered/tier"
)

func openMemory(t *testing.T, opts *tiered.Options) *tiered.Store {
	t.Helper()
	s, err := tiered.OpenMemory(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestLimitsAtTheirEdges(t *testing.T) {
	s := openMemory(t, &tiered.Options{Limits: tiered.Limits{ValueBytes: 1000, BatchOps: 3, BatchBytes: 1500}})
	ctx := t.Context()
	key := strings.Repeat("k", tiered.MaxKeyBytes)
	set := func(key string, n int) error { return s.Set(ctx, key, make([]byte, n), 0) }
	batch := func(sizes ...int) error {
		var b tiered.Batch
		for i, n := range sizes {
			b.Set(fmt.Sprint(i), make([]byte, n), 0)
		}
		return s.Write(ctx, &b)
	}
	for _, c := range []struct {
		name string
		err  error
		want error
	}{
		{"the longest key", set(key, 1), nil},
		{"a key of one byte more", set(key+"k", 1), tiered.ErrTooLarge},
		{"reading a key of one byte more", func() error { _, err := s.Get(ctx, key+"k"); return err }(), tiered.ErrTooLarge},
		{"the largest value", set("k", 1000), nil},
		{"a value of one byte more", set("k", 1001), tiered.ErrTooLarge},
		{"a batch of most ops", batch(1, 1, 1), nil},
		{"one op more", batch(1, 1, 1, 1), tiered.ErrTooLarge},
		{"a batch of most bytes", batch(1000, 498), nil},
		{"one byte more", batch(1000, 499), tiered.ErrTooLarge},
		{"a batch with a value too large", batch(1001), tiered.ErrTooLarge},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, c.err, c.want)
		}
	}
}

func TestTinyQueueAndGroupsStillWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newToyDurable()
		s, _ := openToy(t, d, tiered.Options{Limits: tiered.Limits{QueueBytes: 1, GroupBytes: 1}})
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				if err := s.Set(context.Background(), fmt.Sprint(i), make([]byte, 1000), 0); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got := d.usage.Records; got != 100 {
			t.Errorf("records: got %d, want 100", got)
		}
	})
}

func TestTenThousandCallers(t *testing.T) {
	callers := 10_000
	if testing.Short() {
		callers = 1000
	}
	synctest.Test(t, func(t *testing.T) {
		d := newToyDurable()
		s, _ := openToy(t, d, tiered.Options{Limits: tiered.Limits{QueueBytes: 1 << 20}})
		release := held(d)
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				if err := s.Set(context.Background(), fmt.Sprint(i), []byte("v"), 0); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if got, most := s.Pending(), 1<<20/512+1; got > most {
			t.Errorf("requests in the queue: got %d, want at most %d", got, most)
		}
		release()
		wg.Wait()
		if got := d.usage.Records; got != int64(callers) {
			t.Errorf("records: got %d, want %d", got, callers)
		}
	})
}

// Whatever a cancelled caller is told must be true: the context's error alone
// means that the write never happens; success, that it did.
func TestCancellationNeverLies(t *testing.T) {
	rounds := 3000
	if testing.Short() {
		rounds = 300
	}
	d := slowToy()
	s, _ := openToy(t, d, tiered.Options{})
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var done, cancelled, unknown atomic.Int64
	met := func() bool { return done.Load() > 0 && cancelled.Load() > 0 && unknown.Load() > 0 }
	var wg sync.WaitGroup
	for w := range 8 {
		rng := rand.New(rand.NewPCG(seed, uint64(w)))
		wg.Go(func() {
			for i := 0; i < rounds/8 || i < 100*rounds && !met(); i++ {
				key := fmt.Sprintf("%d/%d", w, i)
				ctx, cancel := context.WithCancel(context.Background())
				turns := rng.IntN(120)
				go func() {
					for range turns {
						runtime.Gosched()
					}
					cancel()
				}()
				err := s.Set(ctx, key, []byte("v"), 0)
				cancel()
				switch {
				case err == nil:
					done.Add(1)
				case errors.Is(err, tiered.ErrUnknownOutcome) && errors.Is(err, context.Canceled):
					unknown.Add(1)
					continue
				case errors.Is(err, context.Canceled):
					cancelled.Add(1)
				default:
					t.Errorf("got %v", err)
				}
				// What was queued before this is decided once this is.
				if err := s.Set(context.Background(), "fence", nil, 0); err != nil {
					t.Error(err)
				}
				_, getErr := s.Get(context.Background(), key)
				if (getErr == nil) != (err == nil) {
					t.Errorf("Set said %v, Get says %v", err, getErr)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d done, %d cancelled in time, %d unknown", done.Load(), cancelled.Load(), unknown.Load())
	if !met() {
		t.Error("a case was never met")
	}
}

// Close may race any call; each is answered, with its result or ErrClosed.
func TestCloseBesideEverything(t *testing.T) {
	stores := map[string]func() (*tiered.Store, error){
		"memory": func() (*tiered.Store, error) { return tiered.OpenMemory(nil) },
		"queue":  func() (*tiered.Store, error) { return tiered.OpenOver(slowToy(), "", nil) },
	}
	ctx := context.Background()
	calls := []func(s *tiered.Store) error{
		func(s *tiered.Store) error { return s.Set(ctx, "k", []byte("v"), time.Hour) },
		func(s *tiered.Store) error { _, err := s.Get(ctx, "k"); return err },
		func(s *tiered.Store) error {
			return s.View(ctx, "k", func([]byte) error { _, err := s.Get(ctx, "k"); return err })
		},
		func(s *tiered.Store) error { _, err := s.GetMany(ctx, []string{"k", "l"}); return err },
		func(s *tiered.Store) error { return s.Delete(ctx, "k") },
		func(s *tiered.Store) error { return s.Touch(ctx, "k", time.Minute) },
		func(s *tiered.Store) error { _, err := s.Put(ctx, "k", nil, 0); return err },
		func(s *tiered.Store) error {
			_, err := s.Update(ctx, "k", func(tiered.Item, bool) ([]byte, time.Duration, error) { return nil, 0, nil })
			return err
		},
		func(s *tiered.Store) error {
			for _, err := range s.Scan(ctx, "") {
				if err != nil {
					return err
				}
			}
			return nil
		},
		func(s *tiered.Store) error { _, err := s.DeletePrefix(ctx, "x"); return err },
		func(s *tiered.Store) error { _, err := s.DeleteExpired(ctx); return err },
		func(s *tiered.Store) error { s.Stats(); return nil },
		func(s *tiered.Store) error { return s.Close() },
	}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			for range 20 {
				s, err := open()
				if err != nil {
					t.Fatal(err)
				}
				var wg sync.WaitGroup
				for i, call := range calls {
					wg.Go(func() {
						if i == len(calls)-1 {
							for range 200 {
								runtime.Gosched()
							}
						}
						for range 50 {
							err := call(s)
							if errors.Is(err, tiered.ErrClosed) {
								return
							}
							if err != nil && !errors.Is(err, tiered.ErrNotFound) {
								t.Errorf("call %d: %v", i, err)
							}
							runtime.Gosched()
						}
					})
				}
				wg.Wait()
				for i, call := range calls {
					err := call(s)
					closing := i >= len(calls)-2 // Stats and Close
					if !closing && !errors.Is(err, tiered.ErrClosed) || closing && err != nil {
						t.Errorf("call %d after Close: %v", i, err)
					}
				}
			}
		})
	}
}

func TestPutTellsTheRecord(t *testing.T) {
	host := storetest.NewClock()
	s := openMemory(t, &tiered.Options{Clock: host})
	it, err := s.Put(t.Context(), "k", []byte("v"), time.Minute)
	want := tiered.Item{Key: "k", Expires: time.UnixMilli(s.NowMilli() + 60_000), Version: 1, Tier: tiered.TierMemory}
	if err != nil || string(it.Value) != "v" || it.Key != want.Key || !it.Expires.Equal(want.Expires) || it.Version != want.Version || it.Tier != want.Tier {
		t.Fatalf("got %+v, %v, want %+v", it, err, want)
	}
	_, err = s.Put(t.Context(), "k", nil, -1)
	wantErr(t, err, tiered.ErrTTL)
}

func TestDamagedRecordsCanBeReplacedAndRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &damagedToy{toyDurable: newToyDurable(), bad: "bad"}
		s, err := tiered.OpenOver(d, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		mustSet(t, s, "good", "v", 0)
		_, err = s.CompareAndSet(t.Context(), "bad", 0, nil, 0)
		wantErr(t, err, tiered.ErrCorrupt)
		wantErr(t, s.Touch(t.Context(), "bad", time.Hour), tiered.ErrCorrupt)
		var b tiered.Batch
		b.Check("bad", 0)
		b.Set("good", []byte("w"), 0)
		wantErr(t, s.Write(t.Context(), &b), tiered.ErrCorrupt)
		wantValue(t, s, "good", "v")
		if err := s.Delete(t.Context(), "bad"); err != nil {
			t.Errorf("Delete of a damaged record: %v", err)
		}
		if d.removed != 1 {
			t.Errorf("removals of the damaged record: got %d, want 1", d.removed)
		}
		mustSet(t, s, "bad", "new", 0)
		wantValue(t, s, "bad", "new")
	})
}

// damagedToy has a damaged record under bad, until it is written.
type damagedToy struct {
	*toyDurable
	bad     string
	removed int
}

func (d *damagedToy) Heads(keys []string, heads []tier.Head, blind []bool) error {
	err := d.toyDurable.Heads(keys, heads, blind)
	for _, k := range keys {
		if k == d.bad {
			err = tier.ErrCorrupt
		}
	}
	return err
}

func (d *damagedToy) Commit(g *tier.Group) error {
	for _, c := range g.Changes {
		if c.Key == d.bad {
			d.bad = ""
			d.removed++
		}
	}
	return d.toyDurable.Commit(g)
}
