package tiered

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/stratakv/strata/tiered/tier"
)

// Set stores a copy of value under key for ttl, rounded up to a millisecond;
// 0: no expiry. It returns when the record is on stable storage. ErrTTL: ttl is
// negative or above MaxTTL. ErrTooLarge, ErrFull: the old value stays.
func (s *Store) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	op, err := s.setOp(key, value, ttl)
	if err != nil {
		return wrap("set", 0, err)
	}
	res, err := s.write(ctx, "set", op)
	if err == nil {
		s.keepOwn(key, value, res)
	}
	return err
}

// Put is Set, and returns the record that it made: its version and its
// deadline by the store's clock.
func (s *Store) Put(ctx context.Context, key string, value []byte, ttl time.Duration) (Item, error) {
	op, err := s.setOp(key, value, ttl)
	if err != nil {
		return Item{}, wrap("put", 0, err)
	}
	res, err := s.write(ctx, "put", op)
	if err != nil {
		return Item{}, err
	}
	return s.written(key, value, res), nil
}

// SetItem stores it.Value under it.Key with the deadline it.Expires as given,
// rounded up to a millisecond; the zero time means no expiry. One in the past
// deletes the record. Version and Tier of it are ignored; those of the result
// are the write's own, Version 0 if there was nothing to delete.
func (s *Store) SetItem(ctx context.Context, it Item) (Item, error) {
	op, err := s.itemOp(it.Key, it.Value, it.Expires)
	if err != nil {
		return Item{}, wrap("set item", 0, err)
	}
	res, err := s.write(ctx, "set item", op)
	if err != nil {
		return Item{}, err
	}
	s.keepOwn(it.Key, it.Value, res)
	it.Value, it.Version, it.Tier, it.Expires = bytes.Clone(it.Value), res.Version, s.tier, expiresAt(op.Life.Deadline)
	return it, nil
}

// Delete removes key; that it is absent is no error. It works in a full store
// too.
func (s *Store) Delete(ctx context.Context, key string) error {
	_, err := s.write(ctx, "delete", tier.Op{Kind: tier.OpDelete, Key: key})
	return err
}

// Touch gives key's record the lifetime ttl from now on and leaves its value.
// ErrNotFound: there is no live record. ErrTTL as for Set.
func (s *Store) Touch(ctx context.Context, key string, ttl time.Duration) error {
	if err := s.checkTTL(ttl); err != nil {
		return wrap("touch", 0, err)
	}
	_, err := s.write(ctx, "touch", tier.Op{Kind: tier.OpTouch, Key: key, Life: tier.Life{TTL: ttl}})
	return err
}

// CompareAndSet stores value if key's live record has version; version 0: if
// there is none. Otherwise it returns ErrVersion and the current Item, the zero
// Item if there is none. ttl may be [KeepTTL].
func (s *Store) CompareAndSet(ctx context.Context, key string, version uint64, value []byte, ttl time.Duration) (Item, error) {
	return s.compareAndSet(ctx, "compare and set", key, version, value, ttl)
}

func (s *Store) compareAndSet(ctx context.Context, name, key string, version uint64, value []byte, ttl time.Duration) (Item, error) {
	op, err := s.casOp(key, version, value, ttl)
	if err != nil {
		return Item{}, wrap(name, 0, err)
	}
	res, err := s.write(ctx, name, op)
	if err != nil {
		cur, errItem := s.current(ctx, res.Result)
		if errItem != nil {
			return Item{}, wrap(name, s.tier, errItem)
		}
		return cur, err
	}
	return s.written(key, value, res), nil
}

// CompareAndDelete removes key if its live record has version; version 0: if
// there is none, which is nil. Otherwise ErrVersion.
func (s *Store) CompareAndDelete(ctx context.Context, key string, version uint64) error {
	_, err := s.write(ctx, "compare and delete", tier.Op{Kind: tier.OpDelete, Key: key, If: true, Expect: version})
	return err
}

// DeletePrefix removes the records whose keys begin with prefix, in chunks, and
// returns how many. It is not atomic; an error says that some may be left.
func (s *Store) DeletePrefix(ctx context.Context, prefix string) (int, error) {
	const name = "delete prefix"
	total := 0
	r := tier.Range{Prefix: prefix, From: prefix, Records: scanRecords, MaxBytes: scanBytes}
	for more := true; more; {
		if err := s.ready(ctx); err != nil {
			return total, wrap(name, 0, err)
		}
		recs, next, moreBehind, scanErr := s.auth.Scan(ctx, r)
		ops := make([]tier.Op, len(recs))
		for i, rec := range recs {
			ops[i] = tier.Op{Kind: tier.OpDelete, Key: rec.Key}
		}
		results, err := s.writeMany(ctx, name, ops)
		if err != nil {
			return total, err
		}
		for _, res := range results {
			if res.Applied {
				total++
			}
		}
		if scanErr != nil { // what came before the damage is deleted
			return total, wrap(name, s.tier, scanErr)
		}
		r.From, more = next, moreBehind
	}
	return total, nil
}

// DeleteExpired removes all records whose deadline has come and returns how
// many. The store does this by itself too, every Options.SweepEvery; the memory
// store does some of it beside each write.
func (s *Store) DeleteExpired(ctx context.Context) (int, error) {
	if err := s.ready(ctx); err != nil {
		return 0, wrap("delete expired", 0, err)
	}
	n, err := s.auth.DeleteExpired(ctx)
	return n, wrap("delete expired", s.tier, err)
}

// outcome is the result of one op, and the caches above the truth when it was
// sent: if its tag is of other words, whoever reads those never looks here.
type outcome struct {
	tier.Result
	caches *caches
}

// write sends one op and returns its result.
func (s *Store) write(ctx context.Context, name string, op tier.Op) (outcome, error) {
	if err := s.ready(ctx); err != nil {
		return outcome{}, wrap(name, 0, err)
	}
	if err := checkKey(op.Key); err != nil {
		return outcome{}, wrap(name, 0, err)
	}
	done := outcome{caches: s.caches.Load()}
	var err error
	done.Result, err = s.auth.WriteOne(ctx, op)
	return done, wrap(name, s.tier, err)
}

func (s *Store) writeMany(ctx context.Context, name string, ops []tier.Op) ([]tier.Result, error) {
	if err := s.ready(ctx); err != nil {
		return nil, wrap(name, 0, err)
	}
	for i := range ops {
		if err := checkKey(ops[i].Key); err != nil {
			return nil, wrap(name, 0, err)
		}
	}
	if len(ops) == 0 {
		return nil, nil
	}
	results, err := s.auth.Write(ctx, ops)
	return results, wrap(name, s.tier, err)
}

// setOp checks the arguments of a Set and encodes its value.
func (s *Store) setOp(key string, value []byte, ttl time.Duration) (tier.Op, error) {
	if err := s.checkTTL(ttl); err != nil {
		return tier.Op{}, err
	}
	op, err := s.frameOp(key, value)
	op.Life.TTL = ttl
	return op, err
}

// itemOp is setOp with an absolute deadline.
func (s *Store) itemOp(key string, value []byte, expires time.Time) (tier.Op, error) {
	deadline, err := s.deadline(expires)
	if err != nil {
		return tier.Op{}, err
	}
	op, err := s.frameOp(key, value)
	op.Life.Deadline = deadline
	return op, err
}

// deadline is that of expires, unless it is above MaxTTL.
func (s *Store) deadline(expires time.Time) (int64, error) {
	deadline := deadlineOf(expires)
	if s.opts.MaxTTL == 0 {
		return deadline, nil
	}
	return deadline, s.opts.checkLife(tier.Life{Deadline: deadline}, s.clock.now())
}

// casOp is setOp with a condition; ttl may be KeepTTL.
func (s *Store) casOp(key string, version uint64, value []byte, ttl time.Duration) (tier.Op, error) {
	var op tier.Op
	var err error
	switch {
	case ttl != KeepTTL:
		op, err = s.setOp(key, value, ttl)
	case version == 0:
		op, err = s.setOp(key, value, 0)
	default:
		op, err = s.frameOp(key, value)
		op.Life.Keep = true
	}
	op.If, op.Expect = true, version
	return op, err
}

func (s *Store) frameOp(key string, value []byte) (tier.Op, error) {
	if err := checkKey(key); err != nil {
		return tier.Op{}, err
	}
	if len(value) > s.opts.Limits.ValueBytes {
		return tier.Op{}, ErrTooLarge
	}
	return tier.Op{Kind: tier.OpSet, Key: key, Frame: s.encode(key, value), RawLen: len(value)}, nil
}

func (s *Store) checkTTL(ttl time.Duration) error {
	if ttl == KeepTTL {
		return fmt.Errorf("%w: KeepTTL is for CompareAndSet and Update", ErrTTL)
	}
	return s.opts.checkLife(tier.Life{TTL: ttl}, 0)
}

// written is the Item that a successful write of value made.
func (s *Store) written(key string, value []byte, res outcome) Item {
	s.keepOwn(key, value, res)
	own := make([]byte, len(value))
	copy(own, value)
	return Item{Key: key, Value: own, Expires: expiresAt(res.Deadline), Version: res.Version, Tier: s.tier}
}

// current is the Item that refused a conditional write, zero if there is none.
func (s *Store) current(ctx context.Context, res tier.Result) (Item, error) {
	if res.Current.Version == 0 {
		return Item{}, nil
	}
	return s.item(ctx, res.Current)
}
