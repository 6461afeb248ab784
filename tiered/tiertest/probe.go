package tiertest

import (
	"bytes"
	"slices"
	"time"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/internal/suite"
	"github.com/stratakv/strata/tiered/tier"
)

// maxValue is the decode limit of the suite's frames.
const maxValue = 64 << 20

// probe is one case at work: the Durable under test, a ledger of what it
// must hold, and the faults found. Only Errorf may be called from goroutines
// that a case starts; everything else belongs to the case's own.
type probe struct {
	suite.Faults

	durable tier.Durable
	subject Subject
	codec   *codec.Codec

	// The ledger: what the Durable must hold after commit.
	records map[string]tier.Record // frames are the ledger's own copies
	usage   tier.Usage
	hidden  tier.Usage // what blind changes made the groups count beside it
	version uint64
	stamp   tier.Stamp
	pending []tier.Change
}

func newProbe(s Subject) *probe {
	p := &probe{subject: s, durable: s.Durable, records: map[string]tier.Record{}}
	var err error
	if p.codec, err = codec.New(codec.Options{}, maxValue); err != nil {
		p.Errorf("codec: %v", err)
	}
	return p
}

func (p *probe) close() {
	if p.durable != nil {
		if err := p.durable.Close(); err != nil {
			p.Errorf("Close: got %v, want nil", err)
		}
	}
	if p.subject.Cleanup != nil {
		p.subject.Cleanup()
	}
}

// reopen closes the Durable and opens its records again.
func (p *probe) reopen() {
	d := p.durable
	p.durable = nil
	if err := d.Close(); err != nil {
		p.Errorf("Close: got %v, want nil", err)
	}
	d, err := p.subject.Reopen()
	if err != nil {
		p.Fatalf("Reopen: got %v, want nil", err)
	}
	p.durable, p.hidden = d, tier.Usage{}
}

// set queues a set of key for the next commit. value is not kept.
func (p *probe) set(key string, value []byte, deadline int64) {
	p.version++
	frame := p.codec.Encode(value)
	head := codec.Seal(frame, key, p.version, deadline)
	p.put(tier.Change{Key: key, Frame: frame, Head: head})
}

// touch queues a new deadline for key, which must be in the ledger.
func (p *probe) touch(key string, deadline int64) {
	p.version++
	frame, head := codec.Reseal(p.records[key].Frame, key, p.version, deadline)
	p.put(tier.Change{Key: key, Frame: frame, Head: head, Touch: true})
}

// remove queues the removal of key.
func (p *probe) remove(key string) {
	p.version++
	p.drop(key)
	p.pending = append(p.pending, tier.Change{Key: key, Head: tier.Head{Version: p.version}})
}

// setBlind queues sets of keys, which the caller need not know the heads of: all
// but the last, twice.
func (p *probe) setBlind(keys []string) {
	heads, blind := make([]tier.Head, len(keys)), make([]bool, len(keys))
	for i := range keys {
		blind[i] = i < len(keys)-1
	}
	may := slices.Clone(blind)
	if err := p.durable.Heads(keys, heads, blind); err != nil {
		p.Fatalf("Heads of %d keys: got error %v", len(keys), err)
	}
	for i, key := range keys {
		want := p.records[key].Head
		if blind[i] {
			want = tier.Head{}
		}
		if blind[i] && !may[i] || heads[i] != want {
			p.Errorf("Heads[%d], key %s: got %+v, left out: %t; want %+v, left out at most if %t", i, short(key), heads[i], blind[i], want, may[i])
		}
		if blind[i] {
			p.hidden = p.hidden.Plus(p.records[key].Head.Usage(key))
		}
		p.set(key, []byte(key), 0)
		p.pending[len(p.pending)-1].Blind = blind[i]
		p.set(key, noise(p.version, i*5), int64(i))
	}
}

func (p *probe) put(c tier.Change) {
	p.drop(c.Key)
	p.records[c.Key] = tier.Record{Key: c.Key, Frame: bytes.Clone(c.Frame), Head: c.Head}
	p.count(c.Key, c.Head, 1)
	p.pending = append(p.pending, c)
}

func (p *probe) drop(key string) {
	if rec, ok := p.records[key]; ok {
		p.count(key, rec.Head, -1)
		delete(p.records, key)
	}
}

func (p *probe) count(key string, h tier.Head, sign int64) {
	p.usage.Records += sign
	p.usage.LiveBytes += sign * tier.LogicalSize(key, h.RawLen)
	p.usage.RawBytes += sign * int64(h.RawLen)
	p.usage.StoredBytes += sign * int64(h.FrameLen)
}

// epochMillis is where the suite's store clock starts: any moment will do.
const epochMillis = 1_700_000_000_000

// commit hands over what is queued as one group. The changes' slice is
// scrubbed afterwards: a Durable keeps the frames, not the slice.
func (p *probe) commit() {
	p.stamp = tier.Stamp{
		Store:  epochMillis + int64(p.version),
		Boot:   time.Hour + time.Duration(p.version)*time.Millisecond,
		BootID: "a boot",
	}
	g := &tier.Group{Changes: p.pending, Version: p.version, Usage: p.usage.Plus(p.hidden), Stamp: p.stamp}
	if err := p.durable.Commit(g); err != nil {
		p.Fatalf("Commit of %d changes: got %v, want nil", len(p.pending), err)
	}
	scrub := tier.Change{Key: "scrubbed", Frame: []byte("scrubbed"), Head: tier.Head{Version: 1, Deadline: 1}}
	for i := range p.pending {
		p.pending[i] = scrub
	}
	*g = tier.Group{}
	p.pending = p.pending[:0]
}

// keys gives the ledger's keys in ascending order.
func (p *probe) keys() []string {
	keys := make([]string, 0, len(p.records))
	for key := range p.records {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
