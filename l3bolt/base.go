//go:build !wasm

package l3bolt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stratakv/strata/internal/failpoint"
	"github.com/stratakv/strata/tiered/tier"
	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// base is store.db. bbolt trusts its pages: on damaged ones it may panic or
// follow a pointer out of the file. Every call of it goes through view or
// update, which turn that into ErrCorrupt.
type base struct {
	path string
	file *os.File // bbolt's own descriptor; closing it frees bbolt's lock
	bolt *bolt.DB

	// begin serialises the beginnings of read transactions: one that panics
	// keeps bbolt's inner locks for good, and nobody may queue up behind it.
	begin   sync.Mutex
	retired bool        // guarded by begin: another base took its place, no read begins any more
	dead    atomic.Bool // set under begin: a beginning panicked
	onDeath func(error) // told of it; set before the first view
	stuck   atomic.Bool // a write transaction panicked and keeps bbolt's writer lock
	// shared is what reads of single records share, nil: nothing now. unshared says
	// that nothing is to be shared: an update is under way, or the base has ended.
	// Both are written under begin.
	shared   atomic.Pointer[shared]
	unshared atomic.Bool
	// The rest belongs to update's and extend's caller.
	kept    int64    // up to here the file has room that extend got
	written int64    // bytes of pages that bbolt wrote since it is the current base
	watched *touched // told which places are written; nil: nobody asks
}

const (
	storeName   = "store.db"
	lockTimeout = 500 * time.Millisecond
)

// mapSizes are tried from the left until the address range is to be had. A
// mapping larger than the file costs nothing but address space, and growing
// within it neither waits for readers nor stops new ones. On windows it would
// size the file; 32-bit systems have no room for it.
func mapSizes() []int {
	if strconv.IntSize < 64 || !mapsBeyondFile {
		return []int{0}
	}
	const gib = 1 << 30
	sizes := make([]int, 0, 4)
	for shift := 6; shift >= 0; shift -= 2 {
		sizes = append(sizes, int(int64(gib)<<shift))
	}
	return append(sizes, 0)
}

// boltOptions: the array freelist gives the lowest free page, and what follows
// it, at once, and so leaves long runs of free pages near the file's end. The
// list itself is written to such a run with each commit. The map gives pages of
// whatever run its iteration meets first: it breaks the long ones up, each commit
// then puts its list behind the file's end, and the list grows with what it left
// behind (a store of 1 M records that had 400 MiB of free pages grew by 8 MiB/s,
// and with the array not at all). The freelist is synced: without, every opening
// and every failed commit would walk the whole tree, in a goroutine of bbolt's
// whose panic on a damaged page nobody could catch.
func boltOptions(mapSize int) *bolt.Options {
	return &bolt.Options{
		Timeout: lockTimeout, FreelistType: bolt.FreelistArrayType, NoStatistics: true, InitialMmapSize: mapSize,
	}
}

// createBase builds an empty store under a temporary name and puts it in
// place, durably: a power cut during bbolt's first writes would leave a file
// that cannot be opened.
func createBase(dir string, m meta) error {
	path := filepath.Join(dir, storeName)
	temp := path + tempSuffix
	if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return cannot("remove", temp, err)
	}
	b, err := openBase(temp, 0, openFile)
	if err != nil {
		return err
	}
	err = b.update(func(tx *bolt.Tx, _ *guard) error { return m.create(tx) })
	if closeErr := b.close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return cannot("create", temp, err)
	}
	if err := syncFile(temp); err != nil {
		return cannot("sync", temp, err)
	}
	failpoint.Pass("l3bolt-create")
	if err := os.Rename(temp, path); err != nil {
		return cannot("rename", temp, err)
	}
	failpoint.Pass("l3bolt-created")
	if err := syncDir(dir); err != nil {
		return cannot("sync directory of", path, err)
	}
	return nil
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|openFlags, 0)
	if err != nil {
		return err
	}
	err = f.Sync()
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// openExisting opens a store.db that must be there.
func openExisting(path string) (*base, error) {
	if err := inspect(path); err != nil {
		return nil, err
	}
	return openMapped(path, openFile)
}

// openMapped opens or makes the file at path with as much address space as can
// be had.
func openMapped(path string, open openFunc) (b *base, err error) {
	for _, size := range mapSizes() {
		if b, err = openBase(path, size, open); !isNoMemory(err) {
			break
		}
	}
	return b, err
}

// openFunc is os.OpenFile, or like it.
type openFunc func(name string, flag int, mode os.FileMode) (*os.File, error)

func openBase(path string, mapSize int, open openFunc) (b *base, err error) {
	b = &base{path: path, onDeath: func(error) {}}
	opts := boltOptions(mapSize)
	opts.OpenFile = func(name string, flag int, mode os.FileMode) (*os.File, error) {
		f, err := open(name, flag, mode)
		b.file = f
		return f, err
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			// The mapping stays: nobody knows how far bbolt got.
			_ = b.file.Close()
			b, err = nil, damaged(path, cause)
		}
	}()
	b.bolt, err = bolt.Open(path, fileMode, opts)
	switch {
	case err == nil:
		// Grow by what is needed: steps of 16 MiB would meet a limit, or the
		// end of the disk, long before it must.
		b.bolt.AllocSize = 0
		return b, nil
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, failed(tier.ErrLocked, "open", path, err)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return nil, failed(tier.ErrCorrupt, "open", path, err)
	}
	return nil, cannot("open", path, err)
}

// damaged is the error for what bbolt panicked with.
func damaged(path string, cause any) error {
	return fmt.Errorf("%w: %s: damaged page: %v", tier.ErrCorrupt, path, cause)
}

// errRetired is beginView's, of a base that another one has replaced.
var errRetired = errors.New("replaced by a compacted file")

// beginView begins a read transaction that endView ends.
func (b *base) beginView() (tx *bolt.Tx, err error) {
	b.begin.Lock()
	defer b.begin.Unlock()
	return b.beginLocked()
}

func (b *base) beginLocked() (tx *bolt.Tx, err error) {
	if b.retired {
		return nil, errRetired
	}
	if b.dead.Load() {
		return nil, fmt.Errorf("%w: %s: damaged page", tier.ErrCorrupt, b.path)
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			b.dead.Store(true)
			tx, err = nil, damaged(b.path, cause)
			b.onDeath(err)
		}
	}()
	tx, err = b.bolt.Begin(false)
	if err != nil {
		return nil, failed(tier.ErrUnavailable, "read", b.path, err)
	}
	return tx, nil
}

// endView runs fn and ends tx.
func (b *base) endView(tx *bolt.Tx, fn func(*bolt.Tx) error) error {
	defer b.endTx(tx)
	return b.look(tx, fn)
}

// look runs fn in tx.
func (b *base) look(tx *bolt.Tx, fn func(*bolt.Tx) error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			err = damaged(b.path, cause)
		}
	}()
	return fn(tx)
}

// endTx ends a read transaction. That needs a lock that a dead base never gives
// back.
func (b *base) endTx(tx *bolt.Tx) {
	if !b.dead.Load() {
		_ = tx.Rollback()
	}
}

// update runs fn in a write transaction and commits it. It is called by one
// goroutine at a time. fn asks the guard before it touches a key. An error for
// which rolledBack is true changed nothing; after any other, store.db must not
// be written again.
func (b *base) update(fn func(*bolt.Tx, *guard) error) (err error) {
	if b.stuck.Load() || b.dead.Load() {
		return fmt.Errorf("%w: %s: damaged page", tier.ErrCorrupt, b.path)
	}
	b.unshare()
	defer b.reshare()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			b.stuck.Store(true)
			err = damaged(b.path, cause)
		}
	}()
	g, err := newGuard(b.file, b.path, b.size())
	if err != nil {
		return err
	}
	tx, err := b.bolt.Begin(true)
	if err != nil {
		return err
	}
	if b.watched != nil {
		// Whatever becomes of it: once too often does no harm.
		g.watching = true
		defer func() { b.watched.add(g.touched) }()
	}
	if err := fn(tx, g); err != nil {
		_ = tx.Rollback()
		return err
	}
	err = tx.Commit()
	stats := tx.Stats()
	b.written += stats.GetPageAlloc()
	return err
}

// rolledBack reports whether update's error left store.db as it was because
// the disk is full: a write or a growth of the file that found no room. bbolt
// then rolls back. An error of a sync, "no space" too, is never one of these:
// what it left on the disk is unknown.
func rolledBack(err error) bool {
	var pathErr *os.PathError
	if errors.As(err, &pathErr) {
		return isFull(err) && (pathErr.Op == "write" || pathErr.Op == "truncate")
	}
	// bbolt prints the error of its truncate instead of wrapping it.
	text := err.Error()
	if !strings.HasPrefix(text, "file resize error: truncate ") {
		return false
	}
	for _, full := range fullTexts() {
		if strings.HasSuffix(text, full) {
			return true
		}
	}
	return false
}

// size is that of the file.
func (b *base) size() int64 {
	info, err := b.file.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

// taken is what the file takes of the disk, what it keeps for itself included.
func (b *base) taken() int64 {
	info, err := b.file.Stat()
	if err != nil {
		return 0
	}
	return blocksOf(info)
}

// sync makes the file durable, its length too.
func (b *base) sync() error { return b.file.Sync() }

// close releases store.db and its lock, when the last reader is done.
func (b *base) close() error {
	b.unshare()
	if b.dead.Load() || b.stuck.Load() {
		// bbolt's own Close would wait for locks that nobody holds any more.
		return b.file.Close()
	}
	if err := b.bolt.Close(); err != nil {
		return failed(tier.ErrUnavailable, "close", b.path, err)
	}
	return nil
}
