//go:build !wasm

package l3bolt

import (
	"sync"

	"github.com/tidwall/btree"
)

// ordered is the ordered form of an overlay's entries, which nobody pays for
// but scans: from the first one on, the overlay notes what changes, and each
// scan brings the tree up to date before it takes a copy. It does most of that
// in small steps beside readers and writers; what is left when it takes the
// copy is little.
//
// The tree is used under the DB's scanMu. The other fields are changed under
// the DB's mu, exclusively or, by scans, shared and with scanMu.
type ordered struct {
	tree    btree.Map[string, entry]
	tracked bool
	behind  []string // what changed since the tree was brought up to date
}

// A scan looks at so many entries under one lock, which it holds shared.
const scanStep = 256

// changed notes that key's entry is another one.
func (t *ordered) changed(key string) {
	if t.tracked {
		t.behind = append(t.behind, key)
	}
}

// take gives what the tree has to be told, and begins to note it anew. It
// leaves little behind where it is.
func (o *overlay) take() []string {
	t := &o.scans
	keys := t.behind
	switch {
	case !t.tracked:
		t.tracked, keys = true, o.keys
	case len(keys) <= scanStep:
		return nil
	}
	t.behind = nil
	return keys
}

// bring tells the tree what o has of keys.
func (o *overlay) bring(keys []string) {
	for _, key := range keys {
		o.scans.tree.Set(key, *o.entries[key])
	}
}

// catchUp brings the trees of what is published up to date, but for little.
// scanMu is held.
func (d *DB) catchUp() {
	for {
		d.mu.RLock()
		o := d.frozen
		var keys []string
		if o != nil {
			keys = o.take()
		}
		if len(keys) == 0 {
			o = d.active
			keys = o.take()
		}
		d.mu.RUnlock()
		if len(keys) == 0 {
			return
		}
		for len(keys) > 0 {
			some := keys[:min(scanStep, len(keys))]
			keys = keys[len(some):]
			o.step(&d.mu, some)
		}
	}
}

func (o *overlay) step(mu *sync.RWMutex, keys []string) {
	mu.RLock()
	defer mu.RUnlock()
	o.bring(keys)
}

// copyTree is the tree as of now; nil for no overlay. The DB's mu is held
// shared, and scanMu.
func (o *overlay) copyTree() *btree.Map[string, entry] {
	if o == nil {
		return nil
	}
	t := &o.scans
	keys := t.behind
	if !t.tracked {
		t.tracked, keys = true, o.keys
	}
	o.bring(keys)
	t.behind = nil
	return t.tree.Copy()
}
