package host

import (
	"context"
	"errors"

	"github.com/stratakv/strata/tiered/tier"
)

// The most that one chunk of a scan, or one answer to a LoadMany, takes.
const (
	chunkRecords = 1024
	chunkBytes   = 1 << 20
)

// answer makes the answer to a request that is no write. The error is the
// owner's, in the answer already, or a fault of the peer.
func (p *peer) answer(ctx context.Context, m message, e *encoder) error {
	o := p.server.owned
	d := &decoder{buf: m.body}
	switch m.kind {
	case kindLoad:
		key := d.string()
		if d.end() != nil {
			break
		}
		var a loadAnswer
		a.rec, a.found, a.err = o.Load(ctx, key)
		a.encode(e)
		return a.err
	case kindLoadMany:
		keys := d.keys()
		if d.end() != nil {
			break
		}
		a := loadSome(ctx, o, keys)
		a.encode(e)
		return a.err
	case kindScan:
		r := d.scanRange()
		if d.end() != nil || r.Records < 1 || r.MaxBytes < 1 {
			break
		}
		r.Records, r.MaxBytes = min(r.Records, chunkRecords), min(r.MaxBytes, chunkBytes)
		var a scanAnswer
		a.recs, a.next, a.more, a.err = o.Scan(ctx, r)
		a.encode(e)
		return a.err
	case kindDeleteExpired:
		a := p.deleteExpired(ctx)
		a.encode(e)
		if a.n > 0 && errors.Is(a.err, tier.ErrClosed) {
			return nil // it is an answer
		}
		return a.err
	case kindStats:
		a := bytesAnswer{bytes: o.Stats()}
		a.encode(e)
		return nil
	case kindDictionary:
		id := d.uint()
		if d.end() != nil || id > 1<<32-1 {
			break
		}
		var a bytesAnswer
		a.bytes, a.err = o.Dictionary(ctx, uint32(id))
		a.encode(e)
		return a.err
	}
	return fault("a request that cannot be read")
}

// deleteExpired tells a follower, if it knows that answer, what was done before
// the owner began to close.
func (p *peer) deleteExpired(ctx context.Context) (a countAnswer) {
	a.n, a.err = p.server.owned.DeleteExpired(ctx)
	if a.err != nil && p.server.ctx.Err() != nil {
		a.err = tier.ErrClosed
	}
	if p.version < 2 && errors.Is(a.err, tier.ErrClosed) {
		a.n = 0
	}
	return a
}

// loadSome loads the first of keys, until the answer is long enough.
func loadSome(ctx context.Context, o Owned, keys []string) (a manyAnswer) {
	bytes := 0
	for _, key := range keys {
		var rec tier.Record
		rec, _, a.err = o.Load(ctx, key)
		if a.err != nil {
			a.recs = nil
			return a
		}
		a.recs = append(a.recs, rec)
		if bytes += recordBytes(rec); bytes >= chunkBytes {
			break
		}
	}
	return a
}
