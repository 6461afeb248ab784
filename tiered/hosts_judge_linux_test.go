package tiered_test

import (
	"fmt"
	"math"
	"time"

	"github.com/anishathalye/porcupine"
)

// maybe are the states that an event may lead to of which nobody knows whether
// it happened.
func (r register) maybe(e event) []any {
	states := []any{r}
	live, present := r.at(e.Before)
	e.Version = 0
	add := func(s register) { states = append(states, s) }
	switch e.Kind {
	case "set":
		add(live.written(e))
	case "delete":
		add(register{newer: live.last(), now: live.now})
	case "touch":
		if present {
			live.newer, live.version, live.deadline = live.last(), 0, e.Deadline
			add(live)
		}
	case "cas":
		if present && (live.version == e.Expect || live.version == 0 && e.Expect > live.newer) {
			add(live.written(e))
		}
	}
	if e.Kind == "rmw" && present {
		add(live.written(e)) // nobody knows what it read
	}
	if e.Kind == "rmw" || e.Kind == "cas" && e.Expect == 0 {
		if gone, ok := r.gone(e.Before, math.MaxInt64); ok {
			add(gone.written(e))
		}
	}
	return states
}

// hostsModel is registerModel with events that may have happened.
var hostsModel = (&porcupine.NondeterministicModel{
	Partition: registerModel.Partition,
	Init:      func() []any { return []any{register{}} },
	Step: func(state, input, output any) []any {
		if e := input.(event); e.Maybe {
			return state.(register).maybe(e)
		}
		if ok, next := registerModel.Step(state, input, output); ok {
			return []any{next}
		}
		return nil
	},
	DescribeOperation: registerModel.DescribeOperation,
}).ToModel()

// hostsHistory is what all children of a run said, made one history.
type hostsHistory struct {
	ops   []porcupine.Operation
	calls map[[2]int]hostsLine // writes that have not returned
}

func (h *hostsHistory) add(l hostsLine) {
	id := [2]int{l.Client, l.N}
	if l.What == "call" {
		h.calls[id] = l
		return
	}
	call, made := h.calls[id]
	delete(h.calls, id)
	switch {
	case l.How == "dropped":
	case l.How == "unknown" && made:
		h.open(call, l.Event)
	case l.How == "":
		h.ops = append(h.ops, porcupine.Operation{ClientId: l.Client, Input: l.Event, Call: l.Event.Call, Return: l.At})
	}
}

// open adds a write that may have happened at any time since its call, or not
// at all.
func (h *hostsHistory) open(call hostsLine, e event) {
	e.Maybe = true
	h.ops = append(h.ops, porcupine.Operation{ClientId: call.Client, Input: e, Call: call.At, Return: math.MaxInt64})
}

// end adds the writes that were cut off.
func (h *hostsHistory) end() {
	for _, call := range h.calls {
		h.open(call, call.Event)
	}
	clear(h.calls)
}

// judge returns an error unless every key's events are linearizable.
func (h *hostsHistory) judge() error {
	for _, part := range hostsModel.Partition(h.ops) {
		key := part[0].Input.(event).Key
		switch porcupine.CheckOperationsTimeout(hostsModel, part, 20*time.Second) {
		case porcupine.Illegal:
			return fmt.Errorf("key %s: its %d events are not linearizable", key, len(part))
		case porcupine.Unknown:
			return fmt.Errorf("key %s: its %d events were not judged within their time", key, len(part))
		}
	}
	return nil
}
