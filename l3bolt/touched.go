//go:build !wasm

package l3bolt

import (
	"bytes"
	"cmp"
	"slices"
	"sync"
)

// copied are the buckets that a compaction copies range by range, in this
// order; others, bucket meta above all, are small and copied whole at the end.
var copied = [...][]byte{bucketRecords, bucketExpiry, bucketDict}

// place is a key of one of the copied buckets.
type place struct {
	bucket int
	key    string
}

func comparePlaces(a, b place) int {
	return cmp.Or(cmp.Compare(a.bucket, b.bucket), cmp.Compare(a.key, b.key))
}

// placeOf is where key lies in bucket; false if that is not a copied one.
func placeOf(bucket, key []byte) (place, bool) {
	for i, name := range copied {
		if bytes.Equal(bucket, name) {
			return place{i, string(key)}, true
		}
	}
	return place{}, false
}

// placeOverhead is what a place costs in memory besides its key, about.
const placeOverhead = 48

// touched are the places that were written in store.db while a compaction
// copies it.
type touched struct {
	mu     sync.Mutex
	places map[place]struct{} // guarded by mu
	bytes  int64              // guarded by mu: of memory, about
}

func newTouched() *touched { return &touched{places: make(map[place]struct{})} }

func (t *touched) add(places []place) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range places {
		if _, ok := t.places[p]; !ok {
			t.places[p] = struct{}{}
			t.bytes += int64(len(p.key)) + placeOverhead
		}
	}
}

// take gives the places in order, and forgets them.
func (t *touched) take() []place {
	t.mu.Lock()
	taken := t.places
	t.places, t.bytes = make(map[place]struct{}), 0
	t.mu.Unlock()
	places := make([]place, 0, len(taken))
	for p := range taken {
		places = append(places, p)
	}
	slices.SortFunc(places, comparePlaces)
	return places
}

func (t *touched) held() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.bytes
}
