package storetest_test

import (
	"context"
	"maps"
	"math"
	"reflect"
	"slices"
	"time"

	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/tiered/tier"
)

// toyOp is one op of a toy's write.
type toyOp struct {
	kind     string // Set, Delete, Touch, Check
	key      string
	value    []byte
	ttl      time.Duration
	deadline int64 // in place of ttl
	keep     bool  // in place of ttl
	compare  bool
	version  uint64
	err      error // what its arguments are worth
}

func (t *toy) setOp(key string, value []byte, ttl time.Duration) toyOp {
	op := toyOp{kind: "Set", key: key, value: value, ttl: ttl, err: t.ttlError(ttl)}
	if len(value) > t.valueLimit() {
		op.err = tier.ErrTooLarge
	}
	return op
}

func (t *toy) valueLimit() int {
	if n := t.need.Limits.ValueBytes; n > 0 && t.fault != "limits ignored" {
		return n
	}
	return math.MaxInt
}

func (t *toy) ttlError(ttl time.Duration) error {
	if ttl < 0 && t.fault == "negative ttl accepted" {
		return nil
	}
	bound := t.need.MaxTTL
	if ttl < 0 || bound > 0 && (ttl == 0 || ttl > bound) && t.fault != "MaxTTL ignored" {
		return tier.ErrTTL
	}
	return nil
}

// Write reads the batch by reflection: its ops are nobody else's business.
func (t *toy) Write(ctx context.Context, b *tiered.Batch) error {
	list := reflect.ValueOf(b).Elem().FieldByName("ops")
	var ops []toyOp
	size := int64(0)
	for i := range list.Len() {
		field := list.Index(i).FieldByName
		kind := map[tier.Kind]string{
			tier.OpSet: "Set", tier.OpDelete: "Delete", tier.OpTouch: "Touch", tier.OpCheck: "Check",
		}[tier.Kind(field("kind").Uint())]
		op := t.setOp(field("key").String(), field("value").Bytes(), time.Duration(field("ttl").Int()))
		op.kind, op.version, op.compare = kind, field("version").Uint(), kind == "Check"
		if t.fault == "batches lose values" {
			op.value = nil
		}
		size += int64(len(op.key) + len(op.value))
		if kind == "Delete" || kind == "Check" {
			op.err = nil
		}
		ops = append(ops, op)
	}
	limits := t.need.Limits
	if t.fault != "limits ignored" &&
		(limits.BatchOps > 0 && len(ops) > limits.BatchOps || limits.BatchBytes > 0 && size > limits.BatchBytes) {
		return tier.ErrTooLarge
	}
	switch t.fault {
	case "batch in reverse":
		slices.Reverse(ops)
	case "batches of 1000":
		ops = ops[:min(len(ops), 1000)]
	case "Write empties the batch":
		*b = tiered.Batch{}
	case "publishes half a batch":
		if len(ops) == 8 {
			_, _ = t.write(ctx, ops[:4]...)
			t.awaitReads(40)
		}
	case "batch before its checks":
		return t.rashWrite(ctx, ops)
	case "half a refused batch stays":
		for i := range ops {
			if _, err := t.write(ctx, ops[i]); err != nil {
				t.awaitReads(40)
				return err
			}
		}
		return nil
	case "checks before the batch":
		checks := slices.DeleteFunc(slices.Clone(ops), func(op toyOp) bool { return op.kind != "Check" })
		if _, err := t.write(ctx, checks...); err != nil {
			return err
		}
		t.awaitReads(4)
		ops = slices.DeleteFunc(ops, func(op toyOp) bool { return op.kind == "Check" })
	}
	_, err := t.write(ctx, ops...)
	key := ""
	if len(ops) > 0 {
		key = ops[0].key
	}
	return t.wrap(key, err)
}

// rashWrite applies first, judges then, and rolls back.
func (t *toy) rashWrite(ctx context.Context, ops []toyOp) error {
	t.mu.Lock()
	old := maps.Clone(t.disk.records)
	t.mu.Unlock()
	rash := slices.DeleteFunc(slices.Clone(ops), func(op toyOp) bool { return op.kind == "Check" })
	if _, err := t.write(ctx, rash...); err != nil {
		return err
	}
	t.awaitReads(40)
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, op := range ops {
		if rec := old[op.key]; op.kind == "Check" && rec.version != op.version {
			t.disk.records = old
			return tier.ErrVersion
		}
	}
	return nil
}

// write judges ops in order on a copy and puts it in place if none is
// refused. It gives the record of the last op, or the one that refused.
func (t *toy) write(ctx context.Context, ops ...toyOp) (record, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed && t.fault == "acknowledges when closed" && t.lost < 20 {
		t.lost++
		return record{}, nil
	}
	for _, op := range ops {
		if err := t.ready(ctx, op.key); err != nil {
			return record{}, err
		}
		if op.err != nil {
			return record{}, op.err
		}
	}
	if err := t.ready(ctx); err != nil {
		return record{}, err
	}
	g := &toyGroup{toy: t, version: t.disk.version, changed: map[string]*record{}}
	var last record
	for _, op := range ops {
		rec, err := g.judge(op)
		if err != nil {
			if t.fault == "versions for nothing" {
				t.disk.version++
			}
			return rec, err
		}
		last = rec
	}
	if err := t.room(g); err != nil {
		return record{}, err
	}
	g.publish()
	t.stamp()
	return last, nil
}

// room sweeps if the quota needs it, and says whether g fits.
func (t *toy) room(g *toyGroup) error {
	if t.need.MaxBytes == 0 || t.fault == "evicts" && t.evict(g) {
		return nil
	}
	if t.fault == "full for all" && t.liveBytes() > t.need.MaxBytes-5000 {
		return tier.ErrFull
	}
	if g.grown() <= 0 || t.liveBytes()+g.grown() <= t.need.MaxBytes {
		return nil
	}
	if t.fault != "sweeps only when asked" {
		t.sweep()
	}
	if t.liveBytes()+g.grown() > t.need.MaxBytes {
		return tier.ErrFull
	}
	return nil
}

// evict makes room for g at the cost of live records.
func (t *toy) evict(g *toyGroup) bool {
	for key := range t.disk.records {
		if t.liveBytes()+g.grown() <= t.need.MaxBytes {
			return true
		}
		if _, mine := g.changed[key]; !mine {
			delete(t.disk.records, key)
		}
	}
	return false
}
