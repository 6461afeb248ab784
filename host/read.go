package host

import "github.com/stratakv/strata/tiered/tier"

// The bodies of reads and of their answers.

func (e *encoder) head(h tier.Head) {
	e.uint(h.Version)
	e.int(h.Deadline)
	e.uint(uint64(h.RawLen))
	e.uint(uint64(h.FrameLen))
}

func (d *decoder) head() tier.Head {
	return tier.Head{Version: d.uint(), Deadline: d.int(), RawLen: d.length(), FrameLen: d.length()}
}

func (e *encoder) record(r tier.Record) {
	e.string(r.Key)
	e.head(r.Head)
	e.bytes(r.Frame)
}

func (d *decoder) record() tier.Record {
	return tier.Record{Key: d.string(), Head: d.head(), Frame: d.bytes()}
}

// recordBytes is about what a record takes on the wire.
func recordBytes(r tier.Record) int { return len(r.Key) + len(r.Frame) + 32 }

func (e *encoder) records(recs []tier.Record) {
	n := 0
	for _, r := range recs {
		n += recordBytes(r)
	}
	e.grow(n + 16)
	e.uint(uint64(len(recs)))
	for _, r := range recs {
		e.record(r)
	}
}

// minRecord is the least that a record takes: two lengths and four numbers.
const minRecord = 6

func (d *decoder) records() []tier.Record {
	recs := make([]tier.Record, d.count(minRecord))
	for i := range recs {
		recs[i] = d.record()
	}
	return recs
}

func (e *encoder) keys(keys []string) {
	e.uint(uint64(len(keys)))
	for _, k := range keys {
		e.string(k)
	}
}

// maxKeys is how many keys a kindLoadMany may name.
const maxKeys = 256

func (d *decoder) keys() []string {
	n := d.count(1)
	if n > maxKeys {
		d.fail()
		return nil
	}
	keys := make([]string, n)
	for i := range keys {
		keys[i] = d.string()
	}
	return keys
}

func (e *encoder) scanRange(r tier.Range) {
	e.string(r.Prefix)
	e.string(r.From)
	e.uint(uint64(r.Records))
	e.uint(uint64(r.MaxBytes))
}

func (d *decoder) scanRange() tier.Range {
	return tier.Range{Prefix: d.string(), From: d.string(), Records: d.length(), MaxBytes: d.length()}
}

// loadAnswer answers kindLoad.
type loadAnswer struct {
	rec   tier.Record
	found bool
	err   error
}

func (a *loadAnswer) encode(e *encoder) {
	e.grow(recordBytes(a.rec) + 16)
	e.error(a.err)
	e.flags(a.found)
	if a.found {
		e.record(a.rec)
	}
}

func (a *loadAnswer) decode(d *decoder) {
	a.err = d.error()
	if a.found = d.flags(1)[0]; a.found {
		a.rec = d.record()
	}
}

// manyAnswer answers kindLoadMany: records of the first keys, at least one
// without an error.
type manyAnswer struct {
	recs []tier.Record
	err  error
}

func (a *manyAnswer) encode(e *encoder) {
	e.error(a.err)
	e.records(a.recs)
}

func (a *manyAnswer) decode(d *decoder) {
	a.err = d.error()
	a.recs = d.records()
}

// scanAnswer answers kindScan.
type scanAnswer struct {
	recs []tier.Record
	next string
	more bool
	err  error
}

func (a *scanAnswer) encode(e *encoder) {
	e.error(a.err)
	e.string(a.next)
	e.flags(a.more)
	e.records(a.recs)
}

func (a *scanAnswer) decode(d *decoder) {
	a.err = d.error()
	a.next = d.string()
	a.more = d.flags(1)[0]
	a.recs = d.records()
}

// countAnswer answers kindDeleteExpired. ErrClosed, since version 2: the owner has
// closed after n, and the next one is to go on.
type countAnswer struct {
	n   int
	err error
}

func (a *countAnswer) encode(e *encoder) {
	e.error(a.err)
	e.uint(uint64(a.n))
}

func (a *countAnswer) decode(d *decoder) {
	a.err = d.error()
	a.n = int(min(d.uint(), 1<<31-1))
}

// bytesAnswer answers kindStats and kindDictionary.
type bytesAnswer struct {
	bytes []byte
	err   error
}

func (a *bytesAnswer) encode(e *encoder) {
	e.error(a.err)
	e.bytes(a.bytes)
}

func (a *bytesAnswer) decode(d *decoder) {
	a.err = d.error()
	a.bytes = d.bytes()
}
