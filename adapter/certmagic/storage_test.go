package certmagic_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	certs "github.com/caddyserver/certmagic"
	"github.com/stratakv/strata/adapter/certmagic"
	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
)

func openStore(t *testing.T, opts *tiered.Options) *tiered.Store {
	t.Helper()
	db, err := tiered.OpenMemory(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func newStorage(t *testing.T, db *tiered.Store, opts *certmagic.Options) *certmagic.Storage {
	t.Helper()
	s, err := certmagic.New(db, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func fill(t *testing.T, s *certmagic.Storage, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if err := s.Store(t.Context(), key, []byte("of "+key)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLoadGivesTheLastStore(t *testing.T) {
	s := newStorage(t, openStore(t, nil), nil)
	for _, want := range [][]byte{[]byte("bar"), {}, nil, []byte("\x00\xff"), bytes.Repeat([]byte("a"), 1<<20)} {
		given := bytes.Clone(want)
		if err := s.Store(t.Context(), "foo", given); err != nil {
			t.Fatal(err)
		}
		for i := range given {
			given[i]++
		}
		for range 2 {
			got, err := s.Load(t.Context(), "foo")
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("got %d bytes, %v; want the %d that were stored", len(got), err, len(want))
			}
			for i := range got {
				got[i]++
			}
		}
	}
}

// The values are those of certmagic's own test: 4 MiB of one letter each.
func TestLoadIsNeverTorn(t *testing.T) {
	s := newStorage(t, openStore(t, nil), nil)
	const size = 4 << 20
	values := [][]byte{bytes.Repeat([]byte("a"), size), bytes.Repeat([]byte("b"), size)}
	if err := s.Store(t.Context(), "foo", values[0]); err != nil {
		t.Fatal(err)
	}
	var writer sync.WaitGroup
	writer.Go(func() {
		for i := range 6 {
			if err := s.Store(t.Context(), "foo", values[(i+1)%2]); err != nil {
				t.Error(err)
			}
		}
	})
	for range 6 {
		got, err := s.Load(t.Context(), "foo")
		if err != nil || !bytes.Equal(got, values[0]) && !bytes.Equal(got, values[1]) {
			t.Errorf("got %d bytes, %v; want one of the two values, whole", len(got), err)
		}
	}
	writer.Wait()
}

func TestMissingIsErrNotExist(t *testing.T) {
	s := newStorage(t, openStore(t, nil), nil)
	fill(t, s, "dir/file")
	for _, key := range []string{"missing", "dir/missing", "dir/file/below", "di", "dir/fil"} {
		if _, err := s.Load(t.Context(), key); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Load %q: got %v, want fs.ErrNotExist", key, err)
		}
		if _, err := s.Stat(t.Context(), key); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Stat %q: got %v, want fs.ErrNotExist", key, err)
		}
		for _, recursive := range []bool{false, true} {
			if got, err := s.List(t.Context(), key, recursive); !errors.Is(err, fs.ErrNotExist) || got != nil {
				t.Errorf("List %q: got %v, %v; want fs.ErrNotExist", key, got, err)
			}
		}
	}
	if _, err := s.Load(t.Context(), "dir"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load of a directory: got %v, want fs.ErrNotExist", err)
	}
}

func TestDelete(t *testing.T) {
	tests := []struct {
		key  string
		want []string // what is left
	}{
		{"a", []string{"a-b", "ab", "ab/c"}},
		{"a/b", []string{"a", "a-b", "a/bc", "ab", "ab/c"}},
		{"a/b/c", []string{"a", "a-b", "a/b", "a/bc", "ab", "ab/c"}},
		{"ab", []string{"a", "a-b", "a/b", "a/b/c", "a/bc"}},
		{"missing", []string{"a", "a-b", "a/b", "a/b/c", "a/bc", "ab", "ab/c"}},
	}
	for _, tt := range tests {
		s := newStorage(t, openStore(t, nil), nil)
		fill(t, s, "a", "a/b", "a/b/c", "a/bc", "a-b", "ab", "ab/c")
		for range 2 {
			if err := s.Delete(t.Context(), tt.key); err != nil {
				t.Errorf("%q: got %v, want nil", tt.key, err)
			}
		}
		if got, err := s.List(t.Context(), "", true); err != nil || !reflect.DeepEqual(withoutDirs(t, s, got), tt.want) {
			t.Errorf("%q: got %v, %v; want %v", tt.key, got, err, tt.want)
		}
	}
}

func withoutDirs(t *testing.T, s *certmagic.Storage, keys []string) []string {
	var files []string
	for _, key := range keys {
		info, err := s.Stat(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if info.IsTerminal {
			files = append(files, key)
		}
	}
	return files
}

func TestExists(t *testing.T) {
	db := openStore(t, nil)
	s := newStorage(t, db, nil)
	fill(t, s, "a/b/c", "ab")
	for key, want := range map[string]bool{
		"a": true, "a/b": true, "a/b/c": true, "ab": true, "": true,
		"b": false, "a/b/c/d": false, "a/b/": true, "a/bc": false, "aa": false,
	} {
		if got := s.Exists(t.Context(), key); got != want {
			t.Errorf("%q: got %v, want %v", key, got, want)
		}
	}
	db.Close()
	if s.Exists(t.Context(), "a/b/c") {
		t.Error("got true from a closed store, want false")
	}
}

func TestList(t *testing.T) {
	s := newStorage(t, openStore(t, nil), nil)
	if got, err := s.List(t.Context(), "", true); err != nil || len(got) != 0 {
		t.Errorf("root of an empty storage: got %v, %v; want nothing", got, err)
	}
	fill(t, s, "a/b/c", "a/b/d", "a/b-x", "a/e", "ab/f", "g", "both", "both/below")
	tests := []struct {
		dir       string
		recursive bool
		want      []string
	}{
		{"a", false, []string{"a/b", "a/b-x", "a/e"}},
		{"a", true, []string{"a/b", "a/b-x", "a/b/c", "a/b/d", "a/e"}},
		{"a/", false, []string{"a/b", "a/b-x", "a/e"}},
		{"a/b", true, []string{"a/b/c", "a/b/d"}},
		{"", false, []string{"a", "ab", "both", "g"}},
		{"", true, []string{"a", "a/b", "a/b-x", "a/b/c", "a/b/d", "a/e", "ab", "ab/f", "both", "both/below", "g"}},
		{"g", true, nil},
		{"both", false, []string{"both/below"}},
	}
	for _, tt := range tests {
		got, err := s.List(t.Context(), tt.dir, tt.recursive)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q, recursive %v: got %v, %v; want %v", tt.dir, tt.recursive, got, err, tt.want)
		}
	}
	// More than the store scans in one chunk.
	for i := range 600 {
		fill(t, s, fmt.Sprintf("many/%03d", i))
	}
	if got, err := s.List(t.Context(), "many", false); err != nil || len(got) != 600 {
		t.Errorf("got %d keys, %v; want 600", len(got), err)
	}
	if err := s.Delete(t.Context(), "many"); err != nil || s.Exists(t.Context(), "many") {
		t.Errorf("the directory of 600 keys is still there, %v", err)
	}
}

func TestStat(t *testing.T) {
	clock := storetest.NewClock()
	s := newStorage(t, openStore(t, &tiered.Options{Clock: clock}), nil)
	for _, size := range []int{0, 1, 5000} {
		clock.Advance(time.Minute)
		want := certs.KeyInfo{Key: "a/b", Modified: clock.Wall(), Size: int64(size), IsTerminal: true}
		if err := s.Store(t.Context(), "a/b", make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		clock.Advance(time.Hour)
		got, err := s.Stat(t.Context(), "a/b")
		if err != nil || !got.Modified.Equal(want.Modified) {
			t.Fatalf("got %+v, %v; want %+v", got, err, want)
		}
		if got.Modified = want.Modified; got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func TestStatOfADirectory(t *testing.T) {
	clock := storetest.NewClock()
	s := newStorage(t, openStore(t, &tiered.Options{Clock: clock}), nil)
	stored := map[string]time.Time{}
	for _, key := range []string{"users/z@example.org/z.json", "users/a@example.org/a.json", "users/a@example.org/a.key"} {
		clock.Advance(time.Minute)
		stored[key] = clock.Wall()
		fill(t, s, key)
	}
	for dir, newest := range map[string]string{
		"users":               "users/a@example.org/a.key",
		"users/a@example.org": "users/a@example.org/a.key",
		"users/z@example.org": "users/z@example.org/z.json",
		"":                    "users/a@example.org/a.key",
	} {
		info, err := s.Stat(t.Context(), dir)
		if err != nil || info.IsTerminal || info.Key != dir || info.Size != 0 || !info.Modified.Equal(stored[newest]) {
			t.Errorf("%q: got %+v, %v; want a directory of %v", dir, info, err, stored[newest])
		}
	}
}

func TestKeys(t *testing.T) {
	s := newStorage(t, openStore(t, nil), nil)
	for given, same := range map[string]string{
		"/a/b/": "a/b", "a//c": "a/c", "./d": "d", "a/../e": "e", "../../f": "f", " ": " ", "ä\x00": "ä\x00",
	} {
		fill(t, s, given)
		if got, err := s.Load(t.Context(), same); err != nil || string(got) != "of "+given {
			t.Errorf("%q: got %q, %v as %q", given, got, err, same)
		}
	}
	for _, root := range []string{"", "/", ".", "a/..", ".."} {
		if err := s.Store(t.Context(), root, nil); err == nil {
			t.Errorf("Store %q: got no error", root)
		}
		if err := s.Delete(t.Context(), root); err == nil {
			t.Errorf("Delete %q: got no error", root)
		}
		if _, err := s.Load(t.Context(), root); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Load %q: got %v, want fs.ErrNotExist", root, err)
		}
	}
	if !s.Exists(t.Context(), "a/b") {
		t.Error("a refused Delete deleted")
	}
}

func TestTooLarge(t *testing.T) {
	s := newStorage(t, openStore(t, &tiered.Options{Limits: tiered.Limits{ValueBytes: 1000}}), nil)
	fill(t, s, "k")
	secret := bytes.Repeat([]byte("s"), 1000)
	err := s.Store(t.Context(), "k", secret)
	if !errors.Is(err, tiered.ErrTooLarge) || !strings.Contains(err.Error(), "1000") || strings.Contains(err.Error(), "sss") {
		t.Errorf("got %v, want ErrTooLarge with the size", err)
	}
	if got, err := s.Load(t.Context(), "k"); err != nil || string(got) != "of k" {
		t.Errorf("got %q, %v; want the old value", got, err)
	}
	if err := s.Store(t.Context(), strings.Repeat("k", tiered.MaxKeyBytes), nil); !errors.Is(err, tiered.ErrTooLarge) || len(err.Error()) > 200 {
		t.Errorf("got %d bytes of error, want ErrTooLarge without the key", len(err.Error()))
	}
}

func TestContextIsHonoured(t *testing.T) {
	s := newStorage(t, openStore(t, nil), nil)
	fill(t, s, "a/b")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	calls := map[string]error{
		"Store":  s.Store(ctx, "a/b", nil),
		"Delete": s.Delete(ctx, "a"),
	}
	_, calls["Load"] = s.Load(ctx, "a/b")
	_, calls["Stat"] = s.Stat(ctx, "a")
	_, calls["List"] = s.List(ctx, "a", true)
	for call, err := range calls {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want context.Canceled", call, err)
		}
	}
	if got, err := s.Load(t.Context(), "a/b"); err != nil || string(got) != "of a/b" {
		t.Errorf("got %q, %v; want the value of before", got, err)
	}
}

func TestForeignRecordIsCorrupt(t *testing.T) {
	db := openStore(t, nil)
	s := newStorage(t, db, nil)
	for _, record := range []string{"", "\x01short", "\x02 and long enough"} {
		if err := db.Set(t.Context(), "certmagic:file:dir/k", []byte(record), 0); err != nil {
			t.Fatal(err)
		}
		_, errLoad := s.Load(t.Context(), "dir/k")
		_, errStat := s.Stat(t.Context(), "dir/k")
		_, errDir := s.Stat(t.Context(), "dir")
		for _, err := range []error{errLoad, errStat, errDir} {
			if !errors.Is(err, tiered.ErrCorrupt) {
				t.Errorf("%q: got %v, want ErrCorrupt", record, err)
			}
		}
	}
}

func TestNothingExpires(t *testing.T) {
	clock := storetest.NewClock()
	s := newStorage(t, openStore(t, &tiered.Options{Clock: clock}), nil)
	fill(t, s, "k")
	clock.Advance(50 * 365 * 24 * time.Hour)
	if _, err := s.Load(t.Context(), "k"); err != nil {
		t.Errorf("got %v after 50 years, want the value", err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	evicting := openStore(t, &tiered.Options{Evict: true})
	_, err := certmagic.New(evicting, &certmagic.Options{Lease: time.Millisecond, Poll: -1})
	if err == nil || strings.Count(err.Error(), "certmagic: ") != 3 {
		t.Errorf("got %v, want three faults", err)
	}
}

func TestPrefix(t *testing.T) {
	db := openStore(t, nil)
	one, two := newStorage(t, db, nil), newStorage(t, db, &certmagic.Options{Prefix: "two:"})
	fill(t, one, "k")
	if two.Exists(t.Context(), "k") || !one.Exists(t.Context(), "k") {
		t.Error("two prefixes share a key")
	}
	if err := one.Lock(t.Context(), "n"); err != nil {
		t.Fatal(err)
	}
	if ok, err := two.TryLock(t.Context(), "n"); !ok || err != nil {
		t.Errorf("got %v, %v; want a lock of its own", ok, err)
	}
}
