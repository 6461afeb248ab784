//go:build !wasm

package tiered

import (
	"cmp"
	"context"

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
	again  bool // the doorkeeper met the key before
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
// A tier that is full is filled only by a key that the doorkeeper met before.
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
	if f, hit := s.lookup(ctx, key, p); hit {
		return f, true, nil
	}
	if !p.trusted() {
		p.caches.tellDetached(p.caches.control.Detached())
	}
	rec, found, err := s.load(ctx, key, &p)
	if err != nil || !found {
		return fetched{}, false, err
	}
	f, err := s.filled(ctx, rec, p)
	return f, err == nil, err
}

// peek lends the value of an L1 hit: the steps 1 and 2 of fetch and nothing
// else. Whatever is not one is left to fetch.
// It sets the zero place p to what it has found out.
func (s *Store) peek(ctx context.Context, key string, p *place) (value []byte, hit bool) {
	c := s.caches.Load()
	if c == nil || c.l1 == nil || len(key) > MaxKeyBytes || s.ready(ctx) != nil {
		return nil, false
	}
	hash := c.hash(key)
	word := c.control.Load(l2mmap.BucketOf(hash))
	if word.InFlight() == 0 {
		e, hit := c.l1.Get(hash, key, word.Generation(), c.now)
		if hit {
			return e.Value(), true
		}
		p.peeked = true
	}
	p.caches, p.hash, p.word, p.known = c, hash, word, true
	return nil, false
}

// peekDecoded is peek with the value that maker has left decoded.
func (s *Store) peekDecoded(ctx context.Context, key string, maker any) (d decodable, p place, hit bool) {
	c := s.caches.Load()
	if c == nil || c.l1 == nil || len(key) > MaxKeyBytes || s.ready(ctx) != nil {
		return decodable{}, p, false
	}
	if p = c.place(key); !p.trusted() {
		return decodable{}, p, false
	}
	e, value, hit := c.l1.GetDecoded(p.hash, key, p.word.Generation(), c.now, maker)
	if !hit {
		p.peeked = true
		return decodable{}, p, false
	}
	return decodable{value: value, raw: e.Value(), version: e.Version()}, p, true
}

// keepDecoded leaves value with the L1 entry that it was decoded from, if there
// is one.
func (s *Store) keepDecoded(key string, p place, version uint64, maker, value any) {
	if p.known && p.caches.l1 != nil {
		p.caches.l1.PutDecoded(p.hash, key, version, maker, value)
	}
}

func (c *caches) place(key string) place {
	hash := c.hash(key)
	return place{caches: c, hash: hash, word: c.control.Load(l2mmap.BucketOf(hash)), known: true}
}

// lookup is steps 2 and 3.
func (s *Store) lookup(ctx context.Context, key string, p place) (fetched, bool) {
	if !p.trusted() {
		return fetched{}, false
	}
	c := p.caches
	if c.l1 != nil && !p.peeked {
		if e, hit := c.l1.Get(p.hash, key, p.word.Generation(), c.now); hit {
			return fetched{
				Item: Item{Key: key, Value: e.Value(), Expires: expiresAt(e.Deadline()), Version: e.Version(), Tier: TierL1},
				lent: true,
			}, true
		}
	}
	if c.l2 == nil {
		return fetched{}, false
	}
	buf := c.frames.Get().(*[]byte)
	defer c.frames.Put(buf)
	frame, deadline, hit := c.l2.Get((*buf)[:0], key, p.hash, c.now)
	if !hit {
		return fetched{}, false
	}
	if cap(frame) <= maxKeptFrame {
		*buf = frame
	}
	return s.fromL2(ctx, key, frame, deadline, p)
}

// maxKeptFrame is the largest buffer that is kept for the next frame.
const maxKeptFrame = 64 << 10

// fromL2 decodes a frame that L2 held and judged by deadline. One that does not
// decode, or has another deadline, is a miss.
func (s *Store) fromL2(ctx context.Context, key string, frame []byte, deadline int64, p place) (fetched, bool) {
	value, head, err := s.decode(ctx, key, frame)
	if err != nil || head.Deadline != deadline {
		p.caches.faults.Add(1)
		return fetched{}, false
	}
	rec := tier.Record{Key: key, Head: head}
	p.again = p.caches.door.again(p.hash)
	s.offer(rec, value, p)
	return fetched{Item: itemOf(rec, value, TierL2)}, true
}

// load is step 4, without the fill of L1.
func (s *Store) load(ctx context.Context, key string, p *place) (tier.Record, bool, error) {
	if !p.trusted() {
		return s.auth.Load(ctx, key)
	}
	for {
		under, own := p.caches.flights.take(key, *p)
		if under == nil {
			return s.loadFill(ctx, key, p, own)
		}
		again, err := under.wait(ctx)
		switch {
		case again:
			continue
		case err != nil || !under.found:
			return tier.Record{}, false, err
		case under.rec.Expired(p.caches.now()):
			return s.auth.Load(ctx, key) // it was alive for the one who loaded it
		}
		p.again = p.caches.door.again(p.hash)
		return under.rec, true, nil
	}
}

// loadFill loads, fills L2 and lands own, if there is one.
func (s *Store) loadFill(ctx context.Context, key string, p *place, own *flight) (rec tier.Record, found bool, err error) {
	if own != nil {
		defer p.caches.flights.land(*p, own)
	}
	rec, found, err = s.auth.Load(ctx, key)
	if own != nil {
		own.rec, own.found, own.err = rec, found, err
	}
	if found && err == nil {
		s.fillL2(rec, p)
	}
	return rec, found, err
}

// fillL2 asks the doorkeeper, and fills L2 as it says.
func (s *Store) fillL2(rec tier.Record, p *place) {
	c := p.caches
	p.again = c.door.again(p.hash)
	if c.l2 != nil && (p.again || c.l2.Room(p.hash, len(rec.Key)+len(rec.Frame))) {
		// A refused fill is no fault: the next miss tries again.
		_ = c.l2.Fill(rec.Key, p.hash, rec.Frame, rec.Deadline, c.now(), p.word)
	}
}

// filled decodes a record of the authority and fills L1.
func (s *Store) filled(ctx context.Context, rec tier.Record, p place) (fetched, error) {
	value, _, err := s.decode(ctx, rec.Key, rec.Frame)
	if err != nil {
		return fetched{}, err
	}
	if p.trusted() {
		s.offer(rec, value, p)
	}
	return fetched{Item: itemOf(rec, value, s.tier)}, nil
}

// offer fills L1 with a copy of value, if L1 has room or the key was met before.
func (s *Store) offer(rec tier.Record, value []byte, p place) {
	c := p.caches
	if c.l1 != nil && (p.again || c.l1.Wants(p.hash)) {
		c.keep(rec, value, p.hash, p.word.Generation())
	}
}

// keep fills L1 with a copy of value.
func (c *caches) keep(rec tier.Record, value []byte, hash, tag uint64) {
	c.l1.Fill(hash, l1.Entry{Key: rec.Key, Value: value, Tag: tag, Deadline: rec.Deadline, Version: rec.Version})
}

// keepOwn fills L1 with a copy of the value that a write of this process has
// just made, if the write's answer allows it: the tag is the one that the end
// of the write's own group made, never a later reading of the word. If L1 is full
// it takes what it had an entry of, and keys that were read lately: what is
// written and not read costs nobody his place. An older entry has died by its
// tag.
func (s *Store) keepOwn(key string, value []byte, res outcome) {
	c := res.caches
	if c == nil || c.l1 == nil || !res.Own {
		return
	}
	if hash := c.hash(key); c.l1.Wants(hash) || c.door.met(hash) {
		c.keep(tier.Record{Key: key, Head: res.Head}, value, hash, res.Tag)
	}
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
		if f, hit := s.lookup(ctx, key, p); hit {
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
		if places[i].trusted() {
			s.fillL2(rec, &places[i])
		}
		f, err := s.filled(ctx, rec, places[i])
		if err != nil {
			return err
		}
		fn(f)
	}
	return nil
}

// cacheStats adds what the cache tiers say.
func (s *Store) cacheStats(st *Stats) {
	c := s.caches.Load()
	if c == nil {
		s.withoutStats(st)
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
	st.L2.Detached = c.without
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

// withoutStats says why there are no cache tiers, if there are to be some.
func (s *Store) withoutStats(st *Stats) {
	if s.member == nil {
		return
	}
	reason := "no owner"
	if why := s.member.without.Load(); why != nil {
		reason = *why
	}
	if s.opts.L1Bytes >= 0 {
		st.L1.Detached = reason
	}
	if s.opts.L2Bytes >= 0 {
		st.L2.Detached = reason
	}
}
