package storetest

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/stratakv/strata/tiered"
)

// waiter runs goroutines of a case.
type waiter = sync.WaitGroup

// beside runs fn in n goroutines and waits for all.
func beside(n int, fn func(i int)) {
	var wait waiter
	for i := range n {
		wait.Go(func() { fn(i) })
	}
	wait.Wait()
}

var concurrentCases = []testCase{
	{
		name: "Linearizable",
		why:  "P3: a read sees the last write acknowledged before it began or a later one; versions are each one write's",
		run:  linearizable,
	},
	{
		name: "OneWinner",
		why:  "P3: of many who compare and set, or compare and delete, with one version, exactly one wins",
		run: func(p *probe) {
			for round := range 30 {
				version := uint64(0)
				if round%2 == 1 {
					version = p.version("key")
				}
				var won atomic.Int64
				beside(8, func(w int) {
					var err error
					if w%4 == 3 && version != 0 {
						err = p.store.CompareAndDelete(p.ctx, "key", version)
					} else {
						_, err = p.store.CompareAndSet(p.ctx, "key", version, fmt.Append(nil, w), 0)
					}
					if err == nil {
						won.Add(1)
					} else if !errors.Is(err, tiered.ErrVersion) {
						p.Errorf("compare: got %v, want nil or ErrVersion", err)
					}
				})
				if n := won.Load(); n != 1 {
					p.Errorf("eight who compare with version %d: got %d winners, want 1", version, n)
				}
				if round%2 == 1 {
					p.must("Delete", p.store.Delete(p.ctx, "key"))
				}
			}
		},
	},
	{
		name: "DeletedStaysDeleted",
		why:  "P5: beside readers who fill caches with what they read, a deleted value never comes back",
		run: func(p *probe) {
			var stop atomic.Bool
			var wait waiter
			for range 3 {
				wait.Go(func() {
					for !stop.Load() {
						if _, err := p.store.Get(p.ctx, "key"); err != nil && !errors.Is(err, tiered.ErrNotFound) {
							p.Errorf("Get: got %v, want nil or ErrNotFound", err)
						}
						runtime.Gosched()
					}
				})
			}
			defer wait.Wait()
			defer stop.Store(true)
			for i := range 150 {
				p.set("key", fmt.Sprint(i), 0)
				runtime.Gosched()
				p.must("Delete", p.store.Delete(p.ctx, "key"))
				p.wantAbsent("deleted", "key")
				runtime.Gosched()
				p.wantAbsent("deleted a while ago", "key")
			}
		},
	},
}

// history is what is known of one key in linearizable.
type history struct {
	acknowledged atomic.Uint64 // largest version whose write has returned
	values       sync.Map      // version → value, as writers or readers learnt it
}

// learn notes that version has value, and finds a version that has two.
func (h *history) learn(p *probe, who string, it tiered.Item) {
	value := string(it.Value)
	if known, loaded := h.values.LoadOrStore(it.Version, value); loaded && known != value {
		p.Errorf("%s: got value %s with version %d, which was that of %s", who, value, it.Version, known)
	}
}

// linearizable lets writers and readers loose on few keys. Versions order the
// writes of a key, so each read can be judged by itself.
func linearizable(p *probe) {
	const keys, writers, readers, writes = 3, 3, 3, 120
	var all [keys]history
	for k := range keys {
		it := p.setItem(fmt.Sprint(k), "first")
		all[k].learn(p, "SetItem", it)
		all[k].acknowledged.Store(it.Version)
	}
	var versions sync.Map // of all writes of all keys
	var writing atomic.Int64
	writing.Store(writers)
	beside(writers+readers, func(g int) {
		if g >= writers {
			for i := 0; writing.Load() > 0; i++ {
				readJudged(p, &all[i%keys], fmt.Sprint(i%keys))
				runtime.Gosched()
			}
			return
		}
		defer writing.Add(-1)
		for i := range writes {
			h, key := &all[i%keys], fmt.Sprint(i%keys)
			it, err := p.store.SetItem(p.ctx, tiered.Item{Key: key, Value: fmt.Appendf(nil, "writer %d, value %d", g, i)})
			if err != nil {
				p.Errorf("SetItem: got %v, want nil", err)
				return
			}
			if _, taken := versions.LoadOrStore(it.Version, true); taken {
				p.Errorf("SetItem: got version %d for two writes", it.Version)
			}
			h.learn(p, "SetItem", it)
			raise(&h.acknowledged, it.Version)
			readJudged(p, h, key)
			runtime.Gosched()
		}
	})
}

// readJudged reads key, by one of two ways, and wants what was acknowledged
// before or something later.
func readJudged(p *probe, h *history, key string) {
	want := h.acknowledged.Load()
	var it tiered.Item
	var err error
	if want%2 == 0 {
		it, err = p.store.GetItem(p.ctx, key)
	} else {
		var items map[string]tiered.Item
		items, err = p.store.GetMany(p.ctx, []string{key})
		it = items[key]
	}
	if err != nil || it.Version < want {
		p.Errorf("read beside writers: got version %d and error %v, want at least %d", it.Version, err, want)
		return
	}
	h.learn(p, "read", it)
	raise(&h.acknowledged, it.Version) // who reads later sees no less
}

func raise(v *atomic.Uint64, to uint64) {
	for {
		old := v.Load()
		if old >= to || v.CompareAndSwap(old, to) {
			return
		}
	}
}
