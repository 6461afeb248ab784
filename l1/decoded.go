//go:build !wasm

package l1

// decoded is what somebody made of the value of one version of a record. A
// version is of one record, and its value never changes: so it fits whatever
// entry of that version is found.
type decoded struct {
	version uint64
	by      any // who made it
	value   any
	bytes   int64 // counted
}

// decodedOverhead is what a decoded value takes beside its parts.
const decodedOverhead = 96

// GetDecoded is [Cache.Get] with what [Cache.PutDecoded] left with the entry, nil
// if by left nothing. by is compared with ==.
func (c *Cache) GetDecoded(hash uint64, key string, tag uint64, now func() int64, by any) (b *Block, value any, hit bool) {
	cl, b := c.hit(hash, key, tag, now)
	if b == nil {
		return nil, nil, false
	}
	if d := cl.decoded.Load(); d != nil && d.version == b.version && d.by == by {
		value = d.value
	}
	return b, value, true
}

// PutDecoded leaves value, which by made of the value of key's record of that
// version, with the entry of it, if there is one; it takes the place of what
// anybody left before, and goes with the entry. Nobody may change value any more.
// It counts against the budget as twice the entry's value: what it takes is not
// known. When all of them take a quarter of what may live nothing is left.
func (c *Cache) PutDecoded(hash uint64, key string, version uint64, by, value any) {
	s := c.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	cl := c.find(hash)
	if cl == nil || s.closed {
		return
	}
	b := cl.entry.Load()
	if b == nil || b.version != version || b.Key() != key {
		return
	}
	c.undecodeLocked(cl)
	d := &decoded{version: version, by: by, value: value, bytes: decodedOverhead + 2*int64(b.valueLen)}
	if c.decodedBytes.Add(d.bytes) > c.maxCost/4 {
		c.decodedBytes.Add(-d.bytes)
		return
	}
	cl.decoded.Store(d)
}
