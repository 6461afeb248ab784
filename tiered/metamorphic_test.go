//go:build !wasm

package tiered_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
)

// One log of operations, clock steps and reopenings, played on stores of
// different tiers, gives the same answers everywhere: values, versions,
// deadlines and errors; only who answered may differ.

// playLog plays the log of seed and returns the answers. At each opening tier
// says how the store is put together.
func playLog(t *testing.T, seed uint64, steps int, tier func(opening int) func(*tiered.Options)) []string {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 0))
	clock := storetest.NewClock()
	root := t.TempDir()
	openings := 0
	open := func() *tiered.Store {
		t.Helper()
		o := tiered.Options{Clock: clock, L1Bytes: 1 << 20, L2Bytes: 1 << 20, SharedDir: filepath.Join(root, "shared"), SweepEvery: time.Hour}
		tier(openings)(&o)
		openings++
		s, err := tiered.Open(filepath.Join(root, "store"), &o)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	defer func() { s.Close() }()
	var answers []string
	for range steps {
		switch rng.IntN(60) {
		case 0:
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open()
			answers = append(answers, "reopened")
		case 1, 2, 3:
			clock.Advance(time.Duration(rng.IntN(30)) * time.Second)
		default:
			answers = append(answers, playOp(s, rng))
		}
	}
	return answers
}

// playOp does one random operation and tells its answer.
func playOp(s *tiered.Store, rng *rand.Rand) string {
	ctx := context.Background()
	key := fmt.Sprint(rng.IntN(30))
	value := []byte(strings.Repeat(fmt.Sprint(rng.IntN(100)), 1+rng.IntN(400)))
	ttl := time.Duration(rng.IntN(60)) * time.Second
	var it tiered.Item
	var err error
	switch op := rng.IntN(12); op {
	case 0, 1, 2, 3:
		it, err = s.GetItem(ctx, key)
	case 4, 5:
		it, err = s.Put(ctx, key, value, ttl)
	case 6:
		err = s.Delete(ctx, key)
	case 7:
		err = s.Touch(ctx, key, ttl)
	case 8:
		it, err = s.CompareAndSet(ctx, key, uint64(rng.IntN(200)), value, tiered.KeepTTL)
	case 9:
		it, err = s.Update(ctx, key, func(old tiered.Item, found bool) ([]byte, time.Duration, error) {
			return append(old.Value, value[0]), tiered.KeepTTL, nil
		})
	case 10:
		var b tiered.Batch
		b.Set(key, value, ttl)
		b.Delete(fmt.Sprint(rng.IntN(30)))
		b.Touch(fmt.Sprint(rng.IntN(30)), ttl)
		err = s.Write(ctx, &b)
	case 11:
		var all []string
		for it, err := range s.Scan(ctx, key[:1]) {
			if err != nil {
				return errorName(err)
			}
			all = append(all, answerOf(it))
		}
		return strings.Join(all, " ")
	}
	return answerOf(it) + " " + errorName(err)
}

func answerOf(it tiered.Item) string {
	return fmt.Sprintf("%s=%q@%d until %d", it.Key, it.Value, it.Version, ms(it))
}

func errorName(err error) string {
	for _, e := range []error{tiered.ErrNotFound, tiered.ErrVersion} {
		if errors.Is(err, e) {
			return e.Error()
		}
	}
	return fmt.Sprint(err)
}

func TestEveryTieringGivesTheSameAnswers(t *testing.T) {
	steps := 2000
	if testing.Short() {
		steps = 500
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	names := slices.Sorted(maps.Keys(tierings))
	want := playLog(t, seed, steps, func(int) func(*tiered.Options) { return tierings["neither"] })
	compare := func(t *testing.T, tier func(opening int) func(*tiered.Options)) {
		t.Helper()
		got := playLog(t, seed, steps, tier)
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("answer %d: got %.200s, want %.200s", i, got[i], want[i])
			}
		}
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			compare(t, func(int) func(*tiered.Options) { return tierings[name] })
		})
	}
	t.Run("another one at each opening", func(t *testing.T) {
		compare(t, func(opening int) func(*tiered.Options) { return tierings[names[opening%len(names)]] })
	})
}
