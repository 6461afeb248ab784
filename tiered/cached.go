//go:build !wasm

package tiered

import (
	"cmp"
	"context"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/l1"
	"github.com/stratakv/strata/l2mmap"
	"github.com/stratakv/strata/tiered/tier"
)

// place is where a key's copies are looked for: its hash, and its bucket's word
// as it was before anything else was read.
type place struct {
	caches *caches // nil: none, or not looked at
	hash   uint64
	word   l2mmap.Word
	known  bool // hash and word are set
	peeked bool // L1 was asked already, and missed
}

// trusted reports whether copies tagged with the word's generation are good at
// the moment at which the word was read.
func (p place) trusted() bool { return p.word.InFlight() == 0 }

// fetch is the way of a read (DESIGN: the data's way):
//
//  1. w = the word of the key's bucket. All copies are judged by w.
//  2. If nothing is in flight: an L1 entry of the full key, tagged with w's
//     generation, whose deadline is ahead, is a hit. The read takes effect at
//     step 1.
//  3. Else the L2 frame likewise; it fills L1.
//  4. Else a load from the authority, which reads the published state and
//     never waits. While nothing was in flight at step 1 it is shared with
//     callers that read the same w. It fills L2 under the page lock if the word
//     still equals w there, and L1 with w's generation as its tag.
//
// p is what a peek before has found out, or the zero place.
func (s *Store) fetch(ctx context.Context, key string, p place) (fetched, bool, error) {
	if !p.known {
		c := s.caches.Load()
		if c == nil {
			return s.fetchTruth(ctx, key)
		}
		p = c.place(key)
	}
	if f, hit := s.lookup(key, p); hit {
		return f, true, nil
	}
	rec, found, err := s.load(ctx, key, p)
	if err != nil || !found {
		return fetched{}, false, err
	}
	f, err := s.filled(rec, p)
	return f, err == nil, err
}

// peek lends the value of an L1 hit: the steps 1 and 2 of fetch and nothing
// else. Whatever is not one is left to fetch.
func (s *Store) peek(ctx context.Context, key string) (value []byte, p place, hit bool) {
	c := s.caches.Load()
	if c == nil || c.l1 == nil || len(key) > MaxKeyBytes || s.ready(ctx) != nil {
		return nil, p, false
	}
	if p = c.place(key); !p.trusted() {
		return nil, p, false
	}
	// The clock is a third of a hit: it is read only for an entry that has a
	// deadline.
	e, hit := c.l1.Get(p.hash, key, p.word.Generation(), 0)
	if !hit || e.Deadline != 0 && e.Deadline <= s.clock.now() {
		p.peeked = true
		return nil, p, false
	}
	return e.Value, p, true
}

func (c *caches) place(key string) place {
	hash := c.hash(key)
	return place{caches: c, hash: hash, word: c.control.Load(l2mmap.BucketOf(hash)), known: true}
}

// lookup is steps 2 and 3.
func (s *Store) lookup(key string, p place) (fetched, bool) {
	if !p.trusted() {
		return fetched{}, false
	}
	c, now := p.caches, s.clock.now()
	if c.l1 != nil && !p.peeked {
		if e, hit := c.l1.Get(p.hash, key, p.word.Generation(), now); hit {
			return fetched{
				Item: Item{Key: key, Value: e.Value, Expires: expiresAt(e.Deadline), Version: e.Version, Tier: TierL1},
				lent: true,
			}, true
		}
	}
	if c.l2 == nil {
		return fetched{}, false
	}
	buf := c.frames.Get().(*[]byte)
	defer c.frames.Put(buf)
	frame, _, hit := c.l2.Get((*buf)[:0], key, p.hash, now)
	if !hit {
		return fetched{}, false
	}
	if cap(frame) <= maxKeptFrame {
		*buf = frame
	}
	return s.fromL2(key, frame, p, now)
}

// maxKeptFrame is the largest buffer that is kept for the next frame.
const maxKeptFrame = 64 << 10

// fromL2 decodes a frame that L2 held. One that does not decode is a miss.
func (s *Store) fromL2(key string, frame []byte, p place, now int64) (fetched, bool) {
	head, err := p.caches.headOf(key, frame)
	if err != nil || head.Expired(now) {
		return fetched{}, false
	}
	value, err := s.decode(key, frame)
	if err != nil {
		p.caches.faults.Add(1)
		return fetched{}, false
	}
	rec := tier.Record{Key: key, Head: head}
	return fetched{Item: itemOf(rec, value, TierL2), lent: p.caches.keepValue(rec, value, p.hash, p.word.Generation())}, true
}

// load is step 4, without the fill of L1.
func (s *Store) load(ctx context.Context, key string, p place) (tier.Record, bool, error) {
	if !p.trusted() {
		return s.auth.Load(ctx, key)
	}
	rec, found, shared, err := p.caches.flights.do(ctx, flightKey{key, p.word}, func() (tier.Record, bool, error) {
		rec, found, err := s.auth.Load(ctx, key)
		if found && err == nil && p.caches.l2 != nil {
			// A refused fill is no fault: the next miss tries again.
			_ = p.caches.l2.Fill(key, p.hash, rec.Frame, rec.Deadline, s.clock.now(), p.word)
		}
		return rec, found, err
	})
	if shared && err == nil && found && rec.Expired(s.clock.now()) {
		return s.auth.Load(ctx, key) // it was alive for the one who loaded it
	}
	return rec, found, err
}

// filled decodes a record of the authority and fills L1.
func (s *Store) filled(rec tier.Record, p place) (fetched, error) {
	value, err := s.decode(rec.Key, rec.Frame)
	if err != nil {
		return fetched{}, err
	}
	lent := p.trusted() && p.caches.keepValue(rec, value, p.hash, p.word.Generation())
	return fetched{Item: itemOf(rec, value, s.tier), lent: lent}, nil
}

// keepValue fills L1 with value, which is L1's own from then on.
func (c *caches) keepValue(rec tier.Record, value []byte, hash, tag uint64) bool {
	if c.l1 == nil {
		return false
	}
	c.l1.Fill(hash, l1.Entry{Key: rec.Key, Value: value, Tag: tag, Deadline: rec.Deadline, Version: rec.Version})
	return true
}

// keepOwn fills L1 with a copy of the value that a write of this process has
// just made, if the write's answer allows it: the tag is the one that the end
// of the write's own group made, never a later reading of the word.
func (s *Store) keepOwn(key string, value []byte, res outcome) {
	c := res.caches
	if c == nil || c.l1 == nil || !res.Own {
		return
	}
	own := make([]byte, len(value))
	copy(own, value)
	c.keepValue(tier.Record{Key: key, Head: res.Head}, own, c.hash(key), res.Tag)
}

// fetchMany calls fn with the live ones of keys.
func (s *Store) fetchMany(ctx context.Context, keys []string, fn func(fetched)) error {
	c := s.caches.Load()
	if c == nil {
		return s.fetchManyTruth(ctx, keys, fn)
	}
	var missed []string
	var places []place
	for _, key := range keys {
		p := c.place(key)
		if f, hit := s.lookup(key, p); hit {
			fn(f)
			continue
		}
		missed, places = append(missed, key), append(places, p)
	}
	recs, err := s.auth.LoadMany(ctx, missed)
	if err != nil {
		return err
	}
	for i, rec := range recs {
		if rec.Version == 0 {
			continue
		}
		if c.l2 != nil {
			_ = c.l2.Fill(rec.Key, places[i].hash, rec.Frame, rec.Deadline, s.clock.now(), places[i].word)
		}
		f, err := s.filled(rec, places[i])
		if err != nil {
			return err
		}
		fn(f)
	}
	return nil
}

// headOf reads the head of a frame that L2 held.
func (c *caches) headOf(key string, frame []byte) (tier.Head, error) {
	head, err := codec.Head(key, frame)
	if err != nil {
		c.faults.Add(1)
	}
	return head, err
}

// cacheStats adds what the cache tiers say.
func (s *Store) cacheStats(st *Stats) {
	c := s.caches.Load()
	if c == nil {
		return
	}
	detached := c.control.Detached()
	if c.l1 != nil {
		n := c.l1.Stats()
		st.L1 = CacheStats{
			Hits: n.Hits, Misses: n.Misses, Fills: n.Fills, Refused: n.Refused, Evictions: n.Evictions, Expired: n.Expired,
			Entries: n.Entries, Bytes: n.Bytes, Limit: n.Limit, Attached: detached == "", Detached: detached,
		}
	}
	if c.l2 != nil {
		n := c.l2.Stats()
		st.L2 = CacheStats{
			Hits: n.Hits, Misses: n.Misses, Fills: n.Fills, Refused: n.Refused, Evictions: n.Evictions, Expired: n.Expired,
			Faults: n.Faults + c.faults.Load(), Resets: n.Resets, Torn: n.Torn,
			Entries: n.Entries, Bytes: n.Bytes, Limit: n.Limit,
			Attached: detached == "" && n.Detached == "", Detached: cmp.Or(n.Detached, detached),
		}
	}
}
