package kv

import (
	"github.com/stratakv/strata/tiered/tier"
)

const (
	// sweepPerWrite bounds the expired records that one write clears away
	// beside its own work.
	sweepPerWrite = 8
	// sweepWhenFull is how many are cleared away at a time for a write that has
	// no room.
	sweepWhenFull = 64
	// formSize is by how much a packed value may be longer than the value.
	formSize = 5
)

// Op is one operation of a write; see [tier.Op], whose kinds but OpExpire it
// has.
type Op struct {
	Kind   tier.Kind
	Key    string
	If     bool   // OpSet and OpDelete: the live record's version must be Expect, 0: none
	Expect uint64 // of If and OpCheck
	Value  []byte
	Life   Life
}

// Result is what an op did: the record's head after it, and whether it made a
// version. Of a removal only Version is set.
type Result struct {
	tier.Head
	Applied bool
}

// view is a key's record as the ops before leave it.
type view struct {
	tier.Head
	packed []byte // nil: in memory
	met    bool   // else it is to be looked up
}

// Write judges ops in their order, each seeing the earlier ones, and applies all
// or none. The results, in the order of ops, are lent until the next call. A
// refusal gives the refusing op's index with its error: ErrVersion, ErrNotFound
// (OpTouch of what is absent), ErrTTL, ErrTooLarge, ErrFull, ErrArgument. If
// many, the limits of a batch hold.
func (s *Store) Write(ops []Op, many bool, boot float64) (results []Result, refused int, err error) {
	now, err := s.clock.read(boot)
	if err != nil {
		return nil, 0, err
	}
	if many {
		if err := s.checkBatch(ops); err != nil {
			return nil, 0, err
		}
	}
	for i := range ops {
		if err := s.checkOp(&ops[i], now); err != nil {
			return nil, i, err
		}
	}
	defer s.forget()
	s.results = s.results[:0]
	version := s.version
	for i := range ops {
		res, err := s.judge(&ops[i], now, &version, len(ops) > 1)
		if err == nil && int64(len(s.frames)) > s.opts.BatchBytes+int64(len(ops))*formSize && len(ops) > 1 {
			err = tier.ErrTooLarge
		}
		if err != nil {
			return nil, i, err
		}
		s.results = append(s.results, res)
	}
	if err := s.commit(version, now); err != nil {
		return nil, 0, err
	}
	s.sweep(now.ms, sweepPerWrite)
	return s.results, 0, nil
}

func (s *Store) checkBatch(ops []Op) error {
	if len(ops) > s.opts.BatchOps {
		return tier.ErrTooLarge
	}
	var bytes int64
	for i := range ops {
		bytes += int64(len(ops[i].Key) + len(ops[i].Value))
	}
	if bytes > s.opts.BatchBytes {
		return tier.ErrTooLarge
	}
	return nil
}

// checkOp sees to what does not depend on any record.
func (s *Store) checkOp(op *Op, now moment) error {
	if len(op.Key) > MaxKeyBytes || len(op.Value) > s.opts.ValueBytes {
		return tier.ErrTooLarge
	}
	switch op.Kind {
	case tier.OpSet, tier.OpTouch:
		return s.check(op, now)
	case tier.OpDelete, tier.OpCheck:
		return nil
	}
	return ErrArgument
}

// judge decides op and adds what it changes to s.ops.
func (s *Store) judge(op *Op, now moment, version *uint64, many bool) (Result, error) {
	cur := s.look(op.Key, many)
	if !cur.Live(now.ms) {
		cur.Head = tier.Head{}
	}
	if (op.If || op.Kind == tier.OpCheck) && cur.Version != op.Expect {
		return Result{}, tier.ErrVersion
	}
	switch {
	case op.Kind == tier.OpCheck:
		return Result{Head: cur.Head}, nil
	case op.Kind == tier.OpTouch && cur.Version == 0:
		return Result{}, tier.ErrNotFound
	case op.Kind == tier.OpDelete:
		return s.remove(op.Key, cur, version, many), nil
	}
	deadline := s.deadline(op.Life, cur.Head, now)
	if deadline != 0 && deadline <= now.ms {
		return s.remove(op.Key, cur, version, many), nil
	}
	at, rawLen := len(s.frames), cur.RawLen
	switch {
	case op.Kind == tier.OpSet:
		s.frames = s.coder.Pack(s.frames, op.Value)
		rawLen = len(op.Value)
	case cur.packed != nil:
		s.frames = append(s.frames, cur.packed...)
	default:
		s.frames, _, _ = s.mem.AppendFrame(s.frames, op.Key)
	}
	*version++
	packed := s.frames[at:len(s.frames):len(s.frames)]
	head := tier.Head{Version: *version, Deadline: deadline, RawLen: rawLen, FrameLen: len(packed)}
	s.change(tier.Change{Key: op.Key, Frame: packed, Head: head, Touch: op.Kind == tier.OpTouch}, many)
	return Result{Head: head, Applied: true}, nil
}

// look finds the record of key as the ops before leave it.
func (s *Store) look(key string, many bool) view {
	if many {
		if v := s.views[key]; v.met {
			return v
		}
	}
	return view{Head: s.mem.Head(key)}
}

// remove takes the record away, if cur is one.
func (s *Store) remove(key string, cur view, version *uint64, many bool) Result {
	if cur.Version == 0 {
		return Result{}
	}
	*version++
	head := tier.Head{Version: *version}
	s.change(tier.Change{Key: key, Head: head}, many)
	return Result{Head: head, Applied: true}
}

func (s *Store) change(c tier.Change, many bool) {
	s.ops = append(s.ops, c)
	if !many {
		return
	}
	v := view{met: true}
	if c.Frame != nil {
		v.Head, v.packed = c.Head, c.Frame
	}
	s.views[c.Key] = v
}

// commit applies s.ops, after clearing away what has expired if that is where
// the room is.
func (s *Store) commit(version uint64, now moment) error {
	if len(s.ops) == 0 {
		return nil
	}
	g := tier.Group{Changes: s.ops, Version: version, Stamp: tier.Stamp{Store: now.ms * nsPerMs}}
	err := s.mem.Commit(&g)
	for err == tier.ErrFull && s.sweep(now.ms, sweepWhenFull) > 0 {
		err = s.mem.Commit(&g)
	}
	if err != nil {
		return err
	}
	s.version = version
	s.counters.Writes += uint64(len(s.ops))
	for i := range s.ops {
		if d := s.ops[i].Deadline; d != 0 && s.ops[i].Frame != nil {
			s.nextDue = min(s.nextDue, d)
		}
	}
	return nil
}

// forget lets go of what the write held, but not of its results.
func (s *Store) forget() {
	clear(s.ops)
	s.ops = s.ops[:0]
	clear(s.views)
	if cap(s.ops) > maxKeptOps {
		s.ops, s.views = nil, map[string]view{}
	}
	s.frames = s.frames[:0]
	s.trim()
}

// maxKeptOps is the longest write whose memory is kept.
const maxKeptOps = 1024
