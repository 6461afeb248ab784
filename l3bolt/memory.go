//go:build !wasm

package l3bolt

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/stratakv/strata/tiered/tier"
	bolt "go.etcd.io/bbolt"
)

// memory is what the store remembers of writes with a ticket, so that one that
// is sent again is not done again.
//
//	M1  What a group is to remember is durable with the group, and known from
//	    its publishing on.
//	M2  Of a client all is known that is at or above its Low; nobody asks for
//	    what is below.
//	M3  At most so many outcomes are known. Beyond, clients are forgotten as a
//	    whole, those first whose last write is the oldest, and forgotten is a
//	    version at or above all that they wrote.
//	M4  The transaction that moves bbolt's position writes all of it, as it is
//	    then. Groups that are replayed over a memory that has them already change
//	    nothing.
type memory struct {
	mu        sync.Mutex // guards all below
	most      int
	count     int // of outcomes
	clients   map[[16]byte]*remembered
	forgotten uint64
}

// remembered is what is known of one client.
type remembered struct {
	low      uint64
	last     uint64 // version of its last write
	outcomes map[uint64][]byte
}

// metaMemory holds the memory, as encode makes it.
var metaMemory = []byte("memory")

func newMemory(most int) *memory {
	return &memory{most: most, clients: make(map[[16]byte]*remembered)}
}

// Recall returns what was remembered under client and seq.
func (d *DB) Recall(client [16]byte, seq uint64) (outcome []byte, known bool) {
	d.memory.mu.Lock()
	defer d.memory.mu.Unlock()
	if c := d.memory.clients[client]; c != nil {
		outcome, known = c.outcomes[seq]
	}
	return outcome, known
}

// Forgotten is a version at or above those of all writes that are forgotten
// although their clients may ask for them; 0: there are none.
func (d *DB) Forgotten() uint64 {
	d.memory.mu.Lock()
	defer d.memory.mu.Unlock()
	return d.memory.forgotten
}

// learn takes in what a group of this last version remembers.
func (m *memory) learn(all []tier.Remembered, version uint64) {
	if len(all) == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range all {
		m.put(all[i].Client, all[i].Seq, all[i].Low, all[i].Outcome, version)
	}
	for m.count > m.most {
		m.forgetOldest()
	}
}

func (m *memory) put(client [16]byte, seq, low uint64, outcome []byte, version uint64) {
	c := m.clients[client]
	if c == nil {
		c = &remembered{outcomes: make(map[uint64][]byte)}
		m.clients[client] = c
	}
	c.last = max(c.last, version)
	if low > c.low {
		c.low = low
		before := len(c.outcomes)
		maps.DeleteFunc(c.outcomes, func(seq uint64, _ []byte) bool { return seq < low })
		m.count -= before - len(c.outcomes)
	}
	if _, known := c.outcomes[seq]; !known && seq >= c.low {
		c.outcomes[seq] = outcome
		m.count++
	}
}

func (m *memory) forgetOldest() {
	var oldest [16]byte
	var found *remembered
	for id, c := range m.clients {
		if found == nil || c.last < found.last {
			oldest, found = id, c
		}
	}
	m.forgotten = max(m.forgotten, found.last)
	m.count -= len(found.outcomes)
	delete(m.clients, oldest)
}

// lose notes that writes up to this version may have been forgotten.
func (m *memory) lose(version uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgotten = max(m.forgotten, version)
}

// write puts the memory into bucket meta, if there ever was anything to remember.
func (m *memory) write(tx *bolt.Tx, g *guard) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.clients) == 0 && m.forgotten == 0 {
		return nil
	}
	if err := g.touch(bucketMeta, metaMemory, false); err != nil {
		return err
	}
	return tx.Bucket(bucketMeta).Put(metaMemory, summed(m.encode()))
}

// encode: forgotten u64, then each client: id 16 B, low, last, outcomes (uvarint
// each); of each outcome sequence and length (uvarint), bytes.
func (m *memory) encode() []byte {
	b := binary.LittleEndian.AppendUint64(nil, m.forgotten)
	ids := slices.SortedFunc(maps.Keys(m.clients), func(a, b [16]byte) int { return slices.Compare(a[:], b[:]) })
	for _, id := range ids {
		c := m.clients[id]
		b = append(b, id[:]...)
		for _, n := range []uint64{c.low, c.last, uint64(len(c.outcomes))} {
			b = binary.AppendUvarint(b, n)
		}
		for _, seq := range slices.SortedFunc(maps.Keys(c.outcomes), cmp.Compare[uint64]) {
			b = binary.AppendUvarint(b, seq)
			b = binary.AppendUvarint(b, uint64(len(c.outcomes[seq])))
			b = append(b, c.outcomes[seq]...)
		}
	}
	return b
}

// decode is the inverse of encode.
func (m *memory) decode(r *reader) error {
	m.forgotten = r.u64()
	for len(r.b) > 0 {
		var id [16]byte
		copy(id[:], r.bytes(16))
		low, last := r.uvarint(), r.uvarint()
		m.put(id, 0, max(low, 1), nil, last) // sequences begin at 1: this one is not kept
		for range r.uvarint() {
			seq := r.uvarint()
			outcome := r.bytes(r.uvarint())
			if r.bad {
				break
			}
			m.put(id, seq, low, slices.Clone(outcome), last)
		}
	}
	if r.bad {
		return fmt.Errorf("%w: memory of unknown form", tier.ErrCorrupt)
	}
	return nil
}

// readMemory reads what write wrote.
func readMemory(tx *bolt.Tx, most int) (*memory, error) {
	m := newMemory(most)
	b := tx.Bucket(bucketMeta)
	if b.Get(metaMemory) == nil {
		return m, nil
	}
	r := metaReader{b: b}
	field := r.field(metaMemory)
	if r.err != nil {
		return nil, r.err
	}
	return m, m.decode(field)
}
