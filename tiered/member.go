//go:build !wasm

package tiered

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/stratakv/strata/host"
	"github.com/stratakv/strata/internal/failpoint"
	"github.com/stratakv/strata/l2mmap"
	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/tiered/tier"
)

// member is a store's part among the processes of its host: it opens the truth
// when this process is to own, and attaches its caches to the owner's words when
// another one does.
//
//  1. Whoever has shared words holds a pledge to them. So no owner comes with
//     other words while this process trusts these.
//  2. Caches are trusted with one control file for life: other words come with
//     new caches, L1 included, as their generations are numbers of their own.
//  3. What is attached stays when the owner ends: the words say which copies are
//     good, and the next owner repairs them in place, this process itself too.
//  4. The clock never goes back, whoever's plan it follows. It is never behind the
//     owner's while caches are attached: who does not own takes its plan from the
//     words.
//  5. Whoever has owned or followed attends from then on: a store is not emptied
//     under a process that has it open.
type member struct {
	dir    string
	fs     l3bolt.FS // of the journal; nil: the operating system's
	opts   *Options
	clock  *clock
	node   atomic.Pointer[host.Node] // set when the first owner was found
	caches *atomic.Pointer[caches]   // the store's

	learning *learning // the store's

	lastStats atomic.Pointer[Stats] // what the owner said last

	mu      sync.Mutex // guards what follows, and all changes of caches
	pledge  *l2mmap.Pledge
	present *l2mmap.Pledge // to attend
	owner   *owner         // nil: another process owns, or none
	storeID [16]byte
	bound   bool // storeID is known
	alone   *time.Timer
	closing bool
	told    string // the last warning about the caches

	without atomic.Pointer[string] // why there are no caches, if there are none
}

// aloneLimit is how long a process that may not own keeps its pledge without an
// owner: one whose words cannot be reached any more must not be kept out for
// ever.
const aloneLimit = time.Second

// own implements host.Options.Own.
func (m *member) own(context.Context) (host.Owned, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	db, err := m.open()
	if err != nil {
		return nil, err
	}
	o, err := m.begin(db)
	if err != nil {
		m.disown()
		return nil, errors.Join(err, db.Close())
	}
	failpoint.Pass("tiered-bound")
	m.opts.Fresh = false // once
	m.owner = o
	m.attend()
	return o, nil
}

// open opens the truth. Nobody may have it open when it is to begin anew, those
// neither that wait for another owner.
func (m *member) open() (*l3bolt.DB, error) {
	if m.opts.Fresh {
		release, err := l2mmap.Unpledged(m.dir)
		if err != nil {
			return nil, pledgeFault(err)
		}
		defer release()
	}
	return l3bolt.Open(m.dir, &l3bolt.Options{FS: m.fs, Fresh: m.opts.Fresh, Remembered: m.opts.Limits.Remembered, CheckpointBytes: m.opts.Limits.CheckpointBytes})
}

// pledgeFault is the error of an opening that could not have its pledge.
func pledgeFault(err error) error {
	kind := ErrUnavailable
	switch {
	case errors.Is(err, l2mmap.ErrInUse):
		kind = ErrLocked
	case errors.Is(err, syscall.ENOSPC):
		kind = ErrFull
	}
	return fmt.Errorf("%w: %w", kind, err)
}

// attend keeps (5). Where there are no such locks there is nothing to keep.
// m.mu is held.
func (m *member) attend() {
	if m.present == nil {
		m.present, _ = l2mmap.Attend(m.dir)
	}
}

// begin puts an owner above d. m.mu is held.
func (m *member) begin(d *l3bolt.DB) (*owner, error) {
	o := &owner{member: m, memory: d, failed: make(chan struct{}), stop: make(chan struct{}), watched: make(chan struct{})}
	c, err := begin(d, m.clock, m.opts, func(state tier.State) (coherence, error) {
		if err := m.identify(state.ID); err != nil {
			return nil, err
		}
		left, err := m.bind(state)
		if err != nil {
			return nil, err
		}
		o.keeper = newKeeper(m.caches.Load(), left)
		return o.keeper, nil
	})
	if err != nil {
		return nil, err
	}
	if o.trainer, err = m.learning.own(d, m.clock, m.opts.Logger); err != nil {
		o.keeper.stop()
		return nil, err
	}
	c.share = o.shareStamp
	o.shareStamp(*m.clock.plan.Load())
	c.reached.Store(d.State().Version)
	o.queue = newQueue(c, m.opts, o.release)
	o.back = o.giveBack
	go o.watch()
	return o, nil
}

// identify refuses a directory whose store is another one than before.
func (m *member) identify(id [16]byte) error {
	if m.bound && m.storeID != id {
		return fmt.Errorf("%w: the directory has another store now; open it again", ErrUnavailable)
	}
	m.storeID, m.bound = id, true
	return nil
}

// bind makes the words those of the truth as it was opened, and returns the
// buckets that stay in flight. m.mu is held.
func (m *member) bind(state tier.State) ([]l2mmap.InFlight, error) {
	if c := m.caches.Load(); c != nil {
		bound, err := c.control.Bind(truthOf(state, m.clock.bootID), c.l2)
		if err == nil {
			return bound.Left, nil
		}
		// The words are beyond repair, and say so to everyone; or another store has
		// them, whose directory is a copy.
		m.tell("the caches start cold", err)
		m.dropLocked()
	}
	one, err := newL1(m.opts)
	if err != nil {
		return nil, err
	}
	control, two, left, without := openShared(m.dir, state, m.clock.bootID, m.opts)
	m.pledge, err = l2mmap.PledgeOwner(m.dir, control)
	if errors.Is(err, l2mmap.ErrUnsupported) && !control.Shared() {
		err = nil // where nobody can pledge nobody can follow with caches
	}
	if err != nil {
		_ = newCaches(state.Seed, control, one, two, m.clock, m.opts, nil).close()
		return nil, pledgeFault(err)
	}
	m.caches.Store(newCaches(state.Seed, control, one, two, m.clock, m.opts, without))
	return left, nil
}

// follow implements host.Options.Follow.
func (m *member) follow(h host.Hello) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.identify(h.StoreID); err != nil {
		return err
	}
	m.attend()
	if m.alone != nil {
		m.alone.Stop()
		m.alone = nil
	}
	if c := m.caches.Load(); c != nil && c.control.ID() == h.Mapping && c.control.Detached() == "" {
		return nil
	}
	m.dropLocked()
	m.without.Store(nil)
	if err := m.attach(h); err != nil {
		m.tell("this process works without caches", err)
		m.clock.carryOn(h.Stamp) // as near as it gets; nothing here is judged by it
		reason := err.Error()
		m.without.Store(&reason)
	}
	return nil
}

var errNoWords = errors.New("the owner has no shared memory")

// attach attaches to the owner's words. m.mu is held.
func (m *member) attach(h host.Hello) error {
	if h.Mapping == ([16]byte{}) {
		return errNoWords
	}
	opts := &l2mmap.ControlOptions{StoreID: h.StoreID, Seed: h.Seed, StoreDir: m.dir}
	control, err := l2mmap.AttachControl(h.Place, opts, h.Mapping)
	if err != nil {
		return err
	}
	pledge, err := l2mmap.PledgeFollower(m.dir, control)
	if err != nil {
		return errors.Join(err, control.Close())
	}
	if err := m.clock.follow(h.Stamp, control); err != nil {
		return errors.Join(err, pledge.Close(), control.Close())
	}
	one, err := newL1(m.opts)
	if err != nil {
		return errors.Join(err, pledge.Close(), control.Close())
	}
	var two *l2mmap.Cache
	if m.opts.L2Bytes >= 0 && control.State().Pages > 0 {
		if two, err = l2mmap.Open(h.Place, control, nil); err != nil {
			m.tell("this process works without L2", err)
		}
	}
	m.pledge = pledge
	m.caches.Store(newCaches(h.Seed, control, one, two, m.clock, m.opts, err))
	return nil
}

// lost implements host.Options.Alone.
func (m *member) lost() {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.caches.Load()
	switch {
	case c == nil:
	case c.control.Detached() != "":
		m.dropLocked()
	case m.opts.Role == RoleFollower && m.alone == nil:
		m.alone = time.AfterFunc(aloneLimit, m.drop)
	}
}

func (m *member) drop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.alone != nil && m.owner == nil {
		m.dropLocked()
	}
}

// dropLocked gives caches, words and pledge up, in this order: a read that found
// the words before took effect before another owner could come.
func (m *member) dropLocked() {
	if c := m.caches.Swap(nil); c != nil {
		_ = c.close()
	}
	_ = m.pledge.Close()
	m.pledge = nil
}

// released is called when the owner that this process was has ended, but for
// its durable tier. m.mu is not held.
func (m *member) released(o *owner) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.owner = nil
	if !m.closing {
		m.disown()
		return nil
	}
	return m.caches.Load().close()
}

// disown leaves the words to the next owner, whose clock this process follows
// from now on (4). m.mu is held.
func (m *member) disown() {
	if c := m.caches.Load(); c != nil {
		m.clock.watch(c.control)
		c.control.Disown()
	}
}

// close ends it all; the node first, whose owner closes what it bound.
func (m *member) close() error {
	m.mu.Lock()
	m.closing = true
	m.mu.Unlock()
	err := m.node.Load().Close()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.alone != nil {
		m.alone.Stop()
	}
	m.leave()
	return err
}

// leave gives all up for good. m.mu is held, or nobody else is there.
func (m *member) leave() {
	m.dropLocked()
	_ = m.present.Close()
	m.present = nil
}

// dictionary asks the owner for a dictionary.
func (m *member) dictionary(ctx context.Context, id uint32) ([]byte, error) {
	return m.node.Load().Dictionary(ctx, id)
}

// tell warns, once of the same.
func (m *member) tell(what string, err error) {
	text := fmt.Sprint(what, err)
	if m.told == text {
		return
	}
	m.told = text
	args := []any{slog.String("package", "tiered")}
	if err != nil {
		args = append(args, slog.Any("error", err))
	}
	m.opts.Logger.Warn("strata: "+what, args...)
}

// statsLimit is how long a follower waits for the owner's counters.
const statsLimit = time.Second

// stats fills in the truth's part of st.
func (m *member) stats(st *Stats) {
	node := m.node.Load()
	ctx, cancel := context.WithTimeout(context.Background(), statsLimit)
	defer cancel()
	if b, err := node.Stats(ctx); err == nil {
		var now Stats
		if json.Unmarshal(b, &now) == nil {
			m.lastStats.Store(&now)
		}
	}
	if last := m.lastStats.Load(); last != nil {
		*st = *last
	}
	if st.Role = RoleFollower; node.Status().Role == host.RoleOwner {
		st.Role = RoleOwner
	}
}
