package storetest_test

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/tiered/tier"
)

func (t *toy) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	_, err := t.write(ctx, t.setOp(key, value, ttl))
	return t.wrap(key, err)
}

func (t *toy) SetItem(ctx context.Context, it tiered.Item) (tiered.Item, error) {
	op := t.setOp(it.Key, it.Value, 0)
	op.err = nil
	if !it.Expires.IsZero() {
		op.deadline = it.Expires.UnixMilli()
		if it.Expires.After(time.UnixMilli(op.deadline)) && t.fault != "rounds down" {
			op.deadline++
		}
		if it.Expires.Year() > 1_000_000 && t.fault != "deadlines overflow" {
			op.deadline = math.MaxInt64
		}
		op.deadline = max(op.deadline, 1)
	}
	if bound := t.need.MaxTTL; bound > 0 && (op.deadline == 0 || op.deadline > t.now()+bound.Milliseconds()) {
		op.err = tier.ErrTTL
	}
	if len(it.Value) > t.valueLimit() {
		op.err = tier.ErrTooLarge
	}
	if t.fault == "keeps what is past" && op.deadline <= t.now() {
		op.deadline = 0
	}
	rec, err := t.write(ctx, op)
	if err != nil || rec.version == 0 {
		return tiered.Item{}, t.wrap(it.Key, err)
	}
	out := t.item(it.Key, rec)
	if t.fault == "SetItem tells the version given" {
		out.Version = it.Version
	}
	return out, nil
}

func (t *toy) Delete(ctx context.Context, key string) error {
	_, err := t.write(ctx, toyOp{kind: "Delete", key: key})
	return t.wrap(key, err)
}

func (t *toy) Touch(ctx context.Context, key string, ttl time.Duration) error {
	_, err := t.write(ctx, toyOp{kind: "Touch", key: key, ttl: ttl, err: t.ttlError(ttl)})
	return t.wrap(key, err)
}

func (t *toy) CompareAndSet(ctx context.Context, key string, version uint64, value []byte, ttl time.Duration) (tiered.Item, error) {
	op := t.casOp(key, version, value, ttl)
	if t.fault == "CAS not atomic" {
		t.mu.RLock()
		cur, _ := t.lookup(key)
		t.mu.RUnlock()
		t.reads.Add(1)
		t.awaitReads(4)
		op.compare = cur.version != version
	}
	rec, err := t.write(ctx, op)
	if errors.Is(err, tier.ErrVersion) && (rec.version == 0 || t.fault == "ErrVersion without Item") {
		return tiered.Item{}, t.wrap(key, err)
	}
	if err != nil && !errors.Is(err, tier.ErrVersion) {
		return tiered.Item{}, t.wrap(key, err)
	}
	out := t.item(key, rec)
	switch {
	case err == nil && t.fault == "writes tell no deadline":
		out.Expires = time.Time{}
	case err == nil && t.fault == "CAS tells the old version":
		out.Version = version
	}
	return out, t.wrap(key, err)
}

func (t *toy) casOp(key string, version uint64, value []byte, ttl time.Duration) toyOp {
	op := t.setOp(key, value, ttl)
	op.compare, op.version = true, version
	if ttl == tiered.KeepTTL {
		op = t.setOp(key, value, 0)
		op.compare, op.version, op.keep = true, version, t.fault != "KeepTTL is no deadline"
		if version != 0 && errors.Is(op.err, tier.ErrTTL) {
			op.err = nil
		}
	}
	if t.fault == "CAS to absence always works" && version == 0 {
		op.compare = false
	}
	return op
}

func (t *toy) CompareAndDelete(ctx context.Context, key string, version uint64) error {
	compare := t.fault != "CompareAndDelete deletes"
	_, err := t.write(ctx, toyOp{kind: "Delete", key: key, compare: compare, version: version})
	return t.wrap(key, err)
}

func (t *toy) Update(ctx context.Context, key string, fn tiered.UpdateFunc) (tiered.Item, error) {
	for {
		it, again, err := t.updateOnce(ctx, key, fn)
		if !again {
			return it, t.wrap(key, err)
		}
	}
}

func (t *toy) updateOnce(ctx context.Context, key string, fn tiered.UpdateFunc) (it tiered.Item, again bool, err error) {
	old, err := t.GetItem(ctx, key)
	found := err == nil && t.fault != "Update finds nothing"
	if err != nil && !errors.Is(err, tier.ErrNotFound) {
		return tiered.Item{}, false, err
	}
	version := old.Version
	value, ttl, err := fn(old, found)
	if t.fault == "Update not atomic" {
		t.awaitReads(4)
	}
	switch {
	case errors.Is(err, tiered.Keep):
		if t.fault == "Keep writes" && found {
			return old, false, t.Touch(ctx, key, 0)
		}
		return old, false, nil
	case errors.Is(err, tiered.Remove) && t.fault != "Remove stores nothing":
		if !found {
			return tiered.Item{}, false, nil
		}
		err = t.CompareAndDelete(ctx, key, version)
		return tiered.Item{}, errors.Is(err, tier.ErrVersion), err
	case err != nil && t.fault != "fn's error is ignored" && t.fault != "Remove stores nothing":
		return tiered.Item{}, false, err
	}
	if t.fault == "Update not atomic" || t.fault == "Update finds nothing" {
		return tiered.Item{}, false, t.Set(ctx, key, value, max(ttl, 0))
	}
	it, err = t.CompareAndSet(ctx, key, version, value, ttl)
	return it, errors.Is(err, tier.ErrVersion), err
}

func (t *toy) DeletePrefix(ctx context.Context, prefix string) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.ready(ctx); err != nil {
		return 0, err
	}
	keys := t.keys(prefix)
	if t.fault == "DeletePrefix ends early" {
		keys = keys[:min(len(keys), 256)]
	}
	for _, key := range keys {
		t.disk.version++
		delete(t.disk.records, key)
	}
	return len(keys), nil
}

func (t *toy) DeleteExpired(ctx context.Context) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.ready(ctx); err != nil {
		return 0, err
	}
	n := t.sweep()
	if t.fault == "DeleteExpired counts wrong" {
		n = min(n, 100)
	}
	return n, nil
}

func (t *toy) sweep() int {
	n := 0
	for key, rec := range t.disk.records {
		if t.fault == "sweeps by the first deadline" {
			rec.deadline = t.first[key]
		}
		if !t.live(rec) {
			delete(t.disk.records, key)
			n++
		}
	}
	return n
}
