//go:build !wasm

package tiered_test

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
)

// number is a value that says by which codec it was decoded.
type number struct{ n, by int }

// numbers is a codec that counts what it decodes. Two of them are equal if they
// have one counter and one name.
type numbers struct {
	decoded *atomic.Int64
	by      int
}

func (c numbers) Encode(v *number) ([]byte, error) { return []byte(strconv.Itoa(v.n)), nil }

func (c numbers) Decode(data []byte, v **number) error {
	c.decoded.Add(1)
	n, err := strconv.Atoi(string(data))
	*v = &number{n, c.by}
	return err
}

// texts decodes the same bytes into another type.
type texts struct{}

func (texts) Encode(v string) ([]byte, error)     { return []byte(v), nil }
func (texts) Decode(data []byte, v *string) error { *v = string(data); return nil }
func newNumbers(by int) numbers                   { return numbers{new(atomic.Int64), by} }
func shared(s *tiered.Store, c numbers) sharedTyped {
	return tiered.NewTyped(s, "n:", c, tiered.Shared())
}

type sharedTyped = *tiered.Typed[*number]

// openStore opens a store with all tiers in a new directory.
func openStore(t *testing.T, opts *tiered.Options) *tiered.Store {
	t.Helper()
	var o tiered.Options
	if opts != nil {
		o = *opts
	}
	o.SharedDir = filepath.Join(t.TempDir(), "shared")
	s, err := tiered.Open(t.TempDir(), &o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func wantNumber(t *testing.T, typed sharedTyped, key string, n int) *number {
	t.Helper()
	v, err := typed.Get(t.Context(), key)
	if err != nil || v.n != n {
		t.Fatalf("got %+v, %v, want %d", v, err, n)
	}
	return v
}

func TestSharedIsDecodedOncePerEntry(t *testing.T) {
	s := openStore(t, nil)
	c := newNumbers(1)
	typed := shared(s, c)
	ctx := t.Context()
	for round := range 3 {
		if err := typed.Set(ctx, "k", &number{n: round}, time.Hour); err != nil {
			t.Fatal(err)
		}
		before := c.decoded.Load()
		first := wantNumber(t, typed, "k", round)
		for range 10 {
			if again := wantNumber(t, typed, "k", round); again != first {
				t.Fatal("got another value, want the same one")
			}
		}
		if got := wantNumber(t, shared(s, c), "k", round); got != first {
			t.Error("another Typed with an equal codec: got another value")
		}
		if got := c.decoded.Load() - before; got != 1 {
			t.Errorf("got %d decodings after a Set, want 1", got)
		}
	}
	_, err := typed.Update(ctx, "k", func(old *number, found bool) (*number, time.Duration, error) {
		if kept := wantNumber(t, typed, "k", 2); old == kept {
			t.Error("Update lends the shared value to its function")
		}
		return &number{n: old.n + 40}, tiered.KeepTTL, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wantNumber(t, typed, "k", 42)
	if err := typed.Delete(ctx, "k"); err != nil {
		t.Fatal(err)
	}
	if v, err := typed.Get(ctx, "k"); !errors.Is(err, tiered.ErrNotFound) {
		t.Errorf("after Delete: got %v, %v", v, err)
	}
}

func TestSharedDiesAtItsDeadline(t *testing.T) {
	clock := storetest.NewClock()
	s := openStore(t, &tiered.Options{Clock: clock})
	typed := shared(s, newNumbers(1))
	if err := typed.Set(t.Context(), "k", &number{n: 7}, time.Second); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		wantNumber(t, typed, "k", 7)
	}
	clock.Advance(time.Second)
	if v, err := typed.Get(t.Context(), "k"); !errors.Is(err, tiered.ErrNotFound) {
		t.Errorf("at its deadline: got %v, %v", v, err)
	}
}

// Two Typed over one key, of other types or other codecs, never get what the
// other made.
func TestSharedDoesNotClash(t *testing.T) {
	s := openStore(t, nil)
	one, other := shared(s, newNumbers(1)), shared(s, newNumbers(2))
	text := tiered.NewTyped(s, "n:", texts{}, tiered.Shared())
	if err := one.Set(t.Context(), "k", &number{n: 5}, 0); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if v := wantNumber(t, one, "k", 5); v.by != 1 {
			t.Errorf("got the value of codec %d, want that of 1", v.by)
		}
		if v, err := text.Get(t.Context(), "k"); err != nil || v != "5" {
			t.Errorf("got %q, %v, want the text", v, err)
		}
		if v := wantNumber(t, other, "k", 5); v.by != 2 {
			t.Errorf("got the value of codec %d, want that of 2", v.by)
		}
	}
}

// A function is no comparable codec: each Typed has its own values then.
type funcCodec struct{ decode func(string) string }

func (funcCodec) Encode(v string) ([]byte, error)       { return []byte(v), nil }
func (c funcCodec) Decode(data []byte, v *string) error { *v = c.decode(string(data)); return nil }

func TestSharedOfCodecsThatDoNotCompare(t *testing.T) {
	s := openStore(t, nil)
	up := tiered.NewTyped(s, "", funcCodec{strings.ToUpper}, tiered.Shared())
	low := tiered.NewTyped(s, "", funcCodec{strings.ToLower}, tiered.Shared())
	if err := s.Set(t.Context(), "k", []byte("Value"), 0); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		for _, tc := range []struct {
			typed *tiered.Typed[string]
			want  string
		}{{up, "VALUE"}, {low, "value"}} {
			if got, err := tc.typed.Get(t.Context(), "k"); err != nil || got != tc.want {
				t.Errorf("got %q, %v, want %q", got, err, tc.want)
			}
		}
	}
}

func TestSharedHitAllocatesNothing(t *testing.T) {
	s := openStore(t, nil)
	typed := shared(s, newNumbers(1))
	key := "0123456789abcdef0123456789abcdef"
	if err := typed.Set(t.Context(), key, &number{n: 1}, time.Hour); err != nil {
		t.Fatal(err)
	}
	wantNumber(t, typed, key, 1)
	ctx := context.Background()
	got := testing.AllocsPerRun(1000, func() {
		if _, err := typed.Get(ctx, key); err != nil {
			t.Fatal(err)
		}
	})
	if got != 0 {
		t.Errorf("got %v allocations, want 0", got)
	}
}

// Beside writers, what a Get gives is never older than the last Set that had
// returned when it began, and the type's own.
func TestSharedIsNeverStale(t *testing.T) {
	const keys = 4
	rounds := 2000
	if testing.Short() {
		rounds = 300
	}
	s := openStore(t, nil)
	typed := shared(s, newNumbers(1))
	var floor [keys]atomic.Int64
	for k := range keys {
		if err := typed.Set(t.Context(), strconv.Itoa(k), &number{}, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	var writes, reads sync.WaitGroup
	var done atomic.Bool
	for k := range keys {
		writes.Go(func() {
			for n := 1; n <= rounds; n++ {
				if err := typed.Set(context.Background(), strconv.Itoa(k), &number{n: n}, time.Hour); err != nil {
					t.Error(err)
				}
				floor[k].Store(int64(n))
			}
		})
	}
	for r := range 4 {
		reads.Go(func() {
			for i := r; !done.Load(); i++ {
				k := i % keys
				least := floor[k].Load()
				v, err := typed.Get(context.Background(), strconv.Itoa(k))
				if err != nil || int64(v.n) < least || v.by != 1 {
					t.Errorf("got %+v, %v, want at least %d", v, err, least)
					return
				}
			}
		})
	}
	writes.Wait()
	done.Store(true)
	reads.Wait()
}
