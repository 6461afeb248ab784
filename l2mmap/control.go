//go:build !wasm

package l2mmap

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// ControlOptions name the store that a control file belongs to.
type ControlOptions struct {
	StoreID [16]byte // the store's random identity
	Seed    uint64   // the seed of its key hash
	// StoreDir is the store's directory. A control file in it is part of every
	// copy of the store, see [Control.Bind]; "": it lies elsewhere.
	StoreDir string
}

// Control is a store's control file: its coherence words, the clock's plan, and
// the slots by which processes know of each other's death. Every store with
// files has one, with page files or without. Methods are safe for concurrent
// use; the owner's are for the one committer of the host, or its background.
//
//  1. While a group that touches a bucket is between Begin and End, the
//     bucket's word says so to every process, and nobody trusts a copy.
//  2. After End the generation differs from every generation before Begin.
//  3. A word that no sequence of begins and ends makes detaches the control
//     file, at the owner for everyone: from then on no opening is bound, every
//     word says that something is in flight, and nobody trusts a copy any more.
//  4. In shared memory no word is trusted while no opening is bound: an owner is
//     binding, or has given the words up, or there never was one.
type Control struct {
	mem    memory
	id     [16]byte
	seed   uint64
	shared bool
	inside bool   // the file lies in the store's directory
	why    error  // why it is not shared
	place  string // the directory of the file
	host   host   // the file's locks; nil on the heap
	holder uint64 // slot | incarnation: our value of a page's lock word

	owner    atomic.Bool // Bind succeeded
	detached atomic.Pointer[string]

	gate   sync.RWMutex // held for reading while a page lock is held; guards closed
	closed bool
}

// host is what the kernel knows of the processes that have the file open.
type host interface {
	// idle reports whether no process has the slot; if so, none can take it
	// until release.
	idle(slot int) (release func(), ok bool)
	// alone reports whether no other slot is taken.
	alone() bool
	// own takes the owner's lock; false: another has it.
	own() (bool, error)
	// disown lets go of it.
	disown()
	// Close lets go of the slot and of the owner's lock.
	Close() error
}

// OpenControl opens the store's control file in dir, and creates both if there
// is none. Where memory cannot be shared, see ErrUnsupported, it gives the
// twin of [NewControl], and [Control.Shared] is false.
//
// ErrUnsafe: dir or the file is not the user's own. ErrMismatch: the file is
// damaged or another store's. ErrInUse: no slot is free, or another process
// holds the file up. A full file system is an error that matches
// syscall.ENOSPC.
func OpenControl(dir string, opts *ControlOptions) (*Control, error) {
	c, err := openControl(dir, opts, nil)
	if errors.Is(err, ErrUnsupported) {
		c = NewControl(opts)
		c.why = err
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("control file: %w", err)
	}
	return c, nil
}

// AttachControl opens the control file in dir that has the identity id, as its
// owner named it: for a process that follows that owner. It creates none.
//
// ErrMismatch: there is none, or another one. ErrUnsupported, ErrUnsafe and
// ErrInUse as for [OpenControl].
func AttachControl(dir string, opts *ControlOptions, id [16]byte) (*Control, error) {
	c, err := openControl(dir, opts, &id)
	if err != nil {
		return nil, fmt.Errorf("control file: %w", err)
	}
	return c, nil
}

// NewControl gives a control file on the heap: the same methods, for one
// process, and nothing survives it.
func NewControl(opts *ControlOptions) *Control {
	mem := newMemory(controlBytes)
	writeControlHeader(mem, newID(), opts.StoreID, opts.Seed)
	c := newControl(mem, nil)
	c.takeSlot(1)
	return c
}

// newControl puts a control over the memory of a checked control file.
func newControl(mem memory, host host) *Control {
	return &Control{mem: mem, id: mem.id(atControlID), seed: mem.load(atSeed), host: host, shared: host != nil}
}

// takeSlot makes the slot, which nobody has, this process's own. The
// incarnation tells it from those that had the slot before.
func (c *Control) takeSlot(slot int) {
	at := atSlots + slot*16
	incarnation := uint32(c.mem.load(at)) + 1
	c.mem.store(at, uint64(incarnation))
	c.mem.store(at+8, uint64(os.Getpid())) // for people who look
	c.holder = uint64(slot)<<32 | uint64(incarnation)
}

func newID() (id [16]byte) {
	_, _ = rand.Read(id[:]) // never fails
	return id
}

// Shared reports whether the words are in memory that other processes map.
func (c *Control) Shared() bool { return c.shared }

// Why says why the words are not shared; nil if they are, or were not meant
// to be.
func (c *Control) Why() error { return c.why }

// ID is the control file's random identity: two that have the same are the same.
func (c *Control) ID() [16]byte { return c.id }

// Seed is the seed of the key hash, equal in all processes.
func (c *Control) Seed() uint64 { return c.seed }

// Detached gives the reason why the words are not trusted any more, "" while
// they are. They are never trusted again.
func (c *Control) Detached() string {
	if reason := c.detached.Load(); reason != nil {
		return *reason
	}
	return ""
}

// detach stops all trust in the words, in every process if this is the owner.
func (c *Control) detach(reason string) {
	if !c.detached.CompareAndSwap(nil, &reason) || !c.owner.Load() {
		return
	}
	// One store ends the binding, for everyone and for the next opening. Then
	// the words, page of memory by page: any of them may be out of reach.
	c.mem.tryStore(atOpening, 0)
	for at := atWords; at < controlBytes; at += memoryPage {
		c.mem.tryFill(at, at+memoryPage, uint64(poison))
	}
}

// Distrust stops this process's trust in the words: something beside them was
// found that cannot be right. An owner stops everyone's.
func (c *Control) Distrust(reason string) { c.detach(reason) }

// Place is the directory in which the control file was opened, "" on the heap.
func (c *Control) Place() string { return c.place }

// memoryPage is the least that a process has within reach or not.
const memoryPage = 4096

const reasonWord = "a coherence word is impossible"

// checked gives w, or poison if it is impossible.
func (c *Control) checked(w Word) Word {
	if w.possible() {
		return w
	}
	c.detach(reasonWord)
	return poison
}

// Load gives the bucket's word. Once detached, or closed, it says that
// something is in flight; in shared memory also while no owner is bound.
func (c *Control) Load(bucket uint16) Word {
	if c.detached.Load() != nil {
		return poison
	}
	if !c.shared {
		return c.checked(Word(c.mem.load(atWords + int(bucket)*8)))
	}
	return c.loadShared(bucket)
}

// loadShared looks at the binding after the word: if it holds then, somebody
// kept the word in step when it was read. While an owner is binding, once it has
// given the words up, and in a file that has none yet, nobody does.
func (c *Control) loadShared(bucket uint16) (w Word) {
	w = poison // unless the mapping holds
	defer c.caught(debug.SetPanicOnFault(true))
	found := Word(c.mem.load(atWords + int(bucket)*8))
	if c.mem.load(atOpening) == 0 {
		return poison
	}
	return c.checked(found)
}

// Begin marks a bucket as touched by a group in flight.
func (c *Control) Begin(bucket uint16) { c.change(bucket, oneInFlight) }

// End closes one group's bracket on a bucket and returns the word that this
// very add made.
func (c *Control) End(bucket uint16) Word { return c.EndMany(bucket, 1) }

// EndMany closes the brackets of n groups at once, those that a background
// had to leave open.
func (c *Control) EndMany(bucket uint16, n uint64) Word { return c.change(bucket, endOf(n)) }

func (c *Control) change(bucket uint16, by uint64) (w Word) {
	w = poison // unless the mapping holds
	if c.detached.Load() != nil {
		return w
	}
	defer c.caught(debug.SetPanicOnFault(true))
	return c.add(bucket, by)
}

// add may come after a detach that its caller did not see yet; poison stays
// impossible.
func (c *Control) add(bucket uint16, by uint64) Word {
	return c.checked(Word(c.mem.add(atWords+int(bucket)*8, by)))
}

// SetGroup records the versions of the group that is about to be committed.
func (c *Control) SetGroup(first, last uint64) {
	c.guarded(func() {
		c.mem.store(atLast, 0)
		c.mem.store(atFirst, first)
		c.mem.store(atLast, last)
	})
}

// EndGroup records that the truth is at version, and no group in flight.
// Buckets that the group left in flight say so themselves.
func (c *Control) EndGroup(version uint64) {
	c.guarded(func() {
		c.mem.store(atVersion, version)
		c.mem.store(atLast, 0)
	})
}

func (c *Control) guarded(fn func()) {
	if c.detached.Load() == nil {
		defer c.caught(debug.SetPanicOnFault(true))
		fn()
	}
}

// ControlState is what a control file says of its store.
type ControlState struct {
	Opening     uint64 // of the binding, 0: none
	Closed      uint64 // the last one whose owner closed the file in order
	Version     uint64 // last version of the last ended group
	First, Last uint64 // versions of the group in flight; Last is 0 if there is none
	PageBytes   int    // geometry of the owner's page file
	Pages       int64  // 0: it has none
}

// State is a snapshot, of which each field is read for itself.
func (c *Control) State() (s ControlState) {
	c.guarded(func() {
		s = ControlState{
			Opening: c.mem.load(atOpening), Closed: c.mem.load(atClosed), Version: c.mem.load(atVersion),
			First: c.mem.load(atFirst), Last: c.mem.load(atLast),
			PageBytes: int(min(c.mem.load(atPageBytes), maxPageBytes+1)),
			Pages:     int64(min(c.mem.load(atPages), Buckets+1)),
		}
	})
	return s
}

// enter holds Close up until leave: a process that has a page locked must keep
// its slot. False: it is closed.
func (c *Control) enter() bool {
	c.gate.RLock()
	if c.closed {
		c.gate.RUnlock()
		return false
	}
	return true
}

func (c *Control) leave() { c.gate.RUnlock() }

// dead reports whether the holder of a page lock, as the lock word names it, is
// dead, and keeps its slot from being taken until release. It asks the kernel:
// no process id, start time or time-out is trusted.
func (c *Control) dead(holder uint64) (release func(), dead bool) {
	slot, incarnation := int(holder>>32), uint32(holder)
	if slot < 1 || slot >= slots || incarnation != uint32(c.mem.load(atSlots+slot*16)) {
		return func() {}, true // nobody ever wrote that, or one whose slot has another since
	}
	if slot == int(c.holder>>32) {
		return nil, false // another goroutine of this process
	}
	if c.host == nil {
		return func() {}, true // there is no other process
	}
	return c.host.idle(slot)
}

// Disown gives the ownership up and stays attached: another process may bind,
// or this one again. The owner's committer and background must be done before.
// Buckets that are in flight stay so until then.
func (c *Control) Disown() {
	if c.owner.Swap(false) && c.host != nil && c.enter() {
		c.host.disown()
		c.leave()
	}
}

// Close lets go of the slot, and of the ownership, once no page is locked by
// this process. The owner's committer and background must be done before.
// Later calls see words in flight. It is idempotent.
func (c *Control) Close() error {
	c.gate.Lock()
	defer c.gate.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	if c.owner.Swap(false) {
		c.guarded(func() { c.mem.store(atClosed, c.mem.load(atOpening)) })
	}
	reason := "closed"
	c.detached.CompareAndSwap(nil, &reason)
	if c.host == nil {
		return nil
	}
	return c.host.Close()
}
