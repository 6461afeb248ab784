package l3mem

import (
	"errors"
	"fmt"
	"math"

	"github.com/stratakv/strata/tiered/tier"
)

// Resealed is how many bytes of a frame a Touch rewrites.
const Resealed = resealed

// Capacity is the number of blocks of the store.
func (s *Store) Capacity() int64 { return int64(s.arena.total()) }

// Blocks is the number of blocks of a record with such a key and frame.
func (s *Store) Blocks(keyLen, frameLen int) int64 { return int64(s.arena.blocks(keyLen, frameLen)) }

// Used is the number of blocks in use.
func (s *Store) Used() int64 { return int64(s.arena.used) }

// Reserved is all the memory that the store took from New on.
func (s *Store) Reserved() int64 { return int64(len(s.arena.mem) + 4*len(s.sieve.visited)) }

// Height is that of the higher tree, in nodes.
func (s *Store) Height() int {
	return max(s.order.heightOf(s.order.root), s.expiry.heightOf(s.expiry.root))
}

func (t *tree) heightOf(ref uint32) int {
	if ref == 0 {
		return 0
	}
	return 1 + max(t.heightOf(t.child(ref, left)), t.heightOf(t.child(ref, right)))
}

// LongestList is the length of the directory's longest list.
func (s *Store) LongestList() int {
	longest := 0
	s.eachEntry(func(ref uint32) {
		n := 0
		for ; ref != 0; ref = s.arena.u32(ref, atCollider) {
			n++
		}
		longest = max(longest, n)
	})
	return longest
}

func (s *Store) eachEntry(visit func(ref uint32)) {
	for i := range s.directory.entries {
		visit(load32(s.arena.mem[i*entrySize:]))
	}
}

// Check walks the whole store and returns what breaks an invariant.
func (s *Store) Check() error {
	c := checker{Store: s, owner: make(map[uint32]uint32), records: make(map[uint32]bool)}
	c.directoryLists()
	c.trees()
	c.sieveList()
	c.freeBlocks()
	if c.usage != s.usage {
		c.fault("invariant 5: usage is %+v, the records have %+v", s.usage, c.usage)
	}
	return errors.Join(c.faults...)
}

type checker struct {
	*Store
	owner   map[uint32]uint32 // block → the record or free chain that has it
	records map[uint32]bool
	timed   int
	usage   tier.Usage
	faults  []error
}

func (c *checker) fault(format string, args ...any) {
	if len(c.faults) < 10 {
		c.faults = append(c.faults, fmt.Errorf(format, args...))
	}
}

func (c *checker) directoryLists() {
	a := &c.arena
	var i uint64
	c.eachEntry(func(ref uint32) {
		for ; ref != 0; ref = a.u32(ref, atCollider) {
			if c.records[ref] {
				c.fault("invariant 2: record %d is met twice", ref)
				break
			}
			c.records[ref] = true
			key := a.key(ref)
			hash := c.directory.hash(key)
			if &c.directory.entry(hash)[0] != &a.mem[i*entrySize] || a.tag(ref) != byte(hash) {
				c.fault("invariant 2: record %d is in another hash's list", ref)
			}
			c.record(ref, key)
		}
		i++
	})
}

// record owns its blocks and is counted.
func (c *checker) record(ref uint32, key string) {
	h := c.arena.head(ref)
	if n := c.chain(ref, ref); n != c.arena.size(ref) {
		c.fault("invariant 1: record %d has %d blocks and needs %d", ref, n, c.arena.size(ref))
	}
	c.usage.Records++
	c.usage.LiveBytes += tier.LogicalSize(key, h.RawLen)
	c.usage.RawBytes += int64(h.RawLen)
	c.usage.StoredBytes += int64(h.FrameLen)
	if h.Deadline != 0 {
		c.timed++
	}
	if *c.arena.flags(ref)&pinned != 0 {
		c.fault("invariant 4: record %d is pinned", ref)
	}
}

// chain gives the blocks from ref on to owner and counts them.
func (c *checker) chain(ref, owner uint32) uint32 {
	var n uint32
	for ; ref != 0; ref = c.arena.next(ref) {
		if other, ok := c.owner[ref]; ok || ref < c.arena.first || ref >= c.arena.fresh {
			c.fault("invariant 1: block %d of %d is out of range or also %d's", ref, owner, other)
			break
		}
		c.owner[ref] = owner
		n++
	}
	return n
}

func (c *checker) freeBlocks() {
	if n := uint32(len(c.owner)); n != c.arena.used {
		c.fault("invariant 1: %d blocks in records, %d in use", n, c.arena.used)
	}
	for head := c.arena.freed; head != 0; head = c.arena.u32(head, 0) {
		if c.chain(head, head) == 0 {
			break
		}
	}
	if got, want := uint32(len(c.owner)), c.arena.fresh-c.arena.first; got != want {
		c.fault("invariant 1: %d blocks in records and free chains, %d were used", got, want)
	}
}

func (c *checker) trees() {
	lastKey, first := "", true
	n := c.tree(&c.order, func(ref uint32) {
		if key := c.arena.key(ref); first || lastKey < key {
			lastKey, first = key, false
			return
		}
		c.fault("invariant 3: record %d is out of the order of keys", ref)
	})
	if n != len(c.records) {
		c.fault("invariant 3: %d records in the order tree, %d in the directory", n, len(c.records))
	}
	last := target{deadline: math.MinInt64}
	n = c.tree(&c.expiry, func(ref uint32) {
		if c.arena.deadline(ref) == 0 || byDeadline(&c.arena, last, ref) >= 0 {
			c.fault("invariant 3: record %d is out of the order of deadlines", ref)
		}
		last = target{deadline: c.arena.deadline(ref), ref: ref}
	})
	if n != c.timed {
		c.fault("invariant 3: %d records in the expiry tree, %d have a deadline", n, c.timed)
	}
}

// tree visits the records in order, counts them and checks the balances.
func (c *checker) tree(t *tree, visit func(ref uint32)) int {
	n := 0
	var walk func(ref uint32) int
	walk = func(ref uint32) int {
		if ref == 0 {
			return 0
		}
		l := walk(t.child(ref, left))
		if n++; n > len(c.records) {
			c.fault("invariant 3: more nodes than records")
			return 0
		}
		if !c.records[ref] {
			c.fault("invariant 3: node %d is no record", ref)
		}
		visit(ref)
		r := walk(t.child(ref, right))
		if r-l != t.balance(ref) {
			c.fault("invariant 3: node %d has branches of %d and %d and balance %d", ref, l, r, t.balance(ref))
		}
		return 1 + max(l, r)
	}
	walk(t.root)
	return n
}

func (c *checker) sieveList() {
	if !c.evict {
		return
	}
	n, newer := 0, uint32(0)
	handMet := c.sieve.hand == 0
	for ref := c.sieve.newest; ref != 0 && n <= len(c.records); ref = c.arena.u32(ref, atOlder) {
		n++
		handMet = handMet || ref == c.sieve.hand
		if !c.records[ref] || c.arena.u32(ref, atNewer) != newer {
			c.fault("invariant 4: record %d is wrongly linked", ref)
		}
		newer = ref
	}
	if n != len(c.records) || newer != c.sieve.oldest || !handMet {
		c.fault("invariant 4: %d of %d records in the list, oldest met %v, hand met %v",
			n, len(c.records), newer == c.sieve.oldest, handMet)
	}
}

// Visited is the number of records that the sieve would let pass.
func (s *Store) Visited() int {
	n := 0
	for ref := s.sieve.newest; ref != 0; ref = s.arena.u32(ref, atOlder) {
		if s.sieve.visited[ref/32].Load()>>(ref%32)&1 != 0 {
			n++
		}
	}
	return n
}

// MaxChances is how many visited records one Commit lets pass.
const MaxChances = maxChances
