package tiered_test

import (
	"fmt"
	"slices"
)

// modelValue is what a key's register holds: noValue, the value it starts with, or
// the value of one op. Each op writes a value of its own, so that an answer
// names the write that it has seen.
type modelValue uint8

const (
	noValue  modelValue = 0
	oldValue modelValue = 1
	firstOp  modelValue = 2 // of op 0; op i writes firstOp+i
)

func valueOf(op int) modelValue { return firstOp + modelValue(op) }

func (v modelValue) String() string {
	switch v {
	case noValue:
		return "nothing"
	case oldValue:
		return "old"
	}
	return fmt.Sprintf("new%d", v-firstOp)
}

// The observers whose answers the oracle judges.
const (
	clientSlot = modelReaders                // of client 0's refused CAS
	probeSlot  = modelReaders + modelClients // of the read after a takeover
	slots      = probeSlot + 1
)

// modelEventKind names an event of one key's history.
type modelEventKind uint8

const (
	readBegins    modelEventKind = iota // who: slot
	readAnswers                         // who: slot, with the value
	readVanishes                        // who: slot; its process died
	writeBegins                         // who: op
	writeAnswers                        // who: op; it was applied
	refusedAnswer                       // who: op; a CAS, with the value that refused it
)

type modelEvent struct {
	kind  modelEventKind
	who   uint8
	value modelValue
}

func (e modelEvent) code() uint64 { return uint64(e.kind)<<8 | uint64(e.who)<<4 | uint64(e.value) }

// linearization is one way in which the history of a key may have been so far.
// Ops take effect as late as possible: only when an answer needs them.
type linearization struct {
	value modelValue   // what the register holds
	done  uint8        // unanswered ops that have taken effect, by bit
	seen  [slots]uint8 // values that the register had while each observer's call ran, by bit
}

// modelHistory is all that matters of one key's history: every linearization that
// explains it. None left means that the history is not linearizable.
type modelHistory struct {
	pending uint8 // ops that have begun and are not answered, by bit
	active  uint8 // observers whose calls run, by bit
	ways    []linearization
}

// modelOracle judges histories on line. It numbers them, so that a state holds a
// number and equal histories are equal numbers; broken is the number of those
// that no order of the ops explains.
type modelOracle struct {
	ops   []modelOp
	known []modelHistory
	ids   map[string]uint32
	memo  map[uint64]uint32
}

const broken uint32 = 0

// newModelOracle returns an oracle and the number of the empty history.
func newModelOracle(ops []modelOp) (*modelOracle, uint32) {
	o := &modelOracle{ops: ops, ids: map[string]uint32{}, memo: map[uint64]uint32{}}
	o.number(modelHistory{})
	return o, o.number(modelHistory{ways: []linearization{{value: oldValue}}})
}

// after is the history id with one event more.
func (o *modelOracle) after(id uint32, e modelEvent) uint32 {
	if id == broken {
		return broken
	}
	key := uint64(id)<<16 | e.code()
	if next, met := o.memo[key]; met {
		return next
	}
	h := o.known[id]
	next := o.number(o.apply(modelHistory{pending: h.pending, active: h.active, ways: slices.Clone(h.ways)}, e))
	o.memo[key] = next
	return next
}

func (o *modelOracle) number(h modelHistory) uint32 {
	if len(h.ways) == 0 {
		h = modelHistory{}
	}
	text := []byte{h.pending, h.active}
	for _, w := range h.ways {
		text = append(append(text, byte(w.value), w.done), w.seen[:]...)
	}
	id, met := o.ids[string(text)]
	if !met {
		id = uint32(len(o.known))
		o.known = append(o.known, h)
		o.ids[string(text)] = id
	}
	return id
}

func (o *modelOracle) apply(h modelHistory, e modelEvent) modelHistory {
	bit := uint8(1) << e.who
	switch e.kind {
	case readBegins:
		return h.watch(int(e.who))
	case readAnswers:
		h = o.explain(h, 0, sees(int(e.who), e.value))
		return h.forget(int(e.who))
	case readVanishes:
		return h.forget(int(e.who))
	case writeBegins:
		h.pending |= bit
		if o.ops[e.who].kind == opCAS {
			h = h.watch(clientSlot + clientOf(int(e.who)))
		}
		return h
	case writeAnswers:
		h = o.explain(h, 0, func(w linearization) bool { return w.done&bit != 0 })
	case refusedAnswer:
		h.ways = slices.DeleteFunc(h.ways, func(w linearization) bool { return w.done&bit != 0 })
		h = o.explain(h, bit, sees(clientSlot+clientOf(int(e.who)), e.value))
	}
	h.pending &^= bit
	for i := range h.ways {
		h.ways[i].done &^= bit
	}
	if o.ops[e.who].kind == opCAS {
		h = h.forget(clientSlot + clientOf(int(e.who)))
	}
	return h.reduced()
}

func sees(slot int, v modelValue) func(linearization) bool {
	return func(w linearization) bool { return w.seen[slot]&(1<<v) != 0 }
}

// explain keeps the ways in which want holds, after as few more of the pending
// ops, but for those of not, as it takes.
func (o *modelOracle) explain(h modelHistory, not uint8, want func(linearization) bool) modelHistory {
	var out []linearization
	var extend func(w linearization)
	extend = func(w linearization) {
		if want(w) {
			out = append(out, w)
			return
		}
		for op := range o.ops {
			bit := uint8(1) << op
			if h.pending&^w.done&^not&bit == 0 {
				continue
			}
			v, takes := o.ops[op].effect(op, w.value)
			if !takes {
				continue
			}
			next := w
			next.value, next.done = v, w.done|bit
			for slot := range slots {
				if h.active&(1<<slot) != 0 {
					next.seen[slot] |= 1 << v
				}
			}
			extend(next)
		}
	}
	for _, w := range h.ways {
		extend(w)
	}
	h.ways = out
	return h.reduced()
}

func (h modelHistory) watch(slot int) modelHistory {
	h.active |= 1 << slot
	for i := range h.ways {
		h.ways[i].seen[slot] = 1 << h.ways[i].value
	}
	return h.reduced()
}

func (h modelHistory) forget(slot int) modelHistory {
	h.active &^= 1 << slot
	for i := range h.ways {
		h.ways[i].seen[slot] = 0
	}
	return h.reduced()
}

// reduced sorts the ways and leaves out those that another one covers.
func (h modelHistory) reduced() modelHistory {
	slices.SortFunc(h.ways, linearization.compare)
	h.ways = slices.Compact(h.ways)
	ways := h.ways
	var out []linearization
	for i, w := range ways {
		covered := false
		for j, other := range ways {
			covered = covered || i != j && other.covers(w)
		}
		if !covered {
			out = append(out, w)
		}
	}
	h.ways = out
	return h
}

// covers says that each future that w explains, c explains too.
func (c linearization) covers(w linearization) bool {
	if c.value != w.value || c.done != w.done {
		return false
	}
	for slot := range slots {
		if w.seen[slot]&^c.seen[slot] != 0 {
			return false
		}
	}
	return true
}

func (c linearization) compare(w linearization) int {
	if c.value != w.value {
		return int(c.value) - int(w.value)
	}
	if c.done != w.done {
		return int(c.done) - int(w.done)
	}
	return slices.Compare(c.seen[:], w.seen[:])
}
