//go:build !wasm

package tiered

import (
	"context"
	"errors"
	"sync"

	"github.com/stratakv/strata/l2mmap"
	"github.com/stratakv/strata/tiered/tier"
)

// flights are the loads under way that others may share: those of a key by
// callers that read the same word with nothing in flight. No write of the
// bucket was published between the first one's reading of the word and the
// last one's, or the word would differ; so what the load finds was the truth
// at some moment of each caller's own call.
type flights struct {
	mu sync.Mutex // guards m
	m  map[flightKey]*flight
}

type flightKey struct {
	key  string
	word l2mmap.Word
}

// flight is one load. What it found is set before done is closed.
type flight struct {
	done  chan struct{}
	rec   tier.Record
	found bool
	err   error
}

// do calls load, or waits for the call that is under way for k; shared says
// which. A load ends with the ctx of whoever called it; who waited for it and
// has a ctx that goes on, tries again.
func (f *flights) do(
	ctx context.Context, k flightKey, load func() (tier.Record, bool, error),
) (rec tier.Record, found, shared bool, err error) {
	f.mu.Lock()
	for f.m[k] != nil {
		under := f.m[k]
		f.mu.Unlock()
		select {
		case <-under.done:
		case <-ctx.Done():
			return tier.Record{}, false, true, ctx.Err()
		}
		gaveUp := errors.Is(under.err, context.Canceled) || errors.Is(under.err, context.DeadlineExceeded)
		if !gaveUp {
			return under.rec, under.found, true, under.err
		}
		f.mu.Lock()
	}
	own := &flight{done: make(chan struct{}), err: tier.ErrUnavailable}
	if f.m == nil {
		f.m = make(map[flightKey]*flight)
	}
	f.m[k] = own
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.m, k)
		f.mu.Unlock()
		close(own.done)
	}()
	own.rec, own.found, own.err = load()
	return own.rec, own.found, false, own.err
}
