//go:build !wasm

package tiered

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/stratakv/strata/codec"
)

// class is the values of keys with one prefix: what they are compressed with,
// how that goes, and a sample of their keys while a dictionary is to be trained.
type class struct {
	prefix   string
	training bool                  // samples are taken
	current  atomic.Pointer[inUse] // written by the trainer; nil: no dictionary

	writes      atomic.Uint64 // written by writers
	plain       atomic.Uint64 // by writers: how many in a row did not compress
	raw, stored atomic.Int64  // by writers: of the values counted in this window

	gathering atomic.Bool // keys are sampled; written under mu

	mu    sync.Mutex // guards what follows
	keys  []string   // the sample
	ready bool       // it is full: the trainer's turn
	from  uint64     // no sample is begun before so many writes
	wait  uint64     // by how much from grows when training failed
	worse int        // windows in a row in which the dictionary gained too little
}

func newClass(prefix string, training bool) *class {
	c := &class{prefix: prefix, training: training}
	c.gathering.Store(training)
	return c
}

// use puts a dictionary into use that is kept.
func (c *class) use(d *codec.Dictionary, ratio float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current.Store(&inUse{dictionary: d, ratio: ratio})
	c.gathering.Store(false)
	c.keys, c.ready = nil, false
}

// inUse is a dictionary as it is used. Only ratio changes.
type inUse struct {
	dictionary *codec.Dictionary
	ratio      float64 // of stored to raw, when it was trained or taken as it is
}

// The bounds and rates of learning.
const (
	maxPrefix   = 64 // bytes; longer ones share a class
	maxClasses  = 32 // prefixes with a class of their own
	maxOfPrefix = 8  // dictionaries of a prefix, for ever
	maxKept     = 64 // dictionaries of a store, for ever

	sampledEvery  = 4 // of the writes, while gathering
	sampleKeys    = 512
	maxSampledKey = 512 // bytes; longer keys are left out

	countedEvery = 16   // of the writes
	window       = 4096 // writes after which it is judged how a dictionary does
	patience     = 2    // such windows before another one is trained

	firstWait = 1 << 14 // writes until the next try, after one that failed
	lastWait  = 1 << 24

	dullAfter = 32 // values that did not compress, after which
	dullTries = 16 // only one in so many is tried
)

// worthwhile is how short a dictionary must make values, of what they are
// without, to be kept.
const worthwhile = 0.9

// prefixOf is what stands for the class of key: all up to its first colon.
func prefixOf(key string) string {
	i := strings.IndexByte(key[:min(len(key), maxPrefix)], ':')
	return key[:i+1]
}

// dull reports whether the n-th value is to be stored as it is, because the ones
// before it did not compress; not while a dictionary may come of them.
func (c *class) dull(n uint64) bool {
	return n%dullTries != 0 && c.plain.Load() >= dullAfter && !c.gathering.Load()
}

// note learns from the n-th value that was tried: its key, its length and its
// frame's. It reports whether the class waits for the trainer from now on.
func (c *class) note(n uint64, key string, raw, stored int) (ready bool) {
	if stored < raw+codec.HeaderSize {
		if c.plain.Load() != 0 {
			c.plain.Store(0)
		}
	} else {
		c.plain.Add(1)
	}
	if n%countedEvery == 0 {
		c.raw.Add(int64(raw))
		c.stored.Add(int64(stored))
	}
	if n%sampledEvery == 0 && c.gathering.Load() {
		return c.take(key)
	}
	if n%window == 0 {
		c.review(n)
	}
	return false
}

// take adds key to the sample, unless somebody else is at it.
func (c *class) take(key string) (ready bool) {
	if len(key) > maxSampledKey || !c.mu.TryLock() {
		return false
	}
	defer c.mu.Unlock()
	if !c.gathering.Load() {
		return false
	}
	c.keys = append(c.keys, strings.Clone(key))
	if len(c.keys) < sampleKeys {
		return false
	}
	c.gathering.Store(false)
	c.ready = true
	return true
}

// review ends a window, and begins a sample where it is time: for the first
// dictionary, or because the one that there is gains clearly less than it did.
func (c *class) review(n uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	raw, stored := c.raw.Swap(0), c.stored.Swap(0)
	if !c.training || c.ready || c.gathering.Load() || n < c.from {
		return
	}
	if d := c.current.Load(); d != nil {
		if raw == 0 || float64(stored) <= float64(raw)*(d.ratio*1.15+0.02) {
			c.worse = 0
			return
		}
		if c.worse++; c.worse < patience {
			return
		}
	}
	c.worse = 0
	c.gathering.Store(true)
}

// sample gives the sample to the trainer.
func (c *class) sample() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	keys := c.keys
	c.keys = nil
	return keys
}

// isReady reports whether the sample is full.
func (c *class) isReady() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ready
}

// trained ends a training: with another dictionary in use, or without; then the
// next one comes after more writes, and what the present dictionary does is
// what it is judged by.
func (c *class) trained(d *inUse) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ready, c.keys = false, nil
	raw, stored := c.raw.Swap(0), c.stored.Swap(0)
	if d != nil {
		c.current.Store(d)
		c.from, c.wait = c.writes.Load()+firstWait, firstWait
		return
	}
	c.wait = min(max(c.wait*4, firstWait), lastWait)
	c.from = c.writes.Load() + c.wait
	if now := c.current.Load(); now != nil && raw > 0 {
		c.current.Store(&inUse{dictionary: now.dictionary, ratio: max(now.ratio, float64(stored)/float64(raw))})
	}
}
