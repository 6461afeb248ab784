//go:build !wasm

package l3bolt

import (
	"bytes"
	"encoding/binary"
	"runtime/debug"
	"sync/atomic"
	"unsafe"

	"github.com/stratakv/strata/tiered/tier"
	bolt "go.etcd.io/bbolt"
)

// shared is a read transaction that the reads of single records have in common.
// One of its own costs a read more than the way to the record: two locks twice,
// and what bbolt allocates for transaction, buckets and cursor.
//
//  1. While base.shared has it, it shows all that is committed: it is begun after
//     an update, by a read that finds none, and given up before the next update
//     begins.
//  2. So an update has no other readers beside it than those that were in it
//     already: no page stays in use for longer than by a read of its own, and
//     bbolt may map the file anew.
//  3. Whoever leaves it last ends it: a reader, or who gave it up. Nobody enters
//     it after that. While someone is inside, neither its pages change nor the
//     mapping.
//  4. It follows the pages itself, since a bolt.Tx is one goroutine's, and
//     believes nothing that they say: all bounds are checked.
type shared struct {
	base   *base
	tx     *bolt.Tx
	data   []byte // the pages of tx, mapped
	size   uint64 // of a page
	root   uint64 // of the records
	inside atomic.Int64
}

// enterShared gives what reads share, entered; nil: there is nothing now.
func (b *base) enterShared() *shared {
	s := b.shared.Load()
	if s == nil {
		if b.unshared.Load() {
			return nil
		}
		if s = b.share(); s == nil {
			return nil
		}
	}
	for {
		n := s.inside.Load()
		if n == 0 {
			return nil
		}
		if s.inside.CompareAndSwap(n, n+1) {
			return s
		}
	}
}

// share makes what reads share, unless an update is under way.
func (b *base) share() *shared {
	b.begin.Lock()
	defer b.begin.Unlock()
	if s := b.shared.Load(); s != nil || b.unshared.Load() {
		return s
	}
	tx, err := b.beginLocked()
	if err != nil {
		return nil // the read's own transaction says why
	}
	s := &shared{base: b, tx: tx}
	err = b.look(tx, func(tx *bolt.Tx) error {
		info := b.bolt.Info()
		s.root, s.size = uint64(tx.Bucket(bucketRecords).Root()), uint64(info.PageSize)
		s.data = unsafe.Slice(*(**byte)(unsafe.Pointer(&info.Data)), int(tx.Size()))
		return nil
	})
	if err != nil || s.root == 0 {
		// Damaged, or so small that it is no tree: until the next update.
		b.unshared.Store(true)
		b.endTx(tx)
		return nil
	}
	s.inside.Store(1)
	b.shared.Store(s)
	return s
}

// unshare gives up what reads share, until reshare.
func (b *base) unshare() {
	b.begin.Lock()
	defer b.begin.Unlock()
	b.unshareLocked()
}

func (b *base) unshareLocked() {
	b.unshared.Store(true)
	if s := b.shared.Swap(nil); s != nil {
		s.leave()
	}
}

// reshare lets reads share again, unless nobody knows what bbolt holds back.
func (b *base) reshare() {
	b.begin.Lock()
	defer b.begin.Unlock()
	if !b.stuck.Load() && !b.dead.Load() {
		b.unshared.Store(false)
	}
}

// leave ends the transaction if nobody else is inside.
func (s *shared) leave() {
	if s.inside.Add(-1) == 0 {
		s.base.endTx(s.tx)
	}
}

// load gives a copy of the record of key, and leaves.
func (s *shared) load(key string) (rec tier.Record, found bool, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			rec, found, err = tier.Record{}, false, damaged(s.base.path, cause)
		}
		s.leave()
	}()
	var small [128]byte
	raw, err := s.find(appendRecordKey(small[:0], key))
	if raw == nil || err != nil {
		return tier.Record{}, false, err
	}
	v, err := parseValue(raw)
	if err != nil {
		return tier.Record{}, false, err
	}
	rec, err = copyRecord(key, v)
	return rec, err == nil, err
}

// find gives the value of key, which points into the mapping; nil: there is
// none.
func (s *shared) find(key []byte) ([]byte, error) {
	id := s.root
	for range maxPageDepth {
		p, ok := s.page(id)
		if !ok {
			return nil, s.corrupt(id)
		}
		i, equal, ok := p.search(key)
		switch {
		case !ok:
			return nil, s.corrupt(id)
		case p.leaf && !equal:
			return nil, nil
		case p.leaf:
			value, ok := p.value(i)
			if !ok {
				return nil, s.corrupt(id)
			}
			return value, nil
		}
		id = p.child(i)
	}
	return nil, s.corrupt(id)
}

func (s *shared) corrupt(id uint64) error {
	return corrupt(s.base.path, int64(id*s.size), "page %d: damaged", id)
}

// mappedPage is one page of a mapping, overflow included. Its elements lie
// within it; what they point to is checked when it is asked for.
type mappedPage struct {
	data  []byte
	count int
	leaf  bool
}

// page is false if id names no branch or leaf.
func (s *shared) page(id uint64) (mappedPage, bool) {
	pages := uint64(len(s.data)) / s.size
	if id < 2 || id >= pages {
		return mappedPage{}, false
	}
	b := s.data[id*s.size:]
	flags, count := binary.NativeEndian.Uint16(b[8:]), int(binary.NativeEndian.Uint16(b[10:]))
	overflow := uint64(binary.NativeEndian.Uint32(b[12:]))
	if binary.NativeEndian.Uint64(b) != id || overflow >= pages-id || flags != pageLeaf && (flags != pageBranch || count == 0) {
		return mappedPage{}, false
	}
	b = b[:(overflow+1)*s.size]
	return mappedPage{b, count, flags == pageLeaf}, boltPageHeader+pageElement*count <= len(b)
}

// search gives the last element whose key is not above key, or the first one,
// and whether it is key's own; ok is false if a key on the way lies outside.
func (p *mappedPage) search(key []byte) (i int, equal, ok bool) {
	low, high := 0, p.count
	for low < high {
		mid := int(uint(low+high) / 2)
		at, ok := p.key(mid)
		if !ok {
			return 0, false, false
		}
		switch bytes.Compare(at, key) {
		case 0:
			return mid, true, true
		case 1:
			high = mid
		default:
			low = mid + 1
		}
	}
	return max(low-1, 0), false, true
}

// key is false if it does not lie in the page.
func (p *mappedPage) key(i int) ([]byte, bool) {
	at := boltPageHeader + pageElement*i
	e := p.data[at : at+pageElement]
	if p.leaf {
		e = e[4:]
	}
	first := uint64(at) + uint64(binary.NativeEndian.Uint32(e))
	end := first + uint64(binary.NativeEndian.Uint32(e[4:]))
	if end > uint64(len(p.data)) {
		return nil, false
	}
	return p.data[first:end], true
}

// value is that of element i of a leaf, never nil; false if it does not lie in
// the page, or is a bucket.
func (p *mappedPage) value(i int) ([]byte, bool) {
	at := boltPageHeader + pageElement*i
	e := p.data[at : at+pageElement]
	first := uint64(at) + uint64(binary.NativeEndian.Uint32(e[4:])) + uint64(binary.NativeEndian.Uint32(e[8:]))
	end := first + uint64(binary.NativeEndian.Uint32(e[12:]))
	if end > uint64(len(p.data)) || binary.NativeEndian.Uint32(e)&elementBucket != 0 {
		return nil, false
	}
	return p.data[first:end:end], true
}

func (p *mappedPage) child(i int) uint64 {
	return binary.NativeEndian.Uint64(p.data[boltPageHeader+pageElement*i+8:])
}
