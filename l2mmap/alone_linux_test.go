package l2mmap_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stratakv/strata/l2mmap"
	"github.com/stratakv/strata/tiered/tier"
)

// alone opens a cache in dir.
func alone(t testing.TB, dir string, opts *l2mmap.AloneOptions) *l2mmap.Alone {
	t.Helper()
	if opts == nil {
		opts = &l2mmap.AloneOptions{}
	}
	opts.Pages.Bytes = 1 << 20
	a, err := l2mmap.OpenAlone(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// gives checks what Get says; want "" stands for absence.
func gives(t testing.TB, a *l2mmap.Alone, key, want string) {
	t.Helper()
	value, found, err := a.Get(key)
	if err != nil || found != (want != "") || string(value) != want {
		t.Errorf("get %q: got %q, %v, %v, want %q", key, value, found, err, want)
	}
}

func TestAloneKeepsValues(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	opts := func() *l2mmap.AloneOptions {
		return &l2mmap.AloneOptions{Now: func() time.Time { return now }}
	}
	dir := memoryDir(t)
	a := alone(t, dir, opts())
	if errs := a.SetMany(map[string][]byte{"stays": []byte("1"), "goes": []byte("2")}, 0); len(errs) != 0 {
		t.Fatal(errs)
	}
	if err := errors.Join(a.Set("short", []byte("3"), time.Second), a.Delete("goes"), a.Delete("absent")); err != nil {
		t.Fatal(err)
	}
	if err := a.Set("k", nil, -1); !errors.Is(err, tier.ErrTTL) {
		t.Errorf("negative ttl: got %v, want ErrTTL", err)
	}
	if err := a.Set("stays", make([]byte, 1<<20), 0); !errors.Is(err, tier.ErrTooLarge) {
		t.Errorf("too large: got %v, want ErrTooLarge", err)
	}
	gives(t, a, "stays", "1")
	gives(t, a, "goes", "")
	b := alone(t, dir, opts())
	gives(t, b, "short", "3")
	now = now.Add(time.Second)
	gives(t, b, "short", "")
	if entries := a.Stats().Entries; entries != 2 {
		t.Errorf("before the purge: got %d entries, want 2", entries)
	}
	if err := b.Purge(); err != nil {
		t.Fatal(err)
	}
	if s := a.Stats(); s.Entries != 1 || b.Stats().Expired != 1 {
		t.Errorf("after the purge: got %d entries, %d expired, want 1, 1", s.Entries, b.Stats().Expired)
	}
	_ = a.Close()
	_ = b.Close()
	if err := a.Set("k", nil, 0); !errors.Is(err, tier.ErrClosed) {
		t.Errorf("set after close: got %v, want ErrClosed", err)
	}
	c, err := l2mmap.OpenAlone(dir, &l2mmap.AloneOptions{Pages: l2mmap.PageOptions{Bytes: 2 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	gives(t, c, "stays", "1") // it keeps its geometry, and what is in it
	if err := c.Clear(); err != nil {
		t.Fatal(err)
	}
	gives(t, c, "stays", "")
}

func TestAloneIterates(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	a := alone(t, memoryDir(t), &l2mmap.AloneOptions{Now: func() time.Time { return now }})
	want := map[string]string{"": "empty key"}
	for i := range 300 {
		want[key(i)] = string(frameOf(key(i), 1, i*3))
	}
	for k, v := range want {
		if err := a.Set(k, []byte(v), 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Set("expired", []byte("v"), time.Nanosecond); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Millisecond)
	got := map[string]string{}
	for k, v := range a.All() {
		got[k] = string(v)
		if err := a.Delete(k); err != nil { // the body may call the cache
			t.Fatal(err)
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %d entries, want the %d that were set", len(got), len(want))
	}
	for k := range a.All() {
		t.Fatalf("got %q after it was deleted, or expired", k)
	}
	values, errs := a.GetMany([]string{key(1), "absent"})
	if len(values)+len(errs) != 0 {
		t.Errorf("get many of what is gone: got %v, %v", values, errs)
	}
}

// TestAloneLoadLosesToChanges: what was loaded before a change of its key is
// not there after it, whether or not the key was there.
func TestAloneLoadLosesToChanges(t *testing.T) {
	dir := memoryDir(t)
	other := alone(t, dir, nil)
	for name, tc := range map[string]struct {
		change func() error
		want   string
	}{
		"nothing":          {func() error { return nil }, "loaded"},
		"delete of absent": {func() error { return other.Delete("k") }, ""},
		"set":              {func() error { return other.Set("k", []byte("set"), 0) }, "set"},
		"set and evicted":  {func() error { return errors.Join(other.Set("k", []byte("set"), 0), other.Clear()) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if err := other.Clear(); err != nil {
				t.Fatal(err)
			}
			a := alone(t, dir, &l2mmap.AloneOptions{Load: func(string) ([]byte, time.Duration, bool, error) {
				return []byte("loaded"), 0, true, tc.change()
			}})
			if value, found, err := a.Get("k"); err != nil || !found || string(value) != "loaded" {
				t.Errorf("the loading call: got %q, %v, %v, want loaded", value, found, err)
			}
			gives(t, other, "k", tc.want)
		})
	}
	broken := errors.New("broken")
	a := alone(t, dir, &l2mmap.AloneOptions{Load: func(string) ([]byte, time.Duration, bool, error) { return nil, 0, false, broken }})
	if _, _, err := a.Get("unknown"); !errors.Is(err, broken) {
		t.Errorf("got %v, want Load's error", err)
	}
	if _, errs := a.GetMany([]string{"unknown"}); !errors.Is(errs["unknown"], broken) {
		t.Errorf("get many: got %v, want Load's error", errs)
	}
}

// TestAloneWritesThrough: the cache never has what the backing store has not,
// nor an older value after a newer one was stored.
func TestAloneWritesThrough(t *testing.T) {
	dir := memoryDir(t)
	backing := map[string]string{}
	store := func(k string, v []byte, _ time.Duration) error { backing[k] = string(v); return nil }
	second := alone(t, dir, &l2mmap.AloneOptions{Store: store, Drop: func(k string) error { delete(backing, k); return nil }})
	nothing := func() error { return nil }
	before, after := nothing, nothing // what others do beside first's Store
	first := alone(t, dir, &l2mmap.AloneOptions{Store: func(k string, v []byte, ttl time.Duration) error {
		return errors.Join(before(), store(k, v, ttl), after())
	}})
	if err := first.Set("k", []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	gives(t, second, "k", "1")
	for _, beside := range []*func() error{&before, &after} {
		*beside = func() error { return second.Set("k", []byte("second's"), 0) }
		if err := first.Set("k", []byte("first's"), 0); err != nil {
			t.Fatal(err)
		}
		if value, found, _ := second.Get("k"); found && string(value) != backing["k"] {
			t.Errorf("got %q where the backing store has %q", value, backing["k"])
		}
		*beside = nothing
	}
	if err := first.Set("k", []byte("again"), 0); err != nil {
		t.Fatal(err)
	}
	if err := second.Delete("k"); err != nil || len(backing) != 0 {
		t.Errorf("delete: got %v, %v in the backing store", err, backing)
	}
	gives(t, first, "k", "")
	refused := errors.New("refused")
	after = func() error { return refused }
	if err := first.Set("k", []byte("v"), 0); !errors.Is(err, refused) {
		t.Errorf("got %v, want Store's error", err)
	}
	gives(t, first, "k", "")
}

func increment(old []byte, found bool) ([]byte, time.Duration, bool, error) {
	var n uint64
	if found {
		n = binary.LittleEndian.Uint64(old)
	}
	return binary.LittleEndian.AppendUint64(nil, n+1), 0, true, nil
}

// countUp increments two counters as often as it is told.
func countUp(dir string, _ []string, in *bufio.Reader) error {
	a, err := l2mmap.OpenAlone(dir, nil)
	if err != nil {
		return err
	}
	defer func() { _ = a.Close() }()
	fmt.Println("ready")
	var n int
	if _, err := fmt.Fscanln(in, &n); err != nil {
		return err
	}
	for range n {
		for _, key := range []string{"a", "b"} {
			if err := a.Update(key, increment); err != nil {
				return err
			}
		}
	}
	fmt.Println("done")
	return nil
}

// TestAloneUpdateIsAtomic between processes: no increment is lost.
func TestAloneUpdateIsAtomic(t *testing.T) {
	dir := memoryDir(t)
	a := alone(t, dir, nil)
	const processes, times = 3, 3000
	var children []*child
	for range processes {
		c := spawn(t, nil, "count", dir)
		c.line()
		children = append(children, c)
	}
	for _, c := range children {
		_, _ = fmt.Fprintln(c.in, times)
	}
	for _, c := range children {
		c.line()
	}
	for _, k := range []string{"a", "b"} {
		value, found, err := a.Get(k)
		if err != nil || !found || binary.LittleEndian.Uint64(value) != processes*times {
			t.Errorf("%s: got %v, %v, %v, want %d", k, value, found, err, processes*times)
		}
	}
	if err := a.Update("a", func([]byte, bool) ([]byte, time.Duration, bool, error) { return nil, 0, false, nil }); err != nil {
		t.Fatal(err)
	}
	gives(t, a, "a", "")
	calls := 0
	if err := a.Update("a", func(old []byte, found bool) ([]byte, time.Duration, bool, error) {
		if calls++; calls < 3 { // something else changes: it runs again
			if err := a.Set("a", []byte("other"), 0); err != nil {
				t.Fatal(err)
			}
		}
		return append(old, '!'), 0, true, nil
	}); err != nil || calls != 3 {
		t.Errorf("update: got %v after %d calls, want 3", err, calls)
	}
	gives(t, a, "a", "other!")
}
