package tiered_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stratakv/strata/tiered"
)

// poke changes the mapped memory of the one file in shared that fits pattern,
// as another process would.
func poke(t *testing.T, shared, pattern string, fn func(m []byte)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(shared, "*", "*", pattern))
	if more, _ := filepath.Glob(filepath.Join(shared, "*", pattern)); len(files) == 0 {
		files = more
	}
	if err != nil || len(files) != 1 {
		t.Fatalf("files %s: got %v, %v, want one", pattern, files, err)
	}
	f, err := os.OpenFile(files[0], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	m, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	fn(m)
	if err := unix.Munmap(m); err != nil {
		t.Fatal(err)
	}
}

// setLocks writes holder into the lock word of every page. 1<<32|1 is this
// process itself, which nobody takes for dead.
func setLocks(t *testing.T, shared string, holder uint64) {
	t.Helper()
	const header, pageBytes, atLock = 4096, 256 << 10, 8
	poke(t, shared, "pages-v*", func(m []byte) {
		for at := header; at+pageBytes <= len(m); at += pageBytes {
			binary.NativeEndian.PutUint64(m[at+atLock:], holder)
		}
	})
}

func openStuck(t *testing.T) (s *tiered.Store, shared string) {
	t.Helper()
	shared = filepath.Join(t.TempDir(), "shared")
	s, err := tiered.OpenOver(newToyDurable(), t.TempDir(), &tiered.Options{
		L1Bytes: -1, L2Bytes: 8 << 20, SharedDir: shared, SweepEvery: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if !s.Stats().L2.Attached {
		t.Skip("this host has no L2")
	}
	return s, shared
}

// However many groups have to leave a bucket whose page is stuck, it is in
// flight once, and what is remembered of it is bounded; when the page is free
// again the bucket is trusted again.
func TestStuckPageLeavesOneBracket(t *testing.T) {
	s, shared := openStuck(t)
	mustSet(t, s, "k", "old", 0)
	setLocks(t, shared, 1<<32|1)
	for i := range 300 {
		mustSet(t, s, "k", fmt.Sprint(i), 0)
		wantValue(t, s, "k", fmt.Sprint(i))
	}
	if got := s.InFlight("k"); got != 1 {
		t.Errorf("in flight after 300 writes: got %d, want 1", got)
	}
	var b tiered.Batch
	for i := range 3000 {
		b.Set(fmt.Sprint(i), nil, 0)
	}
	if err := s.Write(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	if got := s.LeftKeys(); got > 4000 {
		t.Errorf("keys and buckets remembered: got %d, want at most 4000", got)
	}
	setLocks(t, shared, 0)
	deadline := time.After(time.Minute)
	for s.InFlight("k") != 0 || s.LeftKeys() != 0 {
		select {
		case <-deadline:
			t.Fatalf("a minute after the page is free: in flight %d, %d keys left", s.InFlight("k"), s.LeftKeys())
		case <-time.Tick(time.Millisecond):
		}
	}
	wantValue(t, s, "k", "299")
	it, err := s.GetItem(t.Context(), "k")
	if err != nil || it.Tier != tiered.TierL2 || string(it.Value) != "299" {
		t.Errorf("got %q from %s, %v, want 299 from l2", it.Value, it.Tier, err)
	}
}

// Close does not wait for a page that is stuck.
func TestCloseBesideAStuckPage(t *testing.T) {
	s, shared := openStuck(t)
	setLocks(t, shared, 1<<32|1)
	for i := range 200 {
		mustSet(t, s, fmt.Sprint(i), "v", 0)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Words that are impossible end the caches, not the store; Stats says so.
func TestDetachedCachesAreSaidInStats(t *testing.T) {
	s, shared := openStuck(t)
	mustSet(t, s, "k", "v", 0)
	poke(t, shared, "control-v*", func(m []byte) {
		for at := len(m) - 65536*8; at < len(m); at += 8 {
			binary.NativeEndian.PutUint64(m[at:], 0xffff)
		}
	})
	wantValue(t, s, "k", "v")
	mustSet(t, s, "k", "w", 0)
	wantValue(t, s, "k", "w")
	if st := s.Stats().L2; st.Attached || st.Detached == "" {
		t.Errorf("got attached %v, detached %q, want a reason", st.Attached, st.Detached)
	}
}
