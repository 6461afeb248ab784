//go:build !wasm

package tiered

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/stratakv/strata/l2mmap"
	"github.com/stratakv/strata/tiered/tier"
)

// flights are the loads under way that others may share: those of a key by
// callers that read the same word with nothing in flight. No write of the
// bucket was published between the first one's reading of the word and the
// last one's, or the word would differ; so what the load finds was the truth
// at some moment of each caller's own call.
//
// A load has the slot of its hash from its beginning to its end. One whose slot
// another key has is not shared: nobody waits for another key, nothing is
// locked, and there are as many shared loads as slots at most.
type flights struct {
	slots [flightSlots]atomic.Pointer[flight] // written by whoever loads
}

const flightSlots = 512

// flight is one load.
type flight struct {
	key  string
	word l2mmap.Word

	mu   sync.Mutex    // guards done and over
	done chan struct{} // closed at the end, if anybody waits
	over bool

	// What the load gave: written by whoever loads, read once it is over.
	rec   tier.Record
	found bool
	err   error
}

// take gives the flight that is under way for key and w, or nil and the
// caller's own, which ends with land; both are nil if the slot has another.
func (f *flights) take(key string, p place) (under, own *flight) {
	slot := f.slot(p)
	if under = slot.Load(); under == nil {
		own = &flight{key: key, word: p.word, err: tier.ErrUnavailable}
		if slot.CompareAndSwap(nil, own) {
			return nil, own
		}
		under = slot.Load()
	}
	if under == nil || under.key != key || under.word != p.word {
		return nil, nil
	}
	return under, nil
}

func (f *flights) slot(p place) *atomic.Pointer[flight] { return &f.slots[p.hash%flightSlots] }

// land gives the slot back and wakes who waits.
func (f *flights) land(p place, own *flight) {
	f.slot(p).Store(nil)
	own.mu.Lock()
	defer own.mu.Unlock()
	own.over = true
	if own.done != nil {
		close(own.done)
	}
}

// wait waits for the flight's end. again says that whoever loaded gave up by his
// own ctx, so that the caller, whose goes on, is to try again.
func (f *flight) wait(ctx context.Context) (again bool, err error) {
	if done := f.ended(); done != nil {
		select {
		case <-done:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	return errors.Is(f.err, context.Canceled) || errors.Is(f.err, context.DeadlineExceeded), f.err
}

// ended gives what to wait for, nil if it is over.
func (f *flight) ended() chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over {
		return nil
	}
	if f.done == nil {
		f.done = make(chan struct{})
	}
	return f.done
}
