//go:build !wasm

package l2mmap

// makeRoomLocked evicts until need blocks are free, at most a quarter of the
// page: expired entries first, and then by SIEVE. The hand goes from the oldest
// to the newest; an entry that was visited since the hand last passed is spared
// once.
func (p *page) makeRoomLocked(need int, now int64) error {
	if p.free() < need && int64(p.m.load(atEarliest)) <= now {
		if err := p.expireLocked(now); err != nil {
			return err
		}
	}
	for p.free() < need {
		if err := p.evictLocked(); err != nil {
			return err
		}
	}
	return nil
}

// evictLocked removes one entry.
func (p *page) evictLocked() error {
	hand, entries := p.pair(atHand)
	// Readers may visit all the while: no entry is spared for ever.
	for spared := uint32(0); ; spared++ {
		if hand == 0 {
			_, hand = p.pair(atEnds)
		}
		e, ok := p.entry(hand)
		if !ok {
			return errDamaged
		}
		if !p.visited(hand) || spared > entries {
			p.m.put(atHand, pair(hand, entries))
			p.evicted++
			return p.removeMetLocked(e.hash)
		}
		p.unvisit(hand)
		hand, _ = p.pair(p.block(hand) + atQueue)
	}
}

// enqueueLocked makes id the newest entry of the queue.
func (p *page) enqueueLocked(id uint32) error {
	newest, oldest := p.pair(atEnds)
	hand, entries := p.pair(atHand)
	p.m.put(p.block(id)+atQueue, pair(0, newest))
	if newest == 0 {
		oldest = id
	} else {
		if !p.valid(newest) {
			return errDamaged
		}
		at := p.block(newest) + atQueue
		newer, older := p.pair(at)
		if newer != 0 {
			return errDamaged
		}
		p.m.put(at, pair(id, older))
	}
	p.m.put(atEnds, pair(id, oldest))
	p.m.put(atHand, pair(hand, entries+1))
	return nil
}

// dequeueLocked takes id out of the queue; the hand moves on if it was there.
func (p *page) dequeueLocked(id uint32) error {
	newer, older := p.pair(p.block(id) + atQueue)
	newest, oldest := p.pair(atEnds)
	hand, entries := p.pair(atHand)
	if newer == 0 {
		if newest != id {
			return errDamaged
		}
		newest = older
	} else if !p.relinkLocked(newer, 1, id, older) {
		return errDamaged
	}
	if older == 0 {
		if oldest != id {
			return errDamaged
		}
		oldest = newer
	} else if !p.relinkLocked(older, 0, id, newer) {
		return errDamaged
	}
	if hand == id {
		hand = newer
	}
	if entries == 0 {
		return errDamaged
	}
	p.m.put(atEnds, pair(newest, oldest))
	p.m.put(atHand, pair(hand, entries-1))
	return nil
}

// relinkLocked replaces old by id in one side of a neighbour: its newer (0) or
// its older (1).
func (p *page) relinkLocked(neighbour uint32, side int, old, id uint32) bool {
	if !p.valid(neighbour) {
		return false
	}
	at := p.block(neighbour) + atQueue
	ends := [2]uint32{}
	ends[0], ends[1] = p.pair(at)
	if ends[side] != old {
		return false
	}
	ends[side] = id
	p.m.put(at, pair(ends[0], ends[1]))
	return true
}
