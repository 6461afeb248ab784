//go:build !wasm

package l3bolt

import (
	"bytes"
	"strings"

	"github.com/stratakv/strata/tiered/tier"
	"github.com/tidwall/btree"
	bolt "go.etcd.io/bbolt"
)

// Scan returns one chunk as of one moment: overlays and bbolt transaction are
// taken under the lock that publishes groups and drops frozen overlays, and
// merged outside of it.
func (d *DB) Scan(r tier.Range) (recs []tier.Record, more bool, err error) {
	active, frozen, v, err := d.snapshot()
	if err != nil {
		return nil, false, d.damage(err)
	}
	s := scan{r: r}
	err = v.end(func(tx *bolt.Tx) error {
		return s.run(active, frozen, tx.Bucket(bucketRecords).Cursor())
	})
	return s.recs, s.more, d.damage(err)
}

// snapshot takes the published state. frozen may be nil. The transaction may
// already hold what frozen holds: it is the same.
func (d *DB) snapshot() (active, frozen *btree.Map[string, entry], v view, err error) {
	d.scanMu.Lock()
	defer d.scanMu.Unlock()
	d.catchUp()
	d.mu.RLock()
	defer d.mu.RUnlock()
	if v, err = d.base.begin(); err != nil {
		return nil, nil, view{}, err
	}
	return d.active.copyTree(), d.frozen.copyTree(), v, nil
}

// scan merges the three parts of a snapshot.
type scan struct {
	r     tier.Range
	recs  []tier.Record
	bytes int
	more  bool
}

// source is one part: the entries of a tree, or the records of bbolt.
type source struct {
	key  string
	ok   bool // key is in the range
	next func() (key string, ok bool)
	load func() (tier.Record, error) // of key; a zero Version is a removal
}

func (s *source) advance() { s.key, s.ok = s.next() }

func (s *scan) run(active, frozen *btree.Map[string, entry], c *bolt.Cursor) error {
	sources := []*source{s.overlay(active)}
	if frozen != nil {
		sources = append(sources, s.overlay(frozen))
	}
	sources = append(sources, s.stored(c))
	for {
		first := lowest(sources)
		if first == nil {
			return nil
		}
		if len(s.recs) >= s.r.Records || (s.bytes >= s.r.MaxBytes && len(s.recs) > 0) {
			s.more = true
			return nil
		}
		rec, err := first.load()
		if err != nil {
			return err
		}
		if rec.Version != 0 {
			s.recs = append(s.recs, rec)
			s.bytes += len(rec.Key) + len(rec.Frame)
		}
		for _, older := range sources {
			if older != first && older.ok && older.key == first.key {
				older.advance()
			}
		}
		first.advance()
	}
}

// lowest is the source with the lowest key; of equal ones the first, which is
// the newest.
func lowest(sources []*source) *source {
	var low *source
	for _, src := range sources {
		if src.ok && (low == nil || src.key < low.key) {
			low = src
		}
	}
	return low
}

// start is the lowest key of the range.
func (s *scan) start() string { return max(s.r.Prefix, s.r.From) }

func (s *scan) overlay(tree *btree.Map[string, entry]) *source {
	it := tree.Iter()
	src := new(source)
	at := func(ok bool) (string, bool) {
		if !ok || !strings.HasPrefix(it.Key(), s.r.Prefix) {
			return "", false
		}
		return it.Key(), true
	}
	src.next = func() (string, bool) { return at(it.Next()) }
	src.load = func() (tier.Record, error) {
		if e := it.Value(); e.frame != nil {
			return e.record(src.key), nil
		}
		return tier.Record{}, nil
	}
	src.key, src.ok = at(it.Seek(s.start()))
	return src
}

func (s *scan) stored(c *bolt.Cursor) *source {
	src := new(source)
	var raw []byte
	prefix := appendRecordKey(nil, s.r.Prefix)
	at := func(k, v []byte) (string, bool) {
		if k == nil || !bytes.HasPrefix(k, prefix) {
			return "", false
		}
		raw = v
		// A garbled length is not believed: such a key fails the record's
		// checksum.
		return string(k[1:min(len(k), 1+maxKeyBytes)]), true
	}
	src.next = func() (string, bool) { return at(c.Next()) }
	src.load = func() (tier.Record, error) {
		v, err := parseValue(raw)
		if err != nil {
			return tier.Record{}, err
		}
		return copyRecord(src.key, v)
	}
	src.key, src.ok = at(c.Seek(appendRecordKey(nil, s.start())))
	return src
}
