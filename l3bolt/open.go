//go:build !wasm

package l3bolt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/stratakv/strata/tiered/tier"
	bolt "go.etcd.io/bbolt"
)

const (
	lockName    = "LOCK"
	journalName = "journal"
)

// Open opens the store in dir, or makes one. It replays the journal, and writes
// again and syncs the end of it, which may not have reached the disk, before it
// returns. That needs no room, and the new epoch has what store.db keeps.
//
// Errors: ErrLocked if someone has the directory open, in this process too;
// ErrCorrupt if what lies there is damaged or does not belong together;
// ErrFull if the disk has no room even for opening; ErrUnavailable for the
// rest, a store of another user that root opens included: root's files in it
// would lock that user out. None of them loses anything: the cure may be tried, and Open again.
func Open(dir string, opts *Options) (*DB, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := checkUser(dir); err != nil {
		return nil, cannot("open", dir, err)
	}
	if err := makeDir(dir); err != nil {
		return nil, cannot("make", dir, err)
	}
	d := &DB{
		dir: dir, opts: o, active: newOverlay(0),
		kick: make(chan struct{}, 1), hurry: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	d.compactor.init(o)
	d.status.init()
	d.expiry.slots = make(map[string]uint64)
	if d.lock, err = acquire(filepath.Join(dir, lockName)); err != nil {
		return nil, err
	}
	if err := d.open(); err != nil {
		return nil, errors.Join(err, d.abandon())
	}
	d.journal.start()
	go d.checkpointer()
	go d.compactions()
	return d, nil
}

// makeDir makes dir and its parents where they are missing, durably.
func makeDir(dir string) error {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		return &os.PathError{Op: "mkdir", Path: dir, Err: errors.New("not a directory")}
	}
	if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if err := makeDir(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, dirMode); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return syncDir(parent)
}

// acquire opens and takes LOCK.
func acquire(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|openFlags, fileMode)
	if errors.Is(err, syscall.EROFS) || errors.Is(err, os.ErrPermission) {
		err = fmt.Errorf("%w: %s", err, writeCure(name, err))
	}
	if err != nil {
		return nil, cannot("open", name, err)
	}
	free, err := lockFile(f)
	if err == nil && free {
		return f, nil
	}
	_ = f.Close()
	if err != nil {
		return nil, failed(tier.ErrUnavailable, "lock", name, err)
	}
	return nil, fmt.Errorf("%w: %s", tier.ErrLocked, name)
}

// writeCure says how LOCK, whose opening gave err, can be opened for writing.
func writeCure(name string, err error) string {
	if errors.Is(err, syscall.EROFS) { // for everybody
		return "the store's owner has to write here: mount the file system writable, or use another directory"
	}
	for _, of := range []string{name, filepath.Dir(name)} {
		if uid, known := userOf(of); known && uid != os.Geteuid() {
			return fmt.Sprintf("the store belongs to uid %d: run it as uid %d, or use another directory", uid, uid)
		}
	}
	return "the store's owner has to write here: make the directory writable for this user"
}

// abandon releases what a failed Open had taken.
func (d *DB) abandon() error {
	var errs []error
	if d.journal != nil {
		errs = append(errs, d.journal.close(false))
	}
	if d.base.opened() {
		errs = append(errs, d.base.close())
	}
	return errors.Join(append(errs, d.lock.Close())...)
}

// open does what follows the lock. The order makes each step repeatable: a
// crash after any of them leaves a directory that the next Open understands.
func (d *DB) open() error {
	journalDir := filepath.Join(d.dir, journalName)
	if err := d.opts.FS.MkdirAll(journalDir); err != nil {
		return cannot("make", journalDir, err)
	}
	if err := d.opts.FS.SyncDir(d.dir); err != nil {
		return failed(tier.ErrUnavailable, "sync", d.dir, err)
	}
	if err := d.openBase(); err != nil {
		return err
	}
	m, err := d.readMeta()
	if err != nil {
		return err
	}
	d.published, d.position = m.state, m.state.sequence
	d.overcount = overcount{found: m.over, told: m.over}
	if err := d.keepRoom(); err != nil {
		return err
	}
	d.journal = newJournal(d.opts.FS, journalDir, m.id, &d.opts)
	if err := d.recover(m.epoch, m.fresh); err != nil {
		return err
	}
	lost := d.adopt(m.next)
	if m.recount || lost {
		d.recount()
	}
	opening := newOpening()
	if err := d.beginEpoch(m.epoch+1, opening, lost); err != nil {
		return err
	}
	d.opened = tier.State{
		ID: m.id, Seed: m.seed, Epoch: m.epoch + 1, Opening: opening, Previous: m.opening, Version: d.published.version,
		Usage: d.published.usage.Minus(d.overcount.found), Stamp: d.published.stamp, Durable: !onMemory(d.dir), Remote: onRemote(d.dir),
	}
	d.fileBytes.Store(d.base.taken())
	return nil
}

// openBase opens store.db, and makes it first where there is none or a fresh
// one is asked for.
func (d *DB) openBase() error {
	path := filepath.Join(d.dir, storeName)
	_, err := os.Lstat(path)
	missing := errors.Is(err, os.ErrNotExist)
	if err != nil && !missing {
		return failed(tier.ErrUnavailable, "stat", path, err)
	}
	// What an interrupted creation left; the next one removes it, if this fails.
	_ = os.Remove(path + tempSuffix)
	if missing && !d.opts.Fresh {
		if err := d.refuseOrphans(path); err != nil {
			return err
		}
	}
	if missing || d.opts.Fresh {
		if err := createBase(d.dir, newMeta(d.opts.Fresh)); err != nil {
			return err
		}
	}
	b, err := openExisting(path)
	if err != nil {
		return err
	}
	d.base.open(path, b, d.wrote, d.status.breakBy)
	return nil
}

// refuseOrphans: a journal without its store.db is not a new store.
func (d *DB) refuseOrphans(path string) error {
	names, err := d.opts.FS.ReadDir(filepath.Join(d.dir, journalName))
	if err != nil {
		return failed(tier.ErrUnavailable, "read", filepath.Join(d.dir, journalName), err)
	}
	for _, name := range names {
		if _, ok := parseSegmentName(name); ok {
			return fmt.Errorf("%w: %s is missing beside journal segment %s; restore it together with its journal, or move journal/ away to begin an empty store",
				tier.ErrCorrupt, path, name)
		}
	}
	return nil
}

func (d *DB) readMeta() (meta, error) {
	var m meta
	err := d.base.view(func(tx *bolt.Tx) error {
		var err error
		if m, err = readMeta(tx); err != nil {
			return err
		}
		if d.memory, err = readMemory(tx, d.opts.Remembered); err != nil {
			return err
		}
		if k, _ := tx.Bucket(bucketExpiry).Cursor().First(); k != nil {
			d.timed.Store(true)
		}
		return nil
	})
	if err != nil {
		return m, fmt.Errorf("%s: %w", d.base.path, err)
	}
	return m, nil
}

// beginEpoch commits the new epoch, and that no foreign segments lie around
// any more.
func (d *DB) beginEpoch(epoch, opening uint64, lost bool) error {
	err := d.base.update(func(tx *bolt.Tx, g *guard) error {
		if err := g.touch(bucketMeta, metaFresh, true); err != nil {
			return err
		}
		if err := putEpoch(tx, epoch, opening); err != nil {
			return err
		}
		if lost {
			if err := d.putLoss(tx, g); err != nil {
				return err
			}
		}
		return tx.Bucket(bucketMeta).Delete(metaFresh)
	})
	switch {
	case err == nil, errors.Is(err, tier.ErrCorrupt):
		return err
	case rolledBack(err):
		return failed(tier.ErrFull, "begin an epoch in", d.base.path, err)
	}
	return failed(tier.ErrUnavailable, "begin an epoch in", d.base.path, err)
}

// Owned reports whether someone has the store in dir open; a directory without
// a store is not owned. It changes nothing.
func Owned(dir string) (bool, error) {
	name := filepath.Join(dir, lockName)
	f, err := os.OpenFile(name, os.O_RDWR|openFlags, 0)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, cannot("open", name, err)
	}
	defer f.Close()
	free, err := lockFile(f)
	return !free, err
}
