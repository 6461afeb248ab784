package tiered_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
)

// eachStore runs f on a store in files (in memory under WebAssembly) and on one
// in memory.
func eachStore(t *testing.T, opts tiered.Options, f func(t *testing.T, s *tiered.Store, clock *storetest.Clock)) {
	for name, open := range map[string]func(dir string, opts *tiered.Options) (*tiered.Store, error){
		"files":  tiered.Open,
		"memory": func(_ string, opts *tiered.Options) (*tiered.Store, error) { return tiered.OpenMemory(opts) },
	} {
		t.Run(name, func(t *testing.T) {
			opts, clock := opts, storetest.NewClock()
			opts.Clock, opts.SweepEvery, opts.SharedDir = clock, time.Hour, t.TempDir()
			s, err := open(t.TempDir(), &opts)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			f(t, s, clock)
		})
	}
}

// expires is the deadline of key's record; found is false if there is none.
func expires(t *testing.T, s *tiered.Store, key string) (at time.Time, found bool) {
	t.Helper()
	it, err := s.GetItem(t.Context(), key)
	if err != nil && !errors.Is(err, tiered.ErrNotFound) {
		t.Fatal(err)
	}
	return it.Expires, err == nil
}

func TestBatchDeadlinesAsGiven(t *testing.T) {
	eachStore(t, tiered.Options{}, func(t *testing.T, s *tiered.Store, clock *storetest.Clock) {
		ctx := context.Background()
		if got, want := s.Now(), clock.Wall(); !got.Equal(want) {
			t.Fatalf("Now: got %v, want %v", got, want)
		}
		at := s.Now().Add(1500 * time.Millisecond)
		var b tiered.Batch
		b.SetItem(tiered.Item{Key: "set", Value: []byte("value"), Expires: at, Version: 7})
		b.SetItem(tiered.Item{Key: "immortal", Value: []byte("value")})
		b.SetItem(tiered.Item{Key: "past", Value: []byte("value"), Expires: s.Now()})
		b.Set("touched", []byte("value"), 0)
		b.TouchUntil("touched", at.Add(-time.Nanosecond))
		b.Set("freed", []byte("value"), time.Second)
		b.TouchUntil("freed", time.Time{})
		b.Set("ended", []byte("value"), 0)
		b.TouchUntil("ended", s.Now())
		if err := s.Write(ctx, &b); err != nil {
			t.Fatal(err)
		}
		for key, want := range map[string]struct {
			at    time.Time
			found bool
		}{
			"set": {at, true}, "touched": {at, true}, "immortal": {time.Time{}, true}, "freed": {time.Time{}, true},
			"past": {}, "ended": {},
		} {
			if got, found := expires(t, s, key); !got.Equal(want.at) || found != want.found {
				t.Errorf("%s: got %v %v, want %v %v", key, got, found, want.at, want.found)
			}
		}
		clock.Advance(at.Sub(s.Now()))
		if _, found := expires(t, s, "touched"); found || at.After(s.Now()) {
			t.Errorf("at its deadline: got found %v", found)
		}
	})
}

func TestBatchTouchUntilOfAnAbsentKey(t *testing.T) {
	eachStore(t, tiered.Options{}, func(t *testing.T, s *tiered.Store, _ *storetest.Clock) {
		var b tiered.Batch
		b.SetItem(tiered.Item{Key: "beside", Expires: s.Now().Add(time.Hour)})
		b.TouchUntil("absent", s.Now().Add(-time.Hour))
		if err := s.Write(t.Context(), &b); !errors.Is(err, tiered.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
		if _, found := expires(t, s, "beside"); found {
			t.Error("a refused batch left a record")
		}
	})
}

func TestBatchDeadlinesWithinMaxTTL(t *testing.T) {
	eachStore(t, tiered.Options{MaxTTL: time.Minute}, func(t *testing.T, s *tiered.Store, _ *storetest.Clock) {
		for _, c := range []struct {
			at   time.Time
			want error
		}{
			{s.Now().Add(time.Minute), nil},
			{s.Now().Add(time.Minute + time.Millisecond), tiered.ErrTTL},
			{time.Time{}, tiered.ErrTTL},
		} {
			var set, touch tiered.Batch
			set.SetItem(tiered.Item{Key: "k", Expires: c.at})
			touch.TouchUntil("k", c.at)
			if err := s.Write(t.Context(), &set); !errors.Is(err, c.want) {
				t.Errorf("SetItem until %v: got %v, want %v", c.at, err, c.want)
			}
			if err := s.Write(t.Context(), &touch); !errors.Is(err, c.want) {
				t.Errorf("TouchUntil %v: got %v, want %v", c.at, err, c.want)
			}
		}
	})
}
