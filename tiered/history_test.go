//go:build !wasm

package tiered_test

import (
	"fmt"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/stratakv/strata/tiered"
)

// A history is judged per key: a register with versions and a deadline, by the
// store's clock. Each event carries the clock's reading before its call and
// after its return, so that the moment at which it took effect lies between.

// event is what one operation on one key asked for and was answered.
type event struct {
	Key  string
	Kind string // get, set, delete, cas, touch, rmw

	Value    string // of set, cas, rmw: the value written
	Deadline int64  // of set, cas, rmw: the deadline that was given; 0: never
	Expect   uint64 // of cas: the expected version

	OK      bool   // get: found; cas, touch: done; rmw: always true
	Version uint64 // set, cas, rmw: of the record written, 0: not told. get, refused cas: of the record seen
	Seen    string // get, refused cas, rmw: the value seen
	Found   bool   // refused cas, rmw: whether there was a record
	Before  int64  // the clock before the call
	After   int64  // the clock after the return
	Call    int64  // where processes tell their events: the moment of the call
	// Maybe says that nobody knows whether it happened: it did what it was to do
	// at some moment after its call, or nothing.
	Maybe bool
}

// register is the model's state of one key.
type register struct {
	present  bool
	value    string
	version  uint64 // 0: a write did not tell it
	newer    uint64 // where version is 0: it is above this
	deadline int64
	now      int64 // the latest moment that some event needed
}

func (r register) at(t int64) (register, bool) {
	r.now = max(r.now, t)
	if r.present && r.deadline != 0 && r.deadline <= r.now {
		r = register{newer: r.last(), now: r.now}
	}
	return r, r.present
}

// last is a version that every later one is above.
func (r register) last() uint64 { return max(r.version, r.newer) }

// sees checks what an event read against r, and learns the version.
func (r register) sees(value string, version uint64) (register, bool) {
	if !r.present || r.value != value {
		return r, false
	}
	if r.version == 0 && version > r.newer {
		r.version = version
	}
	return r, r.version == version
}

// gone is r at the first moment from t to limit at which there is no record.
func (r register) gone(t, limit int64) (register, bool) {
	r, present := r.at(t)
	if !present {
		return r, r.now <= limit
	}
	if r.deadline == 0 {
		return r, false
	}
	r, _ = r.at(r.deadline)
	return r, r.now <= limit
}

func (r register) written(e event) register {
	return register{present: true, value: e.Value, version: e.Version, newer: r.last(), deadline: e.Deadline, now: r.now}
}

// step says whether e may follow r, and the state after it.
func (r register) step(e event) (bool, register) {
	live, present := r.at(e.Before)
	if live.now > e.After {
		return false, r
	}
	switch e.Kind {
	case "get":
		if !e.OK {
			gone, ok := r.gone(e.Before, e.After)
			return ok, gone
		}
		seen, ok := live.sees(e.Seen, e.Version)
		return ok, seen
	case "set":
		return e.Version == 0 || e.Version > live.last(), live.written(e)
	case "delete":
		return true, register{newer: live.last(), now: live.now}
	case "touch":
		if !e.OK {
			gone, ok := r.gone(e.Before, e.After)
			return ok, gone
		}
		live.newer, live.version, live.deadline = live.last(), 0, e.Deadline
		return present, live
	case "rmw":
		if !e.Found {
			gone, ok := r.gone(e.Before, e.After)
			return ok && e.Version > gone.last(), gone.written(e)
		}
		if !present || live.value != e.Seen {
			return false, r
		}
		return e.Version > live.last(), live.written(e)
	case "cas":
		return r.cas(e, live, present)
	}
	panic("unknown kind of event")
}

func (r register) cas(e event, live register, present bool) (bool, register) {
	switch {
	case e.OK && e.Expect == 0:
		gone, ok := r.gone(e.Before, e.After)
		return ok && e.Version > gone.last(), gone.written(e)
	case e.OK:
		held := present && (live.version == e.Expect || live.version == 0 && e.Expect > live.newer)
		return held && e.Version > e.Expect, live.written(e)
	case e.Found:
		seen, ok := live.sees(e.Seen, e.Version)
		return ok && e.Version != e.Expect, seen
	}
	gone, ok := r.gone(e.Before, e.After)
	return ok && e.Expect != 0, gone
}

// registerModel is the model for porcupine.
var registerModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[string][]porcupine.Operation{}
		for _, op := range history {
			k := op.Input.(event).Key
			byKey[k] = append(byKey[k], op)
		}
		var parts [][]porcupine.Operation
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return register{} },
	Step: func(state, input, _ any) (bool, any) {
		ok, next := state.(register).step(input.(event))
		return ok, next
	},
	DescribeOperation: func(input, _ any) string { return fmt.Sprintf("%+v", input.(event)) },
}

// judgeHistory returns an error unless every key's events are linearizable. A
// history that could not be judged in time is an error too.
func judgeHistory(history []porcupine.Operation) error {
	switch porcupine.CheckOperationsTimeout(registerModel, history, time.Minute) {
	case porcupine.Ok:
		return nil
	case porcupine.Unknown:
		return fmt.Errorf("not judged within its time")
	}
	for _, part := range registerModel.Partition(history) {
		if porcupine.CheckOperationsTimeout(registerModel, part, time.Minute) == porcupine.Illegal {
			return fmt.Errorf("not linearizable: key %s", part[0].Input.(event).Key)
		}
	}
	return fmt.Errorf("not linearizable")
}

// ms is the deadline of an item as the store tells it.
func ms(it tiered.Item) int64 {
	if it.Expires.IsZero() {
		return 0
	}
	return it.Expires.UnixMilli()
}
