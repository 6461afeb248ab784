package tiered

import (
	"context"

	"github.com/stratakv/strata/tiered/tier"
)

// Load implements [tier.Authority].
func (c *committer) Load(ctx context.Context, key string) (tier.Record, bool, error) {
	if !c.gate.enter() {
		return tier.Record{}, false, tier.ErrClosed
	}
	defer c.gate.leave()
	return c.load(ctx, key)
}

// load reads the published record of key, live by the store's clock. It waits
// only where [reviving] says so.
func (c *committer) load(ctx context.Context, key string) (tier.Record, bool, error) {
	rec, found, err := c.durable.Load(key)
	for err == nil && found && rec.Expired(c.clock.now()) {
		if _, err = c.reviving.wait(ctx, key); err != nil {
			break
		}
		var again tier.Record
		again, found, err = c.durable.Load(key)
		found = found && again.Version != rec.Version
		rec = again
	}
	if err != nil {
		return tier.Record{}, false, err
	}
	if !found {
		c.misses.Add(1)
		return tier.Record{}, false, nil
	}
	c.hits.Add(1)
	return rec, true, nil
}

// LoadMany implements [tier.Authority].
func (c *committer) LoadMany(ctx context.Context, keys []string) ([]tier.Record, error) {
	if !c.gate.enter() {
		return nil, tier.ErrClosed
	}
	defer c.gate.leave()
	recs := make([]tier.Record, len(keys))
	for i, key := range keys {
		rec, found, err := c.load(ctx, key)
		if err != nil {
			return nil, err
		}
		if found {
			recs[i] = rec
		}
	}
	return recs, nil
}

// Scan implements [tier.Authority].
func (c *committer) Scan(ctx context.Context, r tier.Range) (live []tier.Record, next string, more bool, err error) {
	if !c.gate.enter() {
		return nil, "", false, tier.ErrClosed
	}
	defer c.gate.leave()
	for {
		recs, more, err := c.durable.Scan(r)
		if len(recs) == 0 {
			return nil, "", false, err
		}
		next = recs[len(recs)-1].Key + "\x00"
		live, again, waitErr := c.living(ctx, recs)
		if waitErr != nil {
			return nil, "", false, waitErr
		}
		if !again {
			return live, next, more, err
		}
	}
}

// living takes the expired out of a chunk. again says that one of them was
// extended in time: the chunk is to be read anew, since it is to be a snapshot.
func (c *committer) living(ctx context.Context, recs []tier.Record) (live []tier.Record, again bool, err error) {
	live = recs[:0]
	for _, rec := range recs {
		if !rec.Expired(c.clock.now()) {
			live = append(live, rec)
			continue
		}
		waited, err := c.reviving.wait(ctx, rec.Key)
		if err != nil || waited {
			return nil, waited, err
		}
		now, found, err := c.durable.Load(rec.Key)
		if err != nil {
			return nil, false, err
		}
		if found && now.Version != rec.Version && !now.Expired(c.clock.now()) {
			return nil, true, nil
		}
	}
	return live, false, nil
}
