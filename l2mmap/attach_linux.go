package l2mmap

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// locks are a control file's, as this process has them.
type locks struct {
	f    *os.File
	slot int
}

func (l *locks) idle(slot int) (release func(), ok bool) {
	ok, err := lock(l.f, unix.F_WRLCK, lockSlots+int64(slot), 1)
	if err != nil || !ok {
		return nil, false
	}
	return func() { _, _ = lock(l.f, unix.F_UNLCK, lockSlots+int64(slot), 1) }, true
}

// alone leaves out the slot that is this process's own: the kernel would merge
// the ranges, and free it with them.
func (l *locks) alone() bool {
	return l.free(1, l.slot) && l.free(l.slot+1, slots)
}

func (l *locks) free(first, end int) bool {
	if first == end {
		return true
	}
	start, length := lockSlots+int64(first), int64(end-first)
	ok, err := lock(l.f, unix.F_WRLCK, start, length)
	if err != nil || !ok {
		return false
	}
	_, err = lock(l.f, unix.F_UNLCK, start, length)
	return err == nil
}

// ownLimit bounds the wait for the lock of an owner that has just died: the
// kernel frees the store's own lock before it.
const ownLimit = 100 * time.Millisecond

func (l *locks) own() (bool, error) {
	err := lockWithin(l.f, unix.F_WRLCK, lockOwner, ownLimit)
	if errors.Is(err, ErrInUse) {
		return false, nil
	}
	return err == nil, err
}

func (l *locks) disown() { _, _ = lock(l.f, unix.F_UNLCK, lockOwner, 1) }

func (l *locks) Close() error { return unlockAndClose(l.f) }

// using is a page file that this process has open.
type using struct{ f *os.File }

func (u using) Close() error { return unlockAndClose(u.f) }

// unlockAndClose frees all locks of f itself: the kernel would keep them as
// long as the mapping, which outlives the descriptor.
func unlockAndClose(f *os.File) error {
	_, err := lock(f, unix.F_UNLCK, lockGate, lockSlots+slots-lockGate)
	return errors.Join(err, f.Close())
}

// takeSlot takes the first slot that nobody has.
func (l *locks) takeSlot() error {
	for slot := 1; slot < slots; slot++ {
		ok, err := lock(l.f, unix.F_WRLCK, lockSlots+int64(slot), 1)
		if err != nil {
			return err
		}
		if ok {
			l.slot = slot
			return nil
		}
	}
	return fmt.Errorf("%w: all %d slots are taken", ErrInUse, slots-1)
}

// openControl opens or creates the control file in dir; with an id only the
// file that has it, which is there already.
func openControl(dir string, opts *ControlOptions, id *[16]byte) (*Control, error) {
	if !littleEndian() {
		return nil, fmt.Errorf("%w: big-endian", ErrUnsupported)
	}
	d, err := openControlFolder(dir, id)
	if err != nil {
		return nil, err
	}
	defer func() { _ = d.close() }()
	fill := func(m memory) { writeControlHeader(m, newID(), opts.StoreID, opts.Seed) }
	check := func(m memory) error { return checkControlHeader(m, opts.StoreID, opts.Seed) }
	var c *Control
	use := func(f *os.File, m memory) error {
		l := &locks{f: f}
		if err := lockWithin(f, unix.F_WRLCK, lockGate, gateLimit); err != nil {
			return err
		}
		if unlinked(f) {
			return errVanished
		}
		if err := l.takeSlot(); err != nil {
			return err
		}
		c = newControl(m, l)
		c.place, c.inside = dir, within(opts.StoreDir, dir)
		err := guard(m, func() error { c.takeSlot(l.slot); return nil })
		_, _ = lock(f, unix.F_UNLCK, lockGate, 1)
		return err
	}
	if id == nil {
		err = d.attach(controlName(), controlBytes, fill, check, use)
	} else {
		err = d.attachOnce(controlName(), controlBytes, checkID(*id, check), use)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errVanished) {
			err = fmt.Errorf("%w: %w", ErrMismatch, err)
		}
	}
	if err != nil {
		return nil, err
	}
	runtime.AddCleanup(c, unmap, c.mem)
	return c, nil
}

// openControlFolder makes the folder only for whoever may make a file in it.
func openControlFolder(dir string, id *[16]byte) (*folder, error) {
	if id == nil {
		return openFolder(dir)
	}
	d, err := openThere(dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %w", ErrMismatch, err)
	}
	return d, err
}

// checkID is check, and refuses a control file of another identity.
func checkID(id [16]byte, check func(memory) error) func(memory) error {
	return func(m memory) error {
		if err := check(m); err != nil {
			return err
		}
		if m.id(atControlID) != id {
			return fmt.Errorf("%w: not the owner's", ErrMismatch)
		}
		return nil
	}
}

// tidyPages removes the page files in dir that nobody has open.
func tidyPages(dir string, control *Control) error {
	d, err := openThere(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.close() }()
	unlock, err := control.lockGate()
	if err != nil {
		return err
	}
	defer unlock()
	d.tidy("")
	return nil
}

// openPages opens or creates the page file of that geometry in dir.
func openPages(dir string, control *Control, geo *geometry) (*Cache, error) {
	d, err := openFolder(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = d.close() }()
	name := pagesName(control.id, geo)
	unlock, err := control.lockGate()
	if err != nil {
		return nil, err
	}
	defer unlock()
	d.tidy(name)
	fill := func(m memory) { writeFileHeader(m, newID(), control.id, geo, control.seed) }
	check := func(m memory) error { return checkFileHeader(m, control.id, geo, control.seed) }
	var c *Cache
	err = d.attach(name, geo.fileBytes(), fill, check, func(f *os.File, m memory) error {
		if err := lockWithin(f, unix.F_RDLCK, lockUse, gateLimit); err != nil {
			return err
		}
		if unlinked(f) {
			return errVanished
		}
		return guard(m, func() error { c = newCache(m, geo, control, using{f}); return nil })
	})
	if err != nil {
		return nil, err
	}
	runtime.AddCleanup(c, unmap, c.mem)
	return c, nil
}

// lockGate keeps others from attaching, creating and removing.
func (c *Control) lockGate() (unlock func(), err error) {
	l, ok := c.host.(*locks)
	if !ok {
		return func() {}, nil
	}
	if err := lockWithin(l.f, unix.F_WRLCK, lockGate, gateLimit); err != nil {
		return nil, err
	}
	return func() { _, _ = lock(l.f, unix.F_UNLCK, lockGate, 1) }, nil
}

// tidy removes page files of other geometries, control files and layouts, and
// files whose making was cut off, if nobody has them open.
func (d *folder) tidy(keep string) {
	for _, prefix := range []string{pagesPrefix, tempPrefix} {
		names, _ := d.names(prefix)
		for _, name := range names {
			if name != keep {
				d.removeIdle(name)
			}
		}
	}
}

// errVanished: the file lost its name while it was being opened.
var errVanished = errors.New("removed meanwhile")

// attach opens the file of that name, or creates it, and maps it; use takes
// over both. A file that is damaged is replaced if nobody has it open.
func (d *folder) attach(name string, size int64, fill func(memory), check func(memory) error,
	use func(f *os.File, m memory) error) error {
	var err error
	for begun := time.Now(); time.Since(begun) < gateLimit; {
		err = d.attachOnce(name, size, check, use)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			err = d.create(name, size, fill)
			if err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
		case errors.Is(err, errDamagedFile):
			if !d.removeIdle(name) {
				return err
			}
		case !errors.Is(err, errVanished):
			return err
		}
	}
	return fmt.Errorf("%s: %w: it does not come to rest: %w", name, ErrInUse, err)
}

func (d *folder) attachOnce(name string, size int64, check func(memory) error, use func(f *os.File, m memory) error) error {
	f, err := d.open(name, size)
	if err != nil {
		return err
	}
	m, err := mapFile(f, size)
	if err != nil {
		_ = f.Close()
		return err
	}
	err = guard(m, func() error { return check(m) })
	if err == nil {
		err = use(f, m)
	}
	if err != nil {
		unmap(m)
		_ = f.Close()
		if !errors.Is(err, errVanished) {
			err = fmt.Errorf("%s: %w", f.Name(), err)
		}
	}
	return err
}
