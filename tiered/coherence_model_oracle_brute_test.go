package tiered_test

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// bruteCall is a call of one key's history, its times counted in events.
type bruteCall struct {
	read       bool
	who        int // slot of a read, op of a write
	begun, end int // end 0: not answered
	refused    bool
	value      modelValue // of a read and of a refused CAS
}

// bruteForce tries all orders of calls: the definition of linearizability.
func bruteForce(ops []modelOp, calls []bruteCall, done uint16, v modelValue) bool {
	first := int(^uint(0) >> 1) // the earliest answer that is not in the order yet
	for i, call := range calls {
		if call.end != 0 && done&(1<<i) == 0 {
			first = min(first, call.end)
		}
	}
	if first == int(^uint(0)>>1) {
		return true
	}
	for i, call := range calls {
		if done&(1<<i) != 0 || call.begun > first || call.read && call.end == 0 {
			continue
		}
		after, takes := v, v == call.value
		if !call.read {
			after, takes = ops[call.who].effect(call.who, v)
			if call.refused {
				after, takes = v, !takes && v == call.value
			}
		}
		if takes && bruteForce(ops, calls, done|1<<i, after) {
			return true
		}
	}
	return false
}

// TestCoherenceOracle compares the oracle of the state search with the
// definition, on random histories and on each answer that could follow them.
func TestCoherenceOracle(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	all := []modelOp{set0, del0, cas0, set0}
	good, bad := 0, 0
	for range 400 {
		o, id := newModelOracle(all)
		var calls []bruteCall
		for now := 1; now <= 14; now++ {
			kind := readBegins
			call := bruteCall{read: true, who: rng.IntN(modelReaders), begun: now}
			if rng.IntN(2) == 0 {
				kind, call.read, call.who = writeBegins, false, rng.IntN(modelOps)
			}
			i := slices.IndexFunc(calls, func(c bruteCall) bool { return c.read == call.read && c.who == call.who })
			switch {
			case i < 0:
				id = o.after(id, modelEvent{kind, uint8(call.who), noValue})
				calls = append(calls, call)
			case calls[i].end == 0:
				id = answerAll(t, rng, o, id, calls, i, now, &good, &bad)
			}
		}
	}
	t.Logf("%d answers that an order explains, %d that none does", good, bad)
	if good == 0 || bad == 0 {
		t.Fatalf("got %d explained answers and %d others, want some of both", good, bad)
	}
}

// answerAll compares what both say of each answer that call i may get, and goes
// on with one that is explained.
func answerAll(t *testing.T, rng *rand.Rand, o *modelOracle, id uint32, calls []bruteCall, i, now int, good, bad *int) uint32 {
	t.Helper()
	type way struct {
		call bruteCall
		id   uint32
	}
	var ways []way
	try := func(kind modelEventKind, call bruteCall) {
		call.end = now
		calls[i] = call
		next := o.after(id, modelEvent{kind, uint8(call.who), call.value})
		want := bruteForce(o.ops, calls, 0, oldValue)
		if got := next != broken; got != want {
			t.Fatalf("%+v: got linearizable %t, want %t", calls, got, want)
		}
		if !want {
			*bad++
			return
		}
		*good++
		ways = append(ways, way{call, next})
	}
	call := calls[i]
	for v := range modelValue(modelOps) + firstOp {
		answer := call
		answer.value = v
		if call.read {
			try(readAnswers, answer)
		} else if answer.refused = o.ops[call.who].kind == opCAS && v != oldValue; answer.refused {
			try(refusedAnswer, answer)
		}
	}
	if !call.read {
		try(writeAnswers, call)
	}
	if len(ways) == 0 {
		t.Fatalf("%+v: no answer of call %d is explained", calls, i)
	}
	w := ways[rng.IntN(len(ways))]
	calls[i] = w.call
	return w.id
}
