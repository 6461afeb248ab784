package tiertest

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/stratakv/strata/tiered/tier"
)

// everything is a range that one chunk answers, if the Durable likes.
func everything(prefix string) tier.Range {
	return tier.Range{Prefix: prefix, Records: math.MaxInt32, MaxBytes: math.MaxInt32}
}

// short makes a key fit into a message.
func short(key string) string {
	if len(key) > 24 {
		return fmt.Sprintf("%.24q… (%d bytes)", key, len(key))
	}
	return fmt.Sprintf("%q", key)
}

// load is Durable.Load for cases that expect no error.
func (p *probe) load(key string) (tier.Record, bool) {
	rec, found, err := p.durable.Load(key)
	if err != nil {
		p.Fatalf("Load(%s): got error %v", short(key), err)
	}
	return rec, found
}

// verifyKey compares Load of key with the ledger.
func (p *probe) verifyKey(key string) {
	got, found := p.load(key)
	want, ok := p.records[key]
	if found != ok {
		p.Errorf("Load(%s): got found %v, want %v", short(key), found, ok)
		return
	}
	if ok {
		p.verifyRecord("Load", got, want)
	}
}

func (p *probe) verifyRecord(op string, got, want tier.Record) {
	if got.Key != want.Key {
		p.Errorf("%s: got a record of key %s, want %s", op, short(got.Key), short(want.Key))
		return
	}
	if got.Head != want.Head {
		p.Errorf("%s of %s: got head %+v, want %+v", op, short(want.Key), got.Head, want.Head)
	}
	if !bytes.Equal(got.Frame, want.Frame) {
		p.Errorf("%s of %s: got another frame (%d bytes) than went in (%d bytes)",
			op, short(want.Key), len(got.Frame), len(want.Frame))
	}
}

// verifyHeads compares Heads of keys with the ledger. The slice to fill is
// full of lies before.
func (p *probe) verifyHeads(keys []string) {
	heads := make([]tier.Head, len(keys))
	for i := range heads {
		heads[i] = tier.Head{Version: math.MaxUint64, Deadline: 1, RawLen: 1, FrameLen: 1}
	}
	if err := p.durable.Heads(keys, heads, nil); err != nil {
		p.Errorf("Heads of %d keys: got error %v", len(keys), err)
		return
	}
	for i, key := range keys {
		if want := p.records[key].Head; heads[i] != want {
			p.Errorf("Heads[%d], key %s: got %+v, want %+v", i, short(key), heads[i], want)
		}
	}
}

// scan reads a whole range chunk by chunk, judging each chunk by itself.
func (p *probe) scan(r tier.Range) []tier.Record {
	var all []tier.Record
	for {
		recs, more, err := p.durable.Scan(r)
		if err != nil {
			p.Fatalf("Scan(%s from %s): got error %v", short(r.Prefix), short(r.From), err)
		}
		p.verifyChunk(r, recs)
		all = append(all, recs...)
		if !more {
			return all
		}
		if len(recs) == 0 {
			p.Fatalf("Scan(%s from %s): got no record and more, want at least one record", short(r.Prefix), short(r.From))
		}
		r.From = recs[len(recs)-1].Key + "\x00"
	}
}

// verifyChunk judges order, bounds and limits of one chunk.
func (p *probe) verifyChunk(r tier.Range, recs []tier.Record) {
	if len(recs) > r.Records {
		p.Errorf("Scan with Records %d: got %d records", r.Records, len(recs))
	}
	size := 0
	for i, rec := range recs {
		if !strings.HasPrefix(rec.Key, r.Prefix) || rec.Key < r.From {
			p.Fatalf("Scan(%s from %s): got key %s outside of it", short(r.Prefix), short(r.From), short(rec.Key))
		}
		if i > 0 && rec.Key <= recs[i-1].Key {
			p.Fatalf("Scan: got key %s behind %s", short(rec.Key), short(recs[i-1].Key))
		}
		if size >= r.MaxBytes {
			p.Errorf("Scan with MaxBytes %d: got a record behind the %d bytes that reached it", r.MaxBytes, size)
		}
		size += len(rec.Frame)
	}
}

// verifyScan compares a whole range with the ledger.
func (p *probe) verifyScan(r tier.Range) {
	got := p.scan(r)
	var want []string
	for _, key := range p.keys() {
		if strings.HasPrefix(key, r.Prefix) && key >= r.From {
			want = append(want, key)
		}
	}
	if len(got) != len(want) {
		p.Errorf("Scan(%s from %s, chunks of %d records or %d bytes): got %d records, want %d",
			short(r.Prefix), short(r.From), r.Records, r.MaxBytes, len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		p.verifyRecord("Scan", got[i], p.records[want[i]])
	}
}

// verifyDue compares Due with the ledger, without and with a limit.
func (p *probe) verifyDue(now int64) {
	var want []string
	for key, rec := range p.records {
		if rec.Expired(now) {
			want = append(want, key)
		}
	}
	slices.Sort(want)
	for _, limit := range []int{len(want) + 1, max(1, len(want)/2)} {
		got := p.due(now, limit)
		if len(got) != min(limit, len(want)) {
			p.Errorf("Due(%d, %d): got %d keys, want %d", now, limit, len(got), min(limit, len(want)))
		}
		for _, key := range got {
			if _, ok := slices.BinarySearch(want, key); !ok {
				p.Errorf("Due(%d, %d): got key %s, which is not due", now, limit, short(key))
			}
		}
	}
}

// due is Durable.Due, sorted, for cases that expect no error; a key twice is
// a fault.
func (p *probe) due(now int64, limit int) []string {
	keys, err := p.durable.Due(now, limit)
	if err != nil {
		p.Fatalf("Due(%d, %d): got error %v", now, limit, err)
	}
	got := slices.Clone(keys)
	slices.Sort(got)
	if n := len(slices.Compact(slices.Clone(got))); n != len(got) {
		p.Errorf("Due(%d, %d): got %d keys of which %d repeat others", now, limit, len(got), len(got)-n)
	}
	return got
}

// verifyUsage compares the counters with the ledger. What blind changes hide
// may be settled already, though Overcount has not said so.
func (p *probe) verifyUsage() {
	if p.hidden != (tier.Usage{}) {
		return
	}
	if got := p.durable.Stats().Usage; got != p.usage {
		p.Errorf("Stats().Usage: got %+v, want %+v", got, p.usage)
	}
}

// verifyAll compares everything that the Durable tells with the ledger;
// absent are further keys that must not be there.
func (p *probe) verifyAll(absent ...string) {
	keys := append(p.keys(), absent...)
	for _, key := range keys {
		p.verifyKey(key)
	}
	p.verifyHeads(keys)
	p.verifyScan(everything(""))
	p.verifyDue(math.MaxInt64)
	p.verifyUsage()
}
