//go:build !wasm

package tiered_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
)

// warmStore is a directory whose page file stays from one opening to the next.
type warmStore struct {
	t      *testing.T
	clock  *storetest.Clock
	dir    string
	shared string
}

func newWarmStore(t *testing.T) *warmStore {
	root := t.TempDir()
	return &warmStore{t, storetest.NewClock(), filepath.Join(root, "store"), filepath.Join(root, "shared")}
}

// with opens the store without L1, so that L2 shows, and closes it after fn.
func (w *warmStore) with(l2Bytes int64, fn func(s *tiered.Store)) {
	w.t.Helper()
	s, err := tiered.Open(w.dir, &tiered.Options{
		Clock: w.clock, L1Bytes: -1, L2Bytes: l2Bytes, SharedDir: w.shared, SweepEvery: time.Hour,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	fn(s)
	if err := s.Close(); err != nil {
		w.t.Fatal(err)
	}
}

// set gives the keys 0 to n-1 the value.
func (w *warmStore) set(s *tiered.Store, n int, value string) {
	w.t.Helper()
	var b tiered.Batch
	for i := range n {
		b.Set(fmt.Sprint(i), []byte(value), time.Hour)
	}
	if err := s.Write(context.Background(), &b); err != nil {
		w.t.Fatal(err)
	}
}

// want reads the keys 0 to n-1 and returns how many L2 answered.
func (w *warmStore) want(s *tiered.Store, n int, value string) (fromL2 int) {
	w.t.Helper()
	for i := range n {
		it, err := s.GetItem(context.Background(), fmt.Sprint(i))
		if value == "" && errors.Is(err, tiered.ErrNotFound) {
			continue
		}
		if err != nil || string(it.Value) != value {
			w.t.Fatalf("key %d: got %q from %s, %v, want %q", i, it.Value, it.Tier, err, value)
		}
		if it.Tier == tiered.TierL2 {
			fromL2++
		}
	}
	return fromL2
}

// files are those in shared memory whose names begin with prefix.
func (w *warmStore) files(prefix string) []string {
	w.t.Helper()
	names, err := filepath.Glob(filepath.Join(w.shared, "*", prefix+"*"))
	if err != nil {
		w.t.Fatal(err)
	}
	return names
}

const warmBytes = 1 << 20

// needL2 skips where the host cannot share memory.
func (w *warmStore) needL2(s *tiered.Store) {
	w.t.Helper()
	if !s.Stats().L2.Attached {
		if os.Getenv("CI") == "true" {
			w.t.Fatal("no L2")
		}
		w.t.Skip("this host has no L2")
	}
}

func TestL2IsWarmAfterARestart(t *testing.T) {
	w := newWarmStore(t)
	w.with(warmBytes, func(s *tiered.Store) {
		w.needL2(s)
		w.set(s, 100, "v")
	})
	w.with(warmBytes, func(s *tiered.Store) {
		if got := w.want(s, 100, "v"); got != 100 {
			t.Errorf("answers from L2: got %d, want 100", got)
		}
		w.clock.Advance(2 * time.Hour)
		w.want(s, 100, "")
	})
}

// What L2 holds must be the truth of this opening, whatever happened to the
// files between.
func TestL2IsBoundToTheTruth(t *testing.T) {
	t.Run("store.db replaced by an older copy", func(t *testing.T) {
		w := newWarmStore(t)
		older := filepath.Join(t.TempDir(), "older")
		w.with(warmBytes, func(s *tiered.Store) { w.needL2(s); w.set(s, 100, "old") })
		copyFile(t, filepath.Join(w.dir, "store.db"), older)
		w.with(warmBytes, func(s *tiered.Store) { w.set(s, 100, "new") })
		copyFile(t, older, filepath.Join(w.dir, "store.db"))
		w.with(warmBytes, func(s *tiered.Store) { w.want(s, 100, "old") })
	})
	t.Run("an older copy of the same version", func(t *testing.T) {
		w := newWarmStore(t)
		older := filepath.Join(t.TempDir(), "older")
		w.with(warmBytes, func(s *tiered.Store) { w.needL2(s); w.set(s, 100, "first") })
		copyFile(t, filepath.Join(w.dir, "store.db"), older)
		w.with(warmBytes, func(s *tiered.Store) { w.set(s, 100, "second") })
		copyFile(t, older, filepath.Join(w.dir, "store.db"))
		w.with(-1, func(s *tiered.Store) { w.set(s, 100, "third") }) // as many versions as the second
		w.with(warmBytes, func(s *tiered.Store) { w.want(s, 100, "third") })
	})
	t.Run("another size between", func(t *testing.T) {
		w := newWarmStore(t)
		w.with(warmBytes, func(s *tiered.Store) { w.needL2(s); w.set(s, 100, "old") })
		w.with(2*warmBytes, func(s *tiered.Store) { w.set(s, 100, "new") })
		w.with(warmBytes, func(s *tiered.Store) { w.want(s, 100, "new") })
	})
	t.Run("no L2 between", func(t *testing.T) {
		w := newWarmStore(t)
		w.with(warmBytes, func(s *tiered.Store) { w.needL2(s); w.set(s, 100, "old") })
		w.with(-1, func(s *tiered.Store) { w.set(s, 100, "new") })
		w.with(warmBytes, func(s *tiered.Store) { w.want(s, 100, "new") })
	})
	t.Run("the page file replaced by an older copy", func(t *testing.T) {
		w := newWarmStore(t)
		older := filepath.Join(t.TempDir(), "older")
		w.with(warmBytes, func(s *tiered.Store) { w.needL2(s); w.set(s, 100, "old") })
		names := w.files("pages-")
		if len(names) != 1 {
			t.Fatalf("got %v, want one page file", names)
		}
		copyFile(t, names[0], older)
		w.with(warmBytes, func(s *tiered.Store) { w.set(s, 100, "new") })
		copyFile(t, older, names[0])
		w.with(warmBytes, func(s *tiered.Store) { w.want(s, 100, "new") })
	})
	t.Run("the directory removed while the page file stays", func(t *testing.T) {
		w := newWarmStore(t)
		w.with(warmBytes, func(s *tiered.Store) { w.needL2(s); w.set(s, 100, "old") })
		if err := os.RemoveAll(w.dir); err != nil {
			t.Fatal(err)
		}
		w.with(warmBytes, func(s *tiered.Store) { w.want(s, 100, "") })
	})
	t.Run("a fresh store", func(t *testing.T) {
		w := newWarmStore(t)
		w.with(warmBytes, func(s *tiered.Store) { w.needL2(s); w.set(s, 100, "old") })
		s, err := tiered.Open(w.dir, &tiered.Options{Fresh: true, Clock: w.clock, SharedDir: w.shared, L2Bytes: warmBytes})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		w.want(s, 100, "")
	})
	t.Run("another boot", func(t *testing.T) {
		w := newWarmStore(t)
		w.with(warmBytes, func(s *tiered.Store) { w.needL2(s); w.set(s, 100, "v") })
		w.clock.Reboot(0)
		w.with(warmBytes, func(s *tiered.Store) {
			if got := w.want(s, 100, "v"); got != 0 {
				t.Errorf("answers from an L2 of another boot: got %d, want 0", got)
			}
		})
	})
}

// A backup of the store that was made while it was in use has its files as they
// were one after the other. If L2 was among them, what it held then must not be
// taken for the truth of later.
func TestHotCopyWithItsCachesServesNothingStale(t *testing.T) {
	w := newWarmStore(t)
	w.shared = filepath.Join(w.dir, "shared")
	saved := map[string]string{}
	save := func(names ...string) {
		for _, name := range names {
			saved[name] = filepath.Join(t.TempDir(), filepath.Base(name))
			copyFile(t, name, saved[name])
		}
	}
	w.with(warmBytes, func(s *tiered.Store) {
		w.needL2(s)
		w.set(s, 100, "old")
		save(w.files("pages-")...)
		w.set(s, 100, "new")
		save(w.files("control-")...)
		journal, err := filepath.Glob(filepath.Join(w.dir, "journal", "*"))
		if err != nil || len(journal) == 0 {
			t.Fatalf("journal: got %v, %v, want files", journal, err)
		}
		save(append(journal, filepath.Join(w.dir, "store.db"))...)
	})
	for name, copied := range saved {
		copyFile(t, copied, name) // the file stays the same one, as with cp
	}
	w.with(warmBytes, func(s *tiered.Store) { w.want(s, 100, "new") })
	w.with(warmBytes, func(s *tiered.Store) {
		if got := w.want(s, 100, "new"); got != 100 {
			t.Errorf("answers from L2 after an opening that was closed: got %d, want 100", got)
		}
	})
}

// Without L2 nothing of an earlier opening stays in shared memory but the words.
func TestNoL2LeavesNoPageFile(t *testing.T) {
	w := newWarmStore(t)
	w.with(warmBytes, func(s *tiered.Store) { w.needL2(s); w.set(s, 100, "v") })
	if got := w.files("pages-"); len(got) != 1 {
		t.Fatalf("with L2: got %v, want one page file", got)
	}
	w.with(-1, func(s *tiered.Store) { w.want(s, 100, "v") })
	if got := append(w.files("pages-"), w.files("tmp-")...); len(got) != 0 {
		t.Errorf("without L2: got %v, want no page file", got)
	}
	if got := w.files("control-"); len(got) != 1 {
		t.Errorf("without L2: got %v, want one control file", got)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Who answers a read, and what a write of this process leaves in L1.
func TestTiersAnswerInTurn(t *testing.T) {
	clock := storetest.NewClock()
	s, err := openTiered(t.TempDir(), &tiered.Options{Clock: clock}, tierings["all tiers"])
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	from := func(want tiered.Tier, why string) {
		t.Helper()
		it, err := s.GetItem(t.Context(), "k")
		if err != nil || it.Tier != want {
			t.Errorf("%s: got an answer from %q, %v, want %q", why, it.Tier, err, want)
		}
	}
	mustSet(t, s, "k", "v", time.Hour)
	from(tiered.TierL1, "a write fills the writer's L1")
	if err := s.Touch(t.Context(), "k", time.Hour); err != nil {
		t.Fatal(err)
	}
	from(tiered.TierL2, "a touch ends what L1 held, and puts the frame into L2")
	from(tiered.TierL1, "L2 fills L1")
	var b tiered.Batch
	b.Set("k", []byte("w"), time.Hour)
	if err := s.Write(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	from(tiered.TierL2, "a batch puts the frame into L2")
	wantValue(t, s, "k", "w")
	clock.Advance(time.Hour)
	_, err = s.Get(t.Context(), "k")
	wantErr(t, err, tiered.ErrNotFound)
}

// View lends an L1 entry without a copy, and allocates nothing.
func TestViewOfAnL1HitAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("allocations differ under the race detector")
	}
	s, err := openTiered(t.TempDir(), &tiered.Options{}, tierings["all tiers"])
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	mustSet(t, s, "k", "value", time.Hour)
	wantValue(t, s, "k", "value")
	n := 0
	view := func(v []byte) error { n += len(v); return nil }
	ctx := context.Background()
	if got := testing.AllocsPerRun(1000, func() { _ = s.View(ctx, "k", view) }); got > 0 {
		t.Errorf("allocations of a View: got %v, want 0", got)
	}
}
