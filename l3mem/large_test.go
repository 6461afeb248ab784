package l3mem_test

import (
	"fmt"
	"math"
	"runtime"
	"testing"

	"github.com/stratakv/strata/l3mem"
	"github.com/stratakv/strata/tiered/tier"
)

// filled returns a store of n records with frames of size bytes, and the keys.
func filled(tb testing.TB, n, size int, opts l3mem.Options) (*l3mem.Store, []string) {
	s, err := l3mem.New(&opts)
	if err != nil {
		tb.Fatal(err)
	}
	keys := make([]string, n)
	frame := make([]byte, size)
	for i := 0; i < n; {
		var g tier.Group
		for ; i < n && len(g.Changes) < 1000; i++ {
			keys[i] = fmt.Sprintf("session:%016x", uint64(i)*0x9e3779b97f4a7c15)
			h := tier.Head{Version: uint64(i + 1), Deadline: int64(1 + i*7919%n), RawLen: size - l3mem.Resealed, FrameLen: size}
			g.Changes = append(g.Changes, tier.Change{Key: keys[i], Frame: frame, Head: h})
		}
		if err := s.Commit(&g); err != nil {
			tb.Fatal(err)
		}
	}
	return s, keys
}

// No call is long however much is stored: it walks a path in a tree or a list
// of the directory, and nothing is ever rebuilt.
func TestPathsStayShort(t *testing.T) {
	n := 1_000_000
	if testing.Short() || runtime.GOARCH == "wasm" {
		n = 100_000
	}
	s, keys := filled(t, n, l3mem.Resealed+100, l3mem.Options{MaxBytes: int64(n) * 270, Evict: true})
	if got := s.Stats(); got.Usage.Records != int64(n) || got.Evictions != 0 {
		t.Fatalf("got %d records, %d evictions, want %d, 0", got.Usage.Records, got.Evictions, n)
	}
	check := func(n int) {
		t.Helper()
		if got, want := s.Height(), int(1.4405*math.Log2(float64(n+2))); got > want {
			t.Errorf("height with %d records: got %d, want at most %d", n, got, want)
		}
		if got, want := s.LongestList(), 16; got > want {
			t.Errorf("longest list with %d records: got %d, want at most %d", n, got, want)
		}
	}
	check(n)
	for i := 0; i < n; i += 1000 {
		var g tier.Group
		for j := i; j < i+900; j++ {
			g.Changes = append(g.Changes, tier.Change{Key: keys[j]})
		}
		if err := s.Commit(&g); err != nil {
			t.Fatal(err)
		}
	}
	check(n / 10)
	if got := s.Stats().Usage.Records; got != int64(n/10) {
		t.Errorf("records: got %d, want %d", got, n/10)
	}
}

// The hand does not walk the whole store when everything was visited.
func TestChancesAreBounded(t *testing.T) {
	s, keys := filled(t, 10_000, 136, l3mem.Options{MaxBytes: 10_000 * 270, Evict: true})
	for _, key := range keys {
		s.Load(key)
	}
	if err := s.Commit(&tier.Group{Changes: []tier.Change{{Key: "large", Frame: make([]byte, 100_000), Head: tier.Head{Version: 1}}}}); err != nil {
		t.Fatal(err)
	}
	stats := s.Stats()
	if stats.Evictions == 0 {
		t.Fatal("evictions: got 0")
	}
	if got, want := s.Visited(), len(keys)-l3mem.MaxChances-int(stats.Evictions); got < want {
		t.Errorf("visited after %d evictions: got %d, want at least %d", stats.Evictions, got, want)
	}
	if err := s.Check(); err != nil {
		t.Error(err)
	}
}
