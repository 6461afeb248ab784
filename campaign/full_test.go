//go:build linux

package campaign_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stratakv/strata/l3bolt"
	"golang.org/x/sys/unix"
)

// TestFull fills disks up by a store under load, and then to the last byte by
// a file beside it: writes are ErrFull, all that is stored stays and can be
// read, what frees room works, the store opens again, and writes recover (P2).
func TestFull(t *testing.T) {
	n := rounds(t, "STRATA_FULL_ROUNDS", 1)
	refused := 0
	for range n {
		for _, c := range fullCases() {
			t.Run(c.name, func(t *testing.T) {
				f := &fullStore{t: t, dir: c.dir(t), clock: newStepClock(), fullCase: c, want: map[string][]byte{}}
				f.life()
				refused += f.refused
			})
		}
	}
	if t.Failed() || refused == 0 {
		t.Fatalf("%d writes refused: the campaign is not complete", refused)
	}
	report(t, row{
		fault:   "Full disk",
		where:   "tmpfs of 24 and 64 MiB, ext4 of 40 and 80 MiB, with none and with most of the records in store.db, filled by 4 writers and then by a neighbor who takes every byte that is given back; RLIMIT_FSIZE of 4 MiB",
		often:   fmt.Sprintf("%d times each, %d writes refused", n, refused),
		result:  "`ErrFull`; nothing lost; reads, `Delete`, shorter `Touch`, expiry and reopening work; writes recover, by deletions alone and by room",
		control: fullControl(t),
	})
}

// fullControl: a store that takes EFBIG for done loses writes, and the judge
// must see it.
func fullControl(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "store")
	lift := limitFiles(t, dir)
	swallow := plainFS{write: func(error) error { return nil }}
	s, err := openSingle(dir, &l3bolt.Options{FS: swallow, SpareBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	ld := load{Writers: 1, Keys: 1000, First: 1, Ops: 1, Bytes: 2 * fullValue}
	book := newLedger()
	for _, key := range ld.keys() {
		if operate(ld, s, key, 1) == nil {
			_ = book.note(ended, key, 1)
		}
	}
	lift()
	to := filepath.Join(t.TempDir(), "store") // as a kill would leave it
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	_ = s.close()
	after, err := openSubject(small, to)
	if err != nil {
		t.Fatal(err)
	}
	defer after.close()
	if _, err := book.judge(ld, after, false); !errors.Is(err, errLost) {
		t.Errorf("control: got %.200v by a store that takes EFBIG for done, want a loss", err)
	}
	return "a store that takes `EFBIG` for done loses writes"
}

type fullCase struct {
	name  string
	limit bool // of files, not of the disk
	// stored is how many records are in store.db before the disk gets full; all
	// others wait in the journal then.
	stored int
	dir    func(t *testing.T) string
	// fill takes the rest of the room, or the limit, and returns what gives it back.
	fill func(t *testing.T, dir string) (free func())
}

func fullCases() []fullCase {
	tmpfs := func(mib int) func(t *testing.T) string {
		return func(t *testing.T) string { return mountTmpfs(t, mib<<20) }
	}
	ext4 := func(mib int64) func(t *testing.T) string {
		return func(t *testing.T) string {
			v := newVolume(t, mib<<20)
			v.mount("commit=5")
			return v.dir
		}
	}
	temp := func(t *testing.T) string { return t.TempDir() }
	return []fullCase{
		{"tmpfs", false, 0, tmpfs(24), neighbor},
		{"tmpfs, mostly stored", false, 4000, tmpfs(64), neighbor},
		{"ext4", false, 0, ext4(40), neighbor},
		{"ext4, mostly stored", false, 4500, ext4(80), neighbor},
		{"file size", true, 0, temp, limitFiles},
	}
}

// neighbor writes a file beside the store until not a byte more is to be had,
// and goes on trying: what the store gives back he takes.
func neighbor(t *testing.T, dir string) func() {
	t.Helper()
	name := filepath.Join(dir, "neighbor")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := eat(f); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("filling up: got %v, want ENOSPC", err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				_ = eat(f)
			}
		}
	}()
	leave := sync.OnceFunc(func() {
		close(stop)
		<-stopped
		_ = f.Close()
		if err := os.Remove(name); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(leave)
	return leave
}

// eat writes until there is no room, and returns the error that says so.
func eat(f *os.File) (err error) {
	for size := 1 << 20; size > 0; {
		if _, err = f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	return err
}

// limitFiles lets no file of this process grow beyond 4 MiB.
func limitFiles(t *testing.T, _ string) func() {
	t.Helper()
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 4 << 20, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	lift := sync.OnceFunc(func() {
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &old); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(lift)
	return lift
}

// stepClock is a host clock that stands until it is stepped.
type stepClock struct {
	mu   sync.Mutex
	wall time.Time // guarded by mu
	boot time.Duration
}

func newStepClock() *stepClock { return &stepClock{wall: time.Now(), boot: time.Hour} }

func (c *stepClock) Wall() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall
}

func (c *stepClock) Boot() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.boot
}

func (c *stepClock) BootID() string { return "this boot" }

func (c *stepClock) step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall, c.boot = c.wall.Add(d), c.boot+d
}
