package main

import (
	"errors"
	"sync"
	"time"
)

// ledger is what the load generator knows of its keys: of each the highest
// version that any worker was shown, in an acknowledgement or an answer. As the
// store is linearizable per key, each request that begins later must be shown
// that version or a higher one. Fixed memory; safe for concurrent use.
type ledger struct {
	stripes [64]sync.Mutex // stripe i%64 guards entries[i]
	entries []entry
}

// entry is the knowledge of one key; the zero entry is none.
type entry struct {
	version uint64    // 0: it may be absent
	known   bool      // whether sum is known
	sum     uint32    // of the value with version
	until   time.Time // it cannot have expired before
}

var (
	errStale    = errors.New("an older version than one shown before")
	errLost     = errors.New("not found, although written and not expired")
	errTwoFaced = errors.New("two values under one version")
)

func newLedger(keys int) *ledger { return &ledger{entries: make([]entry, keys)} }

func (l *ledger) stripe(i int) *sync.Mutex { return &l.stripes[i%len(l.stripes)] }

// floor is what is known of key i before a request begins.
func (l *ledger) floor(i int) entry {
	mu := l.stripe(i)
	mu.Lock()
	defer mu.Unlock()
	return l.entries[i]
}

// shown notes that a read of key i that began at floor was answered with e.
func (l *ledger) shown(i int, floor, e entry) error {
	if e.version < floor.version {
		return errStale
	}
	return l.note(i, e)
}

// wrote notes that a write that began at floor was acknowledged as e.
func (l *ledger) wrote(i int, floor, e entry) error {
	if e.version <= floor.version {
		return errStale
	}
	return l.note(i, e)
}

// missed judges that a read that began when the entry was known found nothing,
// at now.
func (e entry) missed(now time.Time) error {
	if e.version != 0 && now.Before(e.until) {
		return errLost
	}
	return nil
}

// stored notes that key i was written, with a version that was not told.
func (l *ledger) stored(i int, until time.Time) {
	mu := l.stripe(i)
	mu.Lock()
	defer mu.Unlock()
	if e := &l.entries[i]; e.version == 0 {
		*e = entry{version: 1, until: until}
	}
}

func (l *ledger) note(i int, e entry) error {
	mu := l.stripe(i)
	mu.Lock()
	defer mu.Unlock()
	have := &l.entries[i]
	switch {
	case e.version > have.version || e.version == have.version && !have.known:
		*have = e
	case e.version == have.version && e.sum != have.sum:
		return errTwoFaced
	}
	return nil
}
