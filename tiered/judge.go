package tiered

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/tiered/tier"
)

// errQuota is ErrFull because of MaxBytes: sweeping may help.
var errQuota = quotaError{}

type quotaError struct{}

func (quotaError) Error() string        { return "the quota (Options.MaxBytes) is used up" }
func (quotaError) Is(target error) bool { return target == tier.ErrFull }

// errReserve refuses what needs room while the disk has none left but the
// reserve.
var errReserve = reserveError{}

type reserveError struct{}

func (reserveError) Error() string {
	return "the disk has no room: until it has, only what frees room is taken"
}
func (reserveError) Is(target error) bool { return target == tier.ErrFull }

// view is a key's record as the ops judged so far would leave it.
type view struct {
	tier.Head
	frame []byte // nil: ask the durable tier
	err   error  // ErrCorrupt: the record is damaged, and can only be replaced or removed
	blind bool   // nobody looked whether there is a record: it can only be replaced
}

// replaces reports whether op does the same at now whatever record there is.
func replaces(op *tier.Op, now moment) bool {
	return op.Kind == tier.OpSet && !op.If && !op.Life.Keep && (op.Life.Deadline == 0 || op.Life.Deadline > now.ms)
}

// judge turns requests into one group. It changes nothing outside itself: a
// judge that is thrown away has not happened.
//
//  1. Ops are judged in order; each sees all earlier ones, of its own request
//     and of the requests before it.
//  2. A refused request leaves no trace.
//  3. One reading of the clock, taken after the group's conditional keys were
//     registered, decides all deadlines of the group.
//  4. Another process's request is judged if it is within this store's limits.
//  5. What a request makes the judge hold in memory beside its own bytes, the
//     frames of records that it touches or that refuse it, is bounded.
type judge struct {
	durable  tier.Durable
	now      moment
	maxBytes int64 // quota, 0: none
	maxHeld  int64 // of held, by one request
	opts     *Options
	reserve  bool // admit only what frees room

	views   map[string]view
	changes []tier.Change
	version uint64
	usage   tier.Usage
	judged  int   // how many requests
	held    int64 // bytes of frames that the group made or loaded beside those it was given
	undo    []undo
	quota   bool // some request was refused by the quota
}

// undo is one view before an op of the request being judged.
type undo struct {
	key string
	old view
}

// request judges r and fills its results. On a refusal r.err is set and the
// judge is as before.
func (j *judge) request(r *request) {
	changes, version, usage, held := len(j.changes), j.version, j.usage, j.held
	j.undo = j.undo[:0]
	j.judged++
	r.begin()
	if r.encode != nil {
		if r.err = j.opts.admit(r.ops, j.now); r.err != nil {
			return
		}
	}
	for i := range r.ops {
		res, err := j.op(&r.ops[i])
		if err == nil && j.held-held > j.maxHeld {
			err = tier.ErrTooLarge
		}
		if err == nil {
			r.results[i] = res
			continue
		}
		clear(r.results)
		r.results[i] = tier.Result{Current: res.Current, Err: err}
		r.err = err
		j.quota = j.quota || errors.Is(err, errQuota)
		break
	}
	if r.err == nil {
		return
	}
	for i := len(j.undo) - 1; i >= 0; i-- {
		j.views[j.undo[i].key] = j.undo[i].old
	}
	j.changes, j.version, j.usage = j.changes[:changes], version, usage
}

func (j *judge) op(op *tier.Op) (tier.Result, error) {
	cur := j.views[op.Key]
	live := cur.Live(j.now.ms)
	if op.If || op.Kind == tier.OpCheck || op.Kind == tier.OpTouch {
		if cur.err != nil {
			return tier.Result{}, cur.err
		}
	}
	if op.If || op.Kind == tier.OpCheck {
		if res, err := j.condition(op, cur, live); err != nil {
			return res, err
		}
	}
	switch op.Kind {
	case tier.OpCheck:
		return tier.Result{Head: j.liveHead(cur)}, nil
	case tier.OpSet:
		return j.set(op, cur, live)
	case tier.OpTouch:
		if !live {
			return tier.Result{}, tier.ErrNotFound
		}
		return j.touch(op, cur)
	case tier.OpDelete:
		if !live && cur.err == nil {
			return tier.Result{}, nil
		}
		return j.remove(op.Key, cur), nil
	case tier.OpExpire:
		if cur.Version == 0 || !cur.Expired(j.now.ms) {
			return tier.Result{Head: cur.Head}, nil
		}
		return j.remove(op.Key, cur), nil
	}
	panic("invariant judge 1: unknown kind of op")
}

// condition refuses op unless the live version is the expected one.
func (j *judge) condition(op *tier.Op, cur view, live bool) (tier.Result, error) {
	if j.liveHead(cur).Version == op.Expect {
		return tier.Result{}, nil
	}
	if !live || op.Kind == tier.OpCheck {
		return tier.Result{}, tier.ErrVersion
	}
	frame, err := j.frame(op.Key, cur)
	if err != nil {
		return tier.Result{}, err
	}
	return tier.Result{Current: tier.Record{Key: op.Key, Frame: frame, Head: cur.Head}}, tier.ErrVersion
}

func (j *judge) liveHead(cur view) tier.Head {
	if cur.Live(j.now.ms) {
		return cur.Head
	}
	return tier.Head{}
}

// frame returns the frame that cur stands for.
func (j *judge) frame(key string, cur view) ([]byte, error) {
	if cur.frame != nil {
		return cur.frame, nil
	}
	rec, found, err := j.durable.Load(key)
	if err != nil {
		return nil, err
	}
	if !found || rec.Version != cur.Version {
		return nil, fmt.Errorf("%w: a record changed under the committer", tier.ErrCorrupt)
	}
	j.held += int64(len(rec.Frame))
	return rec.Frame, nil
}

func (j *judge) set(op *tier.Op, cur view, live bool) (tier.Result, error) {
	deadline := j.deadline(op.Life, cur, live)
	if deadline != 0 && deadline <= j.now.ms {
		if !live && cur.err == nil {
			return tier.Result{}, nil
		}
		return j.remove(op.Key, cur), nil
	}
	if j.reserve {
		return tier.Result{}, errReserve
	}
	grown := tier.LogicalSize(op.Key, op.RawLen)
	if cur.Version != 0 {
		grown -= tier.LogicalSize(op.Key, cur.RawLen)
	}
	if j.maxBytes > 0 && grown > 0 && j.usage.LiveBytes+grown > j.maxBytes {
		return tier.Result{}, errQuota
	}
	j.version++
	head := codec.Seal(op.Frame, op.Key, j.version, deadline)
	return j.put(op.Key, cur, view{Head: head, frame: op.Frame}, false), nil
}

func (j *judge) touch(op *tier.Op, cur view) (tier.Result, error) {
	deadline := j.deadline(op.Life, cur, true)
	if deadline != 0 && deadline <= j.now.ms {
		return j.remove(op.Key, cur), nil
	}
	if j.reserve && (deadline == 0 || cur.Deadline != 0 && deadline > cur.Deadline) {
		return tier.Result{}, errReserve
	}
	body, err := j.frame(op.Key, cur)
	if err != nil {
		return tier.Result{}, err
	}
	j.version++
	frame, head := codec.Reseal(body, op.Key, j.version, deadline)
	j.held += int64(len(frame))
	return j.put(op.Key, cur, view{Head: head, frame: frame}, true), nil
}

// deadline is what l asks for, in unix milliseconds.
func (j *judge) deadline(l tier.Life, cur view, live bool) int64 {
	switch {
	case l.Keep && live:
		return cur.Deadline
	case l.Keep || l == (tier.Life{}):
		return 0
	case l.Deadline != 0:
		return l.Deadline
	}
	ttl := int64(l.TTL / time.Millisecond)
	if l.TTL%time.Millisecond != 0 {
		ttl++
	}
	if ttl > math.MaxInt64-j.now.msUp {
		return math.MaxInt64
	}
	return j.now.msUp + ttl
}

func (j *judge) put(key string, old, put view, touch bool) tier.Result {
	j.replace(key, old, put)
	j.changes = append(j.changes, tier.Change{Key: key, Frame: put.frame, Head: put.Head, Touch: touch, Blind: old.blind})
	return tier.Result{Head: put.Head, Applied: true}
}

// remove makes a version too, so that nothing that was read before can pass
// for the state after it.
func (j *judge) remove(key string, old view) tier.Result {
	j.version++
	j.replace(key, old, view{})
	j.changes = append(j.changes, tier.Change{Key: key, Head: tier.Head{Version: j.version}})
	return tier.Result{Head: tier.Head{Version: j.version}, Applied: true}
}

// replace keeps views and usage in step.
func (j *judge) replace(key string, old, put view) {
	j.undo = append(j.undo, undo{key, old})
	j.views[key] = put
	j.count(key, old.Head, -1)
	j.count(key, put.Head, +1)
}

func (j *judge) count(key string, h tier.Head, sign int64) {
	if h.Version == 0 {
		return
	}
	j.usage.Records += sign
	j.usage.LiveBytes += sign * tier.LogicalSize(key, h.RawLen)
	j.usage.RawBytes += sign * int64(h.RawLen)
	j.usage.StoredBytes += sign * int64(h.FrameLen)
}
