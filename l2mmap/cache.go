//go:build !wasm

package l2mmap

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"sync/atomic"

	"github.com/stratakv/strata/internal/failpoint"
	"github.com/stratakv/strata/tiered/tier"
)

// PageOptions are the settings of a page file. A nil *PageOptions and zero
// fields are sound defaults.
type PageOptions struct {
	// Bytes is the most that the page file takes, its own bookkeeping
	// included; 0: the geometry of the page file that the owner uses, or
	// 64 MiB if there is none. At most 512 MiB on 32-bit systems.
	Bytes int64
	// PageBytes is the size of a page, a multiple of 4 KiB up to 16 MiB; 0:
	// 256 KiB, less where Bytes is small, more where it is very large. An item
	// takes at most a quarter of a page.
	PageBytes int
}

const defaultBytes = 64 << 20

// Cache is a page file: frames that all processes of a host share. Its methods
// are safe for concurrent use, beside Close too.
//
// A call of Fill, Put or Remove locks one page, and no other lock is taken
// inside but the control file's close gate, which is outside of it. Get takes
// none.
type Cache struct {
	mem     memory
	geo     *geometry
	control *Control
	salt    uint64
	file    io.Closer // keeps the file from being removed as unused; nil on the heap

	closed   atomic.Bool
	detached atomic.Pointer[string]
	counts   [16]counts
}

// Open opens the page file of that geometry in dir, and creates it if there is
// none. Until the owner's [Control.Bind] has bound it, it holds nothing for
// anyone. A file of another geometry, control file or layout has another name
// and stays; if nobody has it open it is removed.
//
// ErrUnsupported: the system, or dir's file system, cannot share memory, or
// control is not shared itself. ErrUnsafe: dir or the file is not the user's
// own. ErrMismatch: the file is not what its name says. A full file system is
// an error that matches syscall.ENOSPC, and no file stays.
func Open(dir string, control *Control, opts *PageOptions) (*Cache, error) {
	var o PageOptions
	if opts != nil {
		o = *opts
	}
	if !control.shared {
		return nil, fmt.Errorf("page file: %w: the control file is not shared", ErrUnsupported)
	}
	geo, err := control.geometry(o)
	if err != nil {
		return nil, fmt.Errorf("page file: %w", err)
	}
	c, err := openPages(dir, control, geo)
	if err != nil {
		return nil, fmt.Errorf("page file: %w", err)
	}
	return c, nil
}

// Tidy removes what earlier openings left in dir, the place of control's store:
// page files that nobody has open, and files whose making was cut off. [Open]
// does so by itself; it is for an owner without a page file. ErrInUse: another
// process holds the control file up.
func Tidy(dir string, control *Control) error {
	if !control.shared {
		return nil
	}
	if err := tidyPages(dir, control); err != nil {
		return fmt.Errorf("page files: %w", err)
	}
	return nil
}

// geometry chooses the geometry that o asks for.
func (c *Control) geometry(o PageOptions) (*geometry, error) {
	if o.Bytes < 0 {
		return nil, fmt.Errorf("options: Bytes is negative: %d", o.Bytes)
	}
	if s := c.State(); o.Bytes == 0 && s.Pages > 0 {
		return newGeometry(s.PageBytes, s.Pages)
	}
	if o.Bytes == 0 {
		o.Bytes = defaultBytes
	}
	return geometryFor(o.Bytes, o.PageBytes)
}

// newCache puts a cache over the memory of a checked page file.
func newCache(mem memory, geo *geometry, control *Control, file io.Closer) *Cache {
	c := &Cache{mem: mem, geo: geo, control: control, file: file}
	c.salt = mix(mem.load(atFileID), mem.load(atFileID+8))
	return c
}

// page gives page n for one operation.
func (c *Cache) page(n int) page {
	at := fileHeaderBytes + n*c.geo.pageBytes
	return page{m: c.mem[at : at+c.geo.pageBytes : at+c.geo.pageBytes], g: c.geo, salt: mix(c.salt, uint64(n))}
}

// bound reports whether the page file is the one that the owner keeps in step
// with the truth. Both files must say so: an owner who gives the page file up
// may not reach its header any more, and says it in the control file.
func (c *Cache) bound() bool {
	control := c.control.mem
	opening := control.load(atOpening)
	return opening != 0 && control.load(atPages) == uint64(c.geo.pages) && c.mem.load(atFileMark) == c.markOf(opening)
}

// markOf is how a page file says that it is in step with the binding of opening:
// a number that damage does not hit upon. 0: with none.
func (c *Cache) markOf(opening uint64) uint64 {
	if opening == 0 {
		return 0
	}
	return mix(c.salt, opening) | 1
}

// mustBeBound is for changes, which only a bound page file takes. The owner who
// finds its file unbound leaves it for good: it missed a change, and must not
// be taken for bound again.
func (c *Cache) mustBeBound() error {
	if c.bound() {
		return nil
	}
	if c.control.owner.Load() && c.control.mem.load(atOpening) != 0 {
		c.detach("it is not the bound one")
	}
	return ErrDetached
}

// MaxItem is the most bytes of key and frame together that a page takes.
func (c *Cache) MaxItem() int { return c.geo.maxItem() }

// Detached gives the reason why the page file is not used any more, "" while
// it is. It is never attached again.
func (c *Cache) Detached() string {
	if reason := c.detached.Load(); reason != nil {
		return *reason
	}
	return ""
}

// detach stops all use of the page file by this process, and by all others if
// it is the owner who would have kept it in step.
func (c *Cache) detach(reason string) {
	if !c.detached.CompareAndSwap(nil, &reason) || !c.control.owner.Load() {
		return
	}
	// The header may be out of this process's reach alone, or for a while: the
	// control file says it too, to the others and to the next opening.
	c.control.mem.tryStore(atPages, 0)
	c.mem.tryStore(atFileMark, 0)
}

// usable is nil while the page file may be used.
func (c *Cache) usable() error {
	if c.closed.Load() {
		return tier.ErrClosed
	}
	if c.detached.Load() != nil || c.control.detached.Load() != nil {
		return ErrDetached
	}
	return nil
}

// Close lets go of the file; what it holds stays for the others and for the
// next opening. Later calls miss or are tier.ErrClosed. The memory stays mapped
// until the last call is over and nothing refers to the Cache.
func (c *Cache) Close() error {
	if c.closed.Swap(true) || c.file == nil {
		return nil
	}
	c.closeInOrder()
	return c.file.Close()
}

// locked runs fn in page n under its lock. Damage that fn meets resets the
// page; again says that fn shall then run once more, on the empty page.
func (c *Cache) locked(n int, w wait, fn func(p *page) error) (err error) {
	if err := c.usable(); err != nil {
		return err
	}
	if !c.control.enter() {
		return tier.ErrClosed
	}
	defer c.control.leave()
	err = ErrDetached // unless the mapping holds until the end
	p := c.page(n)
	defer c.caughtLocked(debug.SetPanicOnFault(true), &p, n)
	if lockErr := c.lockPage(&p, n, w.limit); lockErr != nil {
		return lockErr
	}
	failpoint.Pass("l2mmap-locked")
	fnErr := fn(&p)
	if errors.Is(fnErr, errDamaged) {
		c.count(n).resets.Add(1)
		p.reset()
		if fnErr = nil; w.again {
			fnErr = fn(&p)
		}
	}
	if errors.Is(fnErr, errDamaged) {
		p.reset() // somebody damages it faster than it is reset
		fnErr = nil
	}
	c.unlockPage(&p, n)
	runtime.KeepAlive(c)
	return fnErr
}

// caughtLocked must be deferred itself. After a fault the page is given back
// empty where it can still be reached, so that nobody else waits for it.
func (c *Cache) caughtLocked(before bool, p *page, n int) {
	r := recover()
	if r != nil {
		c.abandon(p, n)
	}
	debug.SetPanicOnFault(before)
	if r != nil {
		c.fault(r)
	}
}

func (c *Cache) abandon(p *page, n int) {
	defer func() {
		if r := recover(); r != nil && !faultIn(r, c.mem) {
			panic(r)
		}
	}()
	if p.held {
		p.reset()
		c.unlockPage(p, n)
	}
}
