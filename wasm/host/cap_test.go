package host_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/wasm/abi"
	"github.com/stratakv/strata/wasm/kv"
)

// slack is what a module's memory may be above the caps of its stores.
const slack = 16 << 20

// noise does not compress.
func noise(src *rand.ChaCha8, b []byte) { _, _ = src.Read(b) }

// Records of 200 B, replaced by 300 B again and again: the memory is that of the
// cap and no more, in both modes, and in store mode each record is there.
// (200,000 records ten times over are the npm package's to test: V8 is faster.)
func TestMemoryStaysUnderTheCap(t *testing.T) {
	const records, rounds = 30_000, 4
	for _, evict := range []bool{false, true} {
		t.Run(fmt.Sprintf("evict=%v", evict), func(t *testing.T) {
			m := newModule(t)
			// Room for all in store mode; in cache mode for half of it.
			limit := int64(records) * 520
			if evict {
				limit /= 2
			}
			raw, err := m.OpenRaw(kv.Options{MaxBytes: limit, Evict: evict}, 1.8e12, 1)
			if err != nil {
				t.Fatal(err)
			}
			value := make([]byte, 300)
			src := rand.NewChaCha8([32]byte{1})
			for round := range rounds + 1 {
				size := 300
				if round == 0 {
					size = 200
				}
				for i := range records {
					noise(src, value)
					op := kv.Op{Kind: 1, Key: fmt.Sprintf("session:%08d", i), Value: value[:size], Life: kv.Life{Mode: kv.LifeTTL, Ms: 3.6e6}}
					if _, _, err := raw.Write([]kv.Op{op}, false, 2); err != nil {
						t.Fatalf("round %d, record %d: %v", round, i, err)
					}
				}
			}
			if got, most := m.MemoryBytes(), limit+slack; got > most {
				t.Errorf("memory: got %d bytes, want at most %d", got, most)
			}
			st := raw.Stats()
			t.Logf("memory %d, cap %d, used %d, records %d, evictions %d", m.MemoryBytes(), limit, st.UsedBytes, st.Usage.Records, st.Evictions)
			if !evict && (st.Usage.Records != int64(records) || st.Evictions != 0) {
				t.Errorf("store mode: got %d records and %d evictions, want %d and none", st.Usage.Records, st.Evictions, records)
			}
			if evict && st.Evictions == 0 {
				t.Error("cache mode: got no eviction")
			}
		})
	}
}

// Stores that were closed leave their memory to those that come after.
func TestMemoryIsUsedAgain(t *testing.T) {
	m := newModule(t)
	const limit = 16 << 20
	for range 12 {
		raw, err := m.OpenRaw(kv.Options{MaxBytes: limit}, 1.8e12, 1)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 500 {
			op := kv.Op{Kind: 1, Key: fmt.Sprint(i), Value: make([]byte, 20_000)}
			if _, _, err := raw.Write([]kv.Op{op}, false, 2); err != nil {
				t.Fatal(err)
			}
		}
		raw.Close()
	}
	if got := m.MemoryBytes(); got > limit+slack {
		t.Errorf("after 12 stores of %d bytes, one at a time: got %d, want at most %d", limit, got, limit+slack)
	}
}

func TestFullStoreKeepsAndRefuses(t *testing.T) {
	m := newModule(t)
	s, err := m.Open(&tiered.Options{MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	n := 0
	for ; err == nil; n++ {
		value := make([]byte, 1000)
		noise(rand.NewChaCha8([32]byte{byte(n), byte(n >> 8)}), value)
		err = s.Set(ctx, fmt.Sprint(n), value, 0)
	}
	if !errors.Is(err, tiered.ErrFull) || n < 500 {
		t.Fatalf("record %d: got %v, want ErrFull after most of a megabyte", n, err)
	}
	for i := range n - 1 {
		if _, err := s.Get(ctx, fmt.Sprint(i)); err != nil {
			t.Fatalf("record %d of a full store: %v", i, err)
		}
	}
}

func TestTooMuchMemoryIsRefused(t *testing.T) {
	m := newModule(t)
	if _, err := m.Open(&tiered.Options{MaxBytes: abi.MaxMemory + 1}); !errors.Is(err, abi.ErrMemory) {
		t.Errorf("one store above the limit: got %v, want ErrMemory", err)
	}
	if _, err := m.Open(&tiered.Options{MaxBytes: 1 << 40}); !errors.Is(err, kv.ErrArgument) {
		t.Errorf("a terabyte: got %v, want ErrArgument", err)
	}
	if _, err := m.Open(&tiered.Options{MaxBytes: 1 << 20}); err != nil {
		t.Errorf("a sound store after that: got %v, want nil", err)
	}
}

// Values that make garbage, for they are longer than what is kept for the next
// call, do not raise memory for ever.
func TestGarbageIsCollected(t *testing.T) {
	m := newModule(t)
	const limit = 32 << 20
	raw, err := m.OpenRaw(kv.Options{MaxBytes: limit}, 1.8e12, 1)
	if err != nil {
		t.Fatal(err)
	}
	src, value := rand.NewChaCha8([32]byte{1}), make([]byte, 3<<20)
	var after int64
	for i := range 60 {
		noise(src, value)
		op := kv.Op{Kind: 1, Key: fmt.Sprint(i % 5), Value: value}
		if _, _, err := raw.Write([]kv.Op{op}, false, 2); err != nil {
			t.Fatal(err)
		}
		if _, _, err := raw.Get(nil, fmt.Sprint(i%5), 2); err != nil {
			t.Fatal(err)
		}
		if i == 20 {
			after = m.MemoryBytes()
		}
	}
	t.Logf("memory %d after 20, %d after 60", after, m.MemoryBytes())
	// Each call holds a few copies of its value.
	if got, most := m.MemoryBytes(), int64(limit+slack+10*len(value)); got > most {
		t.Errorf("memory: got %d, want at most %d", got, most)
	}
}
