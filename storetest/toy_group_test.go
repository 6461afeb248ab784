package storetest_test

import (
	"bytes"
	"math"
	"time"

	"github.com/stratakv/strata/tiered/tier"
)

// toyGroup is a write as it would leave the toy.
type toyGroup struct {
	*toy
	version uint64
	changed map[string]*record // nil: removed
}

// current is the live record as the ops judged so far leave it.
func (g *toyGroup) current(key string) (record, bool) {
	if rec, ok := g.changed[g.keyOf(key)]; ok && g.fault != "Check sees what was before" {
		if rec == nil {
			return record{}, false
		}
		return *rec, true
	}
	return g.lookup(key)
}

func (g *toyGroup) judge(op toyOp) (record, error) {
	cur, found := g.current(op.key)
	if op.compare && cur.version != op.version {
		return cur, tier.ErrVersion
	}
	switch op.kind {
	case "Check":
		return cur, nil
	case "Delete":
		return record{}, g.remove(op, found)
	case "Touch":
		return g.touch(op, cur, found)
	}
	if g.fault == "first of two sets" && found && cur.deadline == 0 && op.ttl == 0 && len(cur.value) == 5 {
		return cur, nil
	}
	return g.put(op.key, record{value: g.in(op, cur), deadline: g.deadline(op, cur)}), nil
}

func (g *toyGroup) remove(op toyOp, found bool) error {
	if g.fault == "loses a delete" {
		return nil
	}
	if found || g.fault == "versions for nothing" {
		g.version++
	}
	if found {
		g.changed[g.keyOf(op.key)] = nil
	}
	return nil
}

func (g *toyGroup) touch(op toyOp, cur record, found bool) (record, error) {
	if !found && g.fault == "Touch revives" {
		cur, found = g.disk.records[op.key]
	}
	if !found && g.fault == "Touch of nothing is nothing" {
		return record{}, nil
	}
	if !found {
		return record{}, tier.ErrNotFound
	}
	deadline := g.deadline(op, cur)
	if g.fault == "Touch only lengthens" && cur.deadline != 0 {
		deadline = max(deadline, cur.deadline)
	}
	return g.put(op.key, record{value: cur.value, deadline: deadline}), nil
}

// in takes bytes in.
func (g *toyGroup) in(op toyOp, cur record) []byte {
	switch {
	case g.fault == "keeps the caller's bytes":
		return op.value
	case g.fault == "overwrites in place" && len(cur.value) == len(op.value):
		copy(cur.value, op.value)
		return cur.value
	}
	return bytes.Clone(op.value)
}

func (g *toyGroup) put(key string, rec record) record {
	key = g.keyOf(key)
	g.version++
	rec.version = g.version
	if g.fault == "versions repeat" {
		g.counts[key]++
		rec.version = g.counts[key]
		if _, ok := g.current(key); !ok {
			rec.version = 1
		}
		g.counts[key] = rec.version
	}
	if rec.deadline != 0 && rec.deadline <= g.now() && g.fault != "negative ttl accepted" {
		g.changed[key] = nil
		return record{}
	}
	g.changed[key] = &rec
	return rec
}

func (g *toyGroup) deadline(op toyOp, cur record) int64 {
	switch {
	case op.deadline != 0:
		return op.deadline
	case g.fault == "the first deadline stays" && cur.deadline != 0 && op.kind == "Set":
		return cur.deadline
	case op.keep:
		return cur.deadline
	case op.ttl == 0:
		return 0
	case g.fault == "deadlines overflow":
		return max(1, (g.nano()+int64(op.ttl))/int64(time.Millisecond))
	}
	ms := int64(op.ttl / time.Millisecond)
	if op.ttl%time.Millisecond > 0 && g.fault != "rounds down" {
		ms++
	}
	if ms > math.MaxInt64-g.now() {
		return math.MaxInt64
	}
	return g.now() + ms
}

// grown is by how much the group changes what the quota counts.
func (g *toyGroup) grown() int64 {
	n := int64(0)
	size := func(key string, rec record) int64 {
		if g.fault == "quota counts values" {
			return int64(len(rec.value))
		}
		return tier.LogicalSize(key, len(rec.value))
	}
	for key, rec := range g.changed {
		if old, ok := g.disk.records[key]; ok {
			n -= size(key, old)
		}
		if rec != nil {
			n += size(key, *rec)
		}
	}
	return n
}

func (g *toyGroup) publish() {
	g.disk.version = g.version
	for key, rec := range g.changed {
		old, had := g.disk.records[key]
		if had {
			g.before[key] = old
		}
		delete(g.toy.cache, key)
		if rec == nil {
			delete(g.disk.records, key)
			continue
		}
		g.disk.records[key] = *rec
		if g.fault == "caches for ever" && had {
			g.cache[key] = old
		}
		if _, ok := g.first[key]; !ok {
			g.first[key] = rec.deadline
		}
	}
}
