//go:build !wasm

package l2mmap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/zeebo/xxh3"
)

// Truth is what the durable tier says when it was opened.
type Truth struct {
	// Opening is the random identity of this opening, never 0, and Previous that
	// of the one before it.
	Opening, Previous uint64
	Version           uint64 // the last version given
	BootID            string // of the running boot; "" is unknown and equals no other
}

// Bound says what [Control.Bind] found.
type Bound struct {
	// Wiped says why nothing that was cached is trusted any more; "" if the
	// control file was in step with the truth.
	Wiped string
	// PagesWiped likewise, of the page file alone: "" if it was in step too, or
	// if Wiped says it all.
	// If the page file is detached, it is the reason.
	PagesWiped string
	// Repaired is the number of buckets that a dead owner had left in flight.
	Repaired int
	// Left are buckets whose page somebody keeps locked. They stay in flight,
	// and are the background's, see [Control.Repair].
	Left []InFlight
}

// InFlight is a bucket that stays in flight, with the number of brackets that
// its repairer has to close.
type InFlight struct {
	Bucket uint16
	Groups uint64
}

// Bind makes this process the owner and ties control file and page file, nil
// for none, to the truth as it was opened. Its caller has the store's own lock.
//
//  1. One owner at a time: it takes the owner's lock of the control file, which
//     the kernel frees at its death. ErrInUse: a store of the same identity has
//     it, a copy of the directory for instance.
//  2. From here to the end the bound opening is 0, and no process uses any
//     page file. An owner that dies in between leaves it 0, which 5 refuses.
//  3. Another boot, or an unknown one, wipes: memory and disk were cut off at
//     different moments.
//  4. Files in the store's directory wipe that their owner has not closed in
//     order, unless another process has them open, and so has had them since
//     there was an owner: they may be of a copy that was made while they were in
//     use, each piece at another moment. What an owner closes he marks, the page
//     file for itself.
//  5. The truth's opening before this one must be the one that was bound. Any
//     other says that the store was opened without this control file, or is
//     another copy: wipe. (Openings are random: numbers that count come again
//     in a copy that was restored.)
//  6. The truth's version must be the last ended one; or, if the group in
//     flight begins right after that, the last of that group: a commit is whole
//     or has not happened. Anything else wipes.
//  7. Words that no begins and ends make wipe as well. If other processes are
//     attached their tags cannot be told from new ones: ErrDetached.
//  8. If nothing wipes, the buckets in flight are repaired: their entries
//     removed under the page's lock, then generation+1 and minus the groups
//     found in flight. A page that cannot be locked leaves its buckets in
//     flight.
//  9. To wipe is to repair all buckets: each is put in flight, all pages are
//     emptied, then each word ends with generation+1, so that nobody's tag and
//     nobody's fill of before is good any more.
//  10. The page file must have been in step until now: its mark is that of the
//     opening that was bound before, and the control file names its geometry. If
//     not (another size was used in between, or it was detached, or is new) it is
//     emptied.
//  11. Last of all the page file gets the opening's mark, and then the control
//     file the opening, which makes it the binding.
//
// Any other error is ErrDetached: the control file is damaged or out of reach.
// A page file that is out of reach is no error; it is detached.
func (c *Control) Bind(truth Truth, pages *Cache) (bound Bound, err error) {
	if err := c.own(); err != nil {
		return Bound{}, err
	}
	if c.detached.Load() != nil {
		return Bound{}, ErrDetached
	}
	err = ErrDetached // unless the mapping holds until the end
	defer c.caught(debug.SetPanicOnFault(true))
	before := c.State()
	c.mem.store(atOpening, 0)
	bound.Wiped = c.unexplained(before, truth)
	if impossible := c.impossible(); impossible != "" {
		if c.host != nil && !c.host.alone() {
			c.detach(impossible)
			return bound, fmt.Errorf("%w: %s", ErrDetached, impossible)
		}
		bound.Wiped = impossible
		for b := range Buckets {
			c.mem.store(atWords+b*8, 0)
		}
	}
	c.commitBinding(truth, c.align(before, pages, &bound))
	if c.detached.Load() != nil {
		c.mem.store(atOpening, 0) // the detach may have said so before the binding
		return bound, ErrDetached
	}
	return bound, nil
}

// own takes the ownership.
func (c *Control) own() error {
	if !c.enter() {
		return ErrDetached
	}
	defer c.leave()
	if c.host != nil {
		ok, err := c.host.own()
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("control file: %w: another owner", ErrInUse)
		}
	}
	c.owner.Store(true)
	return nil
}

// unexplained applies the rules 3 to 6.
func (c *Control) unexplained(s ControlState, truth Truth) string {
	boot := bootHash(truth.BootID)
	switch {
	case s.Opening == 0:
		return "not bound before"
	case truth.BootID == "" || c.mem.id(atBoot) != boot:
		return "another boot"
	case s.Closed != s.Opening && c.mayBeCopy():
		return "not closed in order, and perhaps a copy"
	case truth.Previous != s.Opening:
		return "opened without this control file, or another copy"
	case truth.Version == s.Version:
		return ""
	case s.Last != 0 && s.First == s.Version+1 && s.Last >= s.First && truth.Version == s.Last:
		return ""
	}
	return fmt.Sprintf("version %d is not %d, nor the end of the group in flight", truth.Version, s.Version)
}

func bootHash(bootID string) (id [16]byte) {
	h := xxh3.HashString128("boot " + bootID)
	binary.LittleEndian.PutUint64(id[:8], h.Lo)
	binary.LittleEndian.PutUint64(id[8:], h.Hi)
	return id
}

// mayBeCopy reports whether the files may be a copy of those that were in use, as
// rule 4 has it.
func (c *Control) mayBeCopy() bool { return c.inside && c.host.alone() }

// impossible applies rule 7.
func (c *Control) impossible() string {
	for b := range Buckets {
		if !Word(c.mem.load(atWords + b*8)).possible() {
			return reasonWord
		}
	}
	return ""
}

// align applies the rules 8 to 10, and returns the page file that is in step
// from now on: nil if it could not be brought there.
func (c *Control) align(before ControlState, pages *Cache, bound *Bound) *Cache {
	wiped := bound.Wiped != ""
	if wiped {
		c.beginIdle(0, Buckets)
	}
	clean := false
	locked := map[int]bool{}
	if pages != nil && (wiped || !pages.inStepWith(before)) {
		clean = true
		if !wiped {
			bound.PagesWiped = "not in step with the control file before"
		}
		left, err := pages.wipe()
		if err != nil {
			pages, bound.PagesWiped = nil, err.Error()
		}
		for _, n := range left {
			locked[n] = true
			c.beginIdle(pages.geo.bucketsOf(n))
		}
	}
	for b := range Buckets {
		f := InFlight{Bucket: uint16(b), Groups: Word(c.mem.load(atWords + b*8)).InFlight()}
		if f.Groups == 0 {
			continue
		}
		if c.repairUnless(locked, f, pages, clean) {
			if !wiped {
				bound.Repaired++
			}
		} else {
			bound.Left = append(bound.Left, f)
		}
	}
	return pages
}

// beginIdle puts the buckets [b, end) in flight, those that are not already.
func (c *Control) beginIdle(b, end int) {
	for ; b < end; b++ {
		if Word(c.mem.load(atWords+b*8)).InFlight() == 0 {
			c.Begin(uint16(b))
		}
	}
}

// repairUnless repairs f, unless its page is or gets among the locked ones.
// clean says that all others were emptied already.
func (c *Control) repairUnless(locked map[int]bool, f InFlight, pages *Cache, clean bool) bool {
	if pages == nil {
		return c.Repair(f, nil) == nil
	}
	n := pages.geo.pageOf(f.Bucket)
	if locked[n] {
		return false
	}
	if clean {
		pages = nil
	}
	if c.Repair(f, pages) == nil {
		return true
	}
	locked[n] = true
	return false
}

// commitBinding applies rule 11.
func (c *Control) commitBinding(truth Truth, pages *Cache) {
	c.mem.store(atVersion, truth.Version)
	c.mem.store(atLast, 0)
	c.mem.setID(atBoot, bootHash(truth.BootID))
	c.mem.store(atPages, 0)
	if pages != nil {
		c.mem.store(atPageBytes, uint64(pages.geo.pageBytes))
		c.mem.store(atPages, uint64(pages.geo.pages))
		pages.setMark(truth.Opening)
	}
	if pages != nil && pages.detached.Load() != nil {
		c.mem.store(atPages, 0) // it may have said so before this binding did
	}
	c.mem.store(atOpening, truth.Opening)
}

// Repair ends a bucket that was left in flight: it removes the bucket's entries
// from pages, nil for none, and then adds one generation and takes off
// f.Groups. ErrLockedPage: the page is still locked; nothing was done, and it
// is to be tried again.
func (c *Control) Repair(f InFlight, pages *Cache) error {
	if pages != nil {
		if err := pages.wipeBucket(f.Bucket); errors.Is(err, ErrLockedPage) {
			return err // any other says that nobody uses the page file
		}
	}
	c.EndMany(f.Bucket, f.Groups)
	return nil
}
