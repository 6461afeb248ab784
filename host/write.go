package host

import (
	"slices"
	"time"

	"github.com/stratakv/strata/tiered/tier"
)

// writeRequest is the body of kindWrite; the ticket's client is the
// connection's. What changes from one sending to the next stands in front.
type writeRequest struct {
	seq, low uint64
	again    bool
	after    uint64
	ops      []tier.Op // decode uses their room

	maxBytes int64 // of opsBytes, for decode
}

// minOp is the least that an op takes on the wire, and opOverhead more than
// what it takes besides key and frame.
const (
	minOp      = 6
	opOverhead = 64
)

func opsBytes(ops []tier.Op) (n int64) {
	for i := range ops {
		n += int64(len(ops[i].Key)+len(ops[i].Frame)) + opOverhead
	}
	return n
}

func (w *writeRequest) encode(e *encoder) {
	e.uint(w.seq)
	e.uint(w.low)
	e.flags(w.again)
	e.uint(w.after)
	e.uint(uint64(len(w.ops)))
	for i := range w.ops {
		e.op(&w.ops[i])
	}
}

func (w *writeRequest) decode(d *decoder) {
	w.seq, w.low = d.uint(), d.uint()
	w.again = d.flags(1)[0]
	w.after = d.uint()
	n := d.count(minOp)
	if int64(n)*opOverhead > w.maxBytes {
		d.fail()
		return
	}
	w.ops = slices.Grow(w.ops[:0], n)[:n]
	for i := range w.ops {
		w.ops[i] = d.op()
	}
	if w.seq == 0 || w.low > w.seq {
		d.fail()
	}
}

func (e *encoder) op(op *tier.Op) {
	e.byte(byte(op.Kind))
	e.string(op.Key)
	e.flags(op.If, op.Life.TTL != 0, op.Life.Deadline != 0, op.Life.Keep)
	e.uint(op.Expect)
	e.bytes(op.Frame)
	e.uint(uint64(op.RawLen))
	if op.Life.TTL != 0 {
		e.int(int64(op.Life.TTL))
	}
	if op.Life.Deadline != 0 {
		e.int(op.Life.Deadline)
	}
}

func (d *decoder) op() tier.Op {
	op := tier.Op{Kind: tier.Kind(d.byte()), Key: d.string()}
	flags := d.flags(4)
	op.If, op.Life.Keep = flags[0], flags[3]
	op.Expect, op.Frame, op.RawLen = d.uint(), d.bytes(), d.length()
	if flags[1] {
		op.Life.TTL = time.Duration(d.int())
	}
	if flags[2] {
		op.Life.Deadline = d.int()
	}
	if op.Kind < tier.OpSet || op.Kind > tier.OpExpire {
		d.fail()
	}
	return op
}

// writeAnswer answers kindWrite.
type writeAnswer struct {
	results []tier.Result
	err     error
}

func (a *writeAnswer) encode(e *encoder) {
	e.error(a.err)
	e.uint(uint64(len(a.results)))
	for i := range a.results {
		e.result(&a.results[i])
	}
}

func (a *writeAnswer) decode(d *decoder) {
	a.err = d.error()
	if n := d.count(minResult); n > 0 {
		a.results = make([]tier.Result, n)
	}
	for i := range a.results {
		a.results[i] = d.result()
	}
}

// resultsBytes is more than what results take on the wire, errors aside.
func resultsBytes(results []tier.Result) (n int) {
	for i := range results {
		n += recordBytes(results[i].Current) + opOverhead
	}
	return n
}

// minResult is the least that a result takes on the wire.
const minResult = 6

func (e *encoder) result(r *tier.Result) {
	e.flags(r.Applied, r.Own, r.Current.Version != 0)
	e.head(r.Head)
	e.error(r.Err)
	if r.Own {
		e.uint(r.Tag)
	}
	if r.Current.Version != 0 {
		e.record(r.Current)
	}
}

func (d *decoder) result() tier.Result {
	flags := d.flags(3)
	r := tier.Result{Applied: flags[0], Own: flags[1], Head: d.head(), Err: d.error()}
	if r.Own {
		r.Tag = d.uint()
	}
	if flags[2] {
		r.Current = d.record()
	}
	return r
}
