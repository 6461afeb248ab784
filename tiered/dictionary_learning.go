//go:build !wasm

package tiered

import (
	"cmp"
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/codec/train"
)

// learning is how a store comes to dictionaries. Values of keys with one prefix
// are a class; of every fourth write of a class that has no dictionary the key
// is remembered. When there are enough keys the trainer loads what is live under
// them, trains, and has the dictionary kept; from then on the class is
// compressed with it. How well that goes is counted, and where it goes clearly
// worse than at training, twice in a row, it begins anew.
//
// The trainer is the owner's. A follower asks the owner for a dictionary that it
// meets and does not know, and compresses with it from then on.
//
//  1. A frame names a dictionary only after the durable tier has kept it (P1):
//     what is put into use was kept before (trainer.publish, trainer.recall), or
//     met in a frame of the truth (fetch).
//  2. All dictionaries that are kept can be read, whatever is written with.
//  3. Writers wait for nobody: they take no lock but by trying, but for one in
//     4,096 and the first of a prefix.
//  4. Bounded (P10): maxClasses samples of sampleKeys keys; maxOfPrefix
//     dictionaries of a prefix, maxKept of a store; another one of a prefix
//     comes after 16,384 writes at the earliest, and a training of which
//     nothing came makes the next wait four times as long.
type learning struct {
	codec *codec.Codec
	trial bool // samples are taken
	least int  // bytes; shorter values are left alone

	classes atomic.Pointer[map[string]*class] // written under mu
	// The one for keys without a prefix, and for those of prefixes beyond maxClasses.
	shared  *class
	trainer atomic.Pointer[trainer] // written by own and trainer.close; nil: not the owner

	mu       sync.Mutex    // guards the writing of classes
	fetching chan struct{} // capacity 1: full while a dictionary is asked for

	raw, stored atomic.Int64 // by writers: of counted values that went through a dictionary
}

func newLearning(coder *codec.Codec, o *Options) *learning {
	l := &learning{
		fetching: make(chan struct{}, 1), codec: coder, trial: !o.Codec.NoTraining && o.Codec.Level >= 0,
		least: cmp.Or(o.Codec.MinBytes, codec.DefaultMinBytes),
	}
	l.shared = newClass("", l.trial)
	l.classes.Store(&map[string]*class{"": l.shared})
	return l
}

// classOf is the class of keys with prefix.
func (l *learning) classOf(prefix string) *class {
	all := *l.classes.Load()
	if c := all[prefix]; c != nil {
		return c
	}
	if len(all) >= maxClasses {
		return l.shared
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	all = maps.Clone(*l.classes.Load())
	if c := all[prefix]; c != nil || len(all) >= maxClasses {
		return cmp.Or(c, l.shared)
	}
	c := newClass(prefix, l.trial)
	all[c.prefix] = c
	l.classes.Store(&all)
	return c
}

// encode makes the frame of value with the dictionary of key's class.
func (l *learning) encode(key string, value []byte) []byte {
	if len(value) < l.least || len(value) > train.MaxSample {
		return l.codec.Encode(value)
	}
	c := l.classOf(prefixOf(key))
	n := c.writes.Add(1)
	if c.dull(n) {
		return l.codec.EncodePlain(value)
	}
	var dictionary *codec.Dictionary
	if d := c.current.Load(); d != nil {
		dictionary = d.dictionary
	}
	frame := l.codec.EncodeWith(dictionary, value)
	if dictionary != nil && n%countedEvery == 0 {
		l.raw.Add(int64(len(value)))
		l.stored.Add(int64(len(frame)))
	}
	if c.note(n, key, len(value), len(frame)) {
		if t := l.trainer.Load(); t != nil {
			t.signal()
		}
	}
	return frame
}

// fetchLimit bounds how long a reader waits for a dictionary.
const fetchLimit = 5 * time.Second

// fetch makes the dictionary known that key's frame names, by asking ask. It is
// false where that has none, or does not answer until ctx ends.
func (l *learning) fetch(ctx context.Context, key string, frame []byte, ask func(context.Context, uint32) ([]byte, error)) bool {
	ctx, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	select {
	case l.fetching <- struct{}{}:
		defer func() { <-l.fetching }()
	case <-ctx.Done():
		return false
	}
	id := codec.DictionaryOf(frame)
	if l.codec.Knows(id) {
		return true // asked for by another reader meanwhile
	}
	dict, err := ask(ctx, id)
	if err != nil {
		return false
	}
	d, err := l.codec.Add(dict)
	if err != nil || d.ID() != id {
		return false
	}
	l.classOf(prefixOf(key)).use(d, 1)
	return true
}

func (l *learning) stats() DictionaryStats {
	d := DictionaryStats{RawBytes: l.raw.Load(), StoredBytes: l.stored.Load()}
	if t := l.trainer.Load(); t != nil {
		t.stats(&d)
	}
	return d
}

// all implements [Store.Dictionaries].
func (l *learning) all() []Dictionary {
	if t := l.trainer.Load(); t != nil {
		return t.all()
	}
	return nil
}
