//go:build !wasm

package l2mmap

import (
	"math"

	"github.com/stratakv/strata/internal/failpoint"
)

// The operations of this file need the page's lock. They call begin before
// their first change, and return errDamaged when the page contradicts itself.

// find gives the entry of hash and the one before it in its chain, 0 if there
// is none.
func (p *page) findLocked(hash uint64) (e entry, before uint32, found bool, err error) {
	id, ok := p.head(p.headOf(hash))
	if !ok {
		return entry{}, 0, false, errDamaged
	}
	for steps := 0; id != 0; steps++ {
		e, ok := p.entry(id)
		if !ok || steps > p.g.blocks || p.headOf(e.hash) != p.headOf(hash) {
			return entry{}, 0, false, errDamaged
		}
		if e.hash == hash {
			return e, before, true, nil
		}
		before, id = id, e.chain
	}
	return entry{}, 0, false, nil
}

// putLocked stores an item that a page can hold, in place of the one of the
// same hash.
func (p *page) putLocked(key string, hash uint64, frame []byte, deadline, now int64) error {
	e := entry{
		hash: hash, deadline: deadline,
		keyLen: len(key), frameLen: len(frame), crc: dataCRC(frame, key),
	}
	need := blocksFor(e.size())
	old, before, found, err := p.findLocked(hash)
	if err != nil {
		return err
	}
	p.begin()
	if found && blocksFor(old.size()) == need {
		e.id, e.next, e.chain = old.id, old.next, old.chain
		return p.overwriteLocked(&e, frame, key)
	}
	if found {
		if err := p.removeFoundLocked(&old, before); err != nil {
			return err
		}
	}
	return p.insertLocked(&e, need, frame, key, now)
}

// overwriteLocked gives e the blocks, and the place in chain and queue, of the
// entry that it replaces, which counts as visited.
func (p *page) overwriteLocked(e *entry, frame []byte, key string) error {
	failpoint.Pass("l2mmap-changing")
	if !p.copyIn(e, frame, key) {
		return errDamaged
	}
	p.setEntry(e)
	p.visit(e.id)
	p.expectLocked(e.deadline)
	return nil
}

// insertLocked makes e, of a hash that is not there, the newest entry.
func (p *page) insertLocked(e *entry, need int, frame []byte, key string, now int64) error {
	if err := p.makeRoomLocked(need, now); err != nil {
		return err
	}
	if err := p.takeLocked(e, need); err != nil {
		return err
	}
	failpoint.Pass("l2mmap-changing")
	if !p.copyIn(e, frame, key) {
		return errDamaged
	}
	i := p.headOf(e.hash)
	chain, ok := p.head(i)
	if !ok {
		return errDamaged
	}
	e.chain = chain
	p.setEntry(e)
	if err := p.enqueueLocked(e.id); err != nil {
		return err
	}
	p.unvisit(e.id)
	p.expectLocked(e.deadline)
	p.setHead(i, e.id)
	return nil
}

// expectLocked takes note of an entry's deadline.
func (p *page) expectLocked(deadline int64) {
	if deadline != 0 && deadline < int64(p.m.load(atEarliest)) {
		p.m.put(atEarliest, uint64(deadline))
	}
}

// takeLocked takes need blocks from the free ones for e and chains them.
func (p *page) takeLocked(e *entry, need int) error {
	id, free := p.pair(atFree)
	var last uint32
	for i := range need {
		if !p.valid(id) || free == 0 {
			return errDamaged
		}
		at := p.block(id)
		next, kind := p.pair(at + atLink)
		if kind != freeBlock {
			return errDamaged
		}
		switch i {
		case 0:
			e.id = id
			p.m.put(at+atLink, pair(0, firstBlock|id))
		case 1:
			e.next = id
			p.m.put(at+atLink, pair(0, laterBlock|e.id))
		default:
			p.m.put(at+atLink, pair(0, laterBlock|e.id))
			p.m.put(p.block(last)+atLink, pair(id, laterBlock|e.id))
		}
		last, id, free = id, next, free-1
	}
	if (id == 0) != (free == 0) {
		return errDamaged
	}
	p.m.put(atFree, pair(id, free))
	return nil
}

// removeLocked removes the entry of hash and reports whether there was one.
func (p *page) removeLocked(hash uint64) (bool, error) {
	e, before, found, err := p.findLocked(hash)
	if err != nil || !found {
		return false, err
	}
	p.begin()
	return true, p.removeFoundLocked(&e, before)
}

// removeFoundLocked removes e, which find found with before.
func (p *page) removeFoundLocked(e *entry, before uint32) error {
	if before == 0 {
		p.setHead(p.headOf(e.hash), e.chain)
	} else {
		b, ok := p.entry(before)
		if !ok {
			return errDamaged
		}
		b.chain = e.chain
		p.setEntry(&b)
	}
	if err := p.dequeueLocked(e.id); err != nil {
		return err
	}
	return p.giveLocked(e)
}

// removeMetLocked removes the entry of a hash that was met in the queue.
func (p *page) removeMetLocked(hash uint64) error {
	found, err := p.removeLocked(hash)
	if err == nil && !found {
		return errDamaged // in the queue, and in no chain
	}
	return err
}

// giveLocked frees the blocks of e, its header first.
func (p *page) giveLocked(e *entry) error {
	first, free := p.pair(atFree)
	id := e.next
	p.scrub(e.id)
	p.m.put(p.block(e.id)+atLink, pair(first, freeBlock))
	first, free = e.id, free+1
	for range blocksFor(e.size()) - 1 {
		if !p.valid(id) {
			return errDamaged
		}
		at := p.block(id)
		next, kind := p.pair(at + atLink)
		if kind != laterBlock|e.id {
			return errDamaged
		}
		p.m.put(at+atLink, pair(first, freeBlock))
		first, free, id = id, free+1, next
	}
	if id != 0 || free > uint32(p.g.blocks) {
		return errDamaged
	}
	p.m.put(atFree, pair(first, free))
	return nil
}

// wipeBucketLocked removes all entries of a bucket.
func (p *page) wipeBucketLocked(bucket uint16) error {
	return p.removeIfLocked(func(e *entry) bool { return BucketOf(e.hash) == bucket })
}

// expireLocked removes all expired entries and learns the earliest deadline
// that is left.
func (p *page) expireLocked(now int64) error {
	earliest := int64(math.MaxInt64)
	err := p.removeIfLocked(func(e *entry) bool {
		if e.expired(now) {
			p.expired++
			return true
		}
		if e.deadline != 0 {
			earliest = min(earliest, e.deadline)
		}
		return false
	})
	if err != nil {
		return err
	}
	p.begin()
	p.m.put(atEarliest, uint64(earliest))
	return nil
}

// removeIfLocked removes the entries that fn picks, from the oldest to the
// newest.
func (p *page) removeIfLocked(fn func(e *entry) bool) error {
	_, id := p.pair(atEnds)
	for steps := 0; id != 0; steps++ {
		e, ok := p.entry(id)
		if !ok || steps > p.g.blocks {
			return errDamaged
		}
		newer, _ := p.pair(p.block(id) + atQueue)
		if fn(&e) {
			if err := p.removeMetLocked(e.hash); err != nil {
				return err
			}
		}
		id = newer
	}
	return nil
}
