package tiered

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/stratakv/strata/tiered/tier"
)

// Batch collects operations that [Store.Write] applies all or not at all. The
// zero Batch is ready; it copies what it is given and may be written again, and
// added to after that. It is not safe for concurrent use.
type Batch struct {
	ops   []batchOp
	bytes int64
}

type batchOp struct {
	kind    tier.Kind
	key     string
	value   []byte
	ttl     time.Duration
	until   bool // expires stands, not ttl
	expires time.Time
	version uint64
}

// Set adds a Set.
func (b *Batch) Set(key string, value []byte, ttl time.Duration) {
	b.add(batchOp{kind: tier.OpSet, key: key, value: bytes.Clone(value), ttl: ttl})
}

// SetItem adds a SetItem: it.Value under it.Key with the deadline it.Expires as
// given.
func (b *Batch) SetItem(it Item) {
	b.add(batchOp{kind: tier.OpSet, key: it.Key, value: bytes.Clone(it.Value), until: true, expires: it.Expires})
}

// Delete adds a Delete.
func (b *Batch) Delete(key string) { b.add(batchOp{kind: tier.OpDelete, key: key}) }

// Touch adds a Touch: if the record is absent then, the batch is refused with
// ErrNotFound.
func (b *Batch) Touch(key string, ttl time.Duration) {
	b.add(batchOp{kind: tier.OpTouch, key: key, ttl: ttl})
}

// TouchUntil adds a Touch with an absolute deadline, rounded up to a
// millisecond; the zero time means no expiry. One in the past deletes the
// record. If it is absent then, the batch is refused with ErrNotFound.
func (b *Batch) TouchUntil(key string, expires time.Time) {
	b.add(batchOp{kind: tier.OpTouch, key: key, until: true, expires: expires})
}

// Check adds a condition: unless the live record has version then, the batch is
// refused with ErrVersion; version 0: unless there is none.
func (b *Batch) Check(key string, version uint64) {
	b.add(batchOp{kind: tier.OpCheck, key: key, version: version})
}

// Len is the number of operations.
func (b *Batch) Len() int { return len(b.ops) }

// Reset empties the batch.
func (b *Batch) Reset() { *b = Batch{} }

func (b *Batch) add(op batchOp) {
	op.key = strings.Clone(op.key)
	b.ops = append(b.ops, op)
	b.bytes += int64(len(op.key) + len(op.value))
}

// Write applies b's operations in their order, each seeing the earlier ones,
// as one: all are durable and visible at once, or none. ErrVersion: a Check
// failed. ErrNotFound: a Touch met no record. ErrTooLarge: over
// Limits.BatchOps, Limits.BatchBytes or the limits of Set. An empty batch is
// nil.
func (s *Store) Write(ctx context.Context, b *Batch) error {
	const name = "write"
	if b == nil {
		b = new(Batch)
	}
	if len(b.ops) > s.opts.Limits.BatchOps || b.bytes > s.opts.Limits.BatchBytes {
		return wrap(name, 0, ErrTooLarge)
	}
	ops := make([]tier.Op, len(b.ops))
	for i := range b.ops {
		op, err := s.batchOp(&b.ops[i])
		if err != nil {
			return wrap(name, 0, err)
		}
		ops[i] = op
	}
	_, err := s.writeMany(ctx, name, ops)
	return err
}

func (s *Store) batchOp(op *batchOp) (tier.Op, error) {
	switch {
	case op.kind == tier.OpSet && op.until:
		return s.itemOp(op.key, op.value, op.expires)
	case op.kind == tier.OpSet:
		return s.setOp(op.key, op.value, op.ttl)
	case op.kind == tier.OpTouch && op.until:
		deadline, err := s.deadline(op.expires)
		return tier.Op{Kind: op.kind, Key: op.key, Life: tier.Life{Deadline: deadline}}, err
	case op.kind == tier.OpTouch:
		return tier.Op{Kind: op.kind, Key: op.key, Life: tier.Life{TTL: op.ttl}}, s.checkTTL(op.ttl)
	}
	return tier.Op{Kind: op.kind, Key: op.key, Expect: op.version}, nil
}
