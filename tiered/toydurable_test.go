//go:build !wasm

package tiered_test

import (
	"sort"
	"strings"
	"sync"

	"github.com/stratakv/strata/tiered/tier"
)

// toyDurable is an honest durable tier in a map, whose commits can be held up
// and made to fail.
type toyDurable struct {
	commitHook func(g *tier.Group) error // before anything is published; may block

	mu      sync.Mutex // guards what follows
	recs    map[string]tier.Record
	version uint64
	usage   tier.Usage
	groups  []int // changes of each group
	stamps  []tier.Stamp
}

func newToyDurable() *toyDurable { return &toyDurable{recs: map[string]tier.Record{}} }

func (d *toyDurable) State() tier.State {
	return tier.State{Seed: 7, Epoch: 1, Opening: 1, Durable: true}
}

func (d *toyDurable) Load(key string) (tier.Record, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	rec, ok := d.recs[key]
	return rec, ok, nil
}

func (d *toyDurable) Heads(keys []string, heads []tier.Head, blind []bool) error {
	clear(blind)
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, k := range keys {
		heads[i] = d.recs[k].Head
	}
	return nil
}

func (d *toyDurable) Scan(r tier.Range) ([]tier.Record, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var recs []tier.Record
	for k, rec := range d.recs {
		if strings.HasPrefix(k, r.Prefix) && k >= r.From {
			recs = append(recs, rec)
		}
	}
	sort.Slice(recs, func(i, j int) bool { return recs[i].Key < recs[j].Key })
	if len(recs) > r.Records {
		return recs[:r.Records], true, nil
	}
	return recs, false, nil
}

func (d *toyDurable) Commit(g *tier.Group) error {
	if d.commitHook != nil {
		if err := d.commitHook(g); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range g.Changes {
		if c.Frame == nil {
			delete(d.recs, c.Key)
		} else {
			d.recs[c.Key] = tier.Record{Key: c.Key, Frame: c.Frame, Head: c.Head}
		}
	}
	d.version, d.usage = g.Version, g.Usage
	d.groups, d.stamps = append(d.groups, len(g.Changes)), append(d.stamps, g.Stamp)
	return nil
}

func (d *toyDurable) Due(now int64, most int) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var due []string
	for k, rec := range d.recs {
		if rec.Expired(now) && len(due) < most {
			due = append(due, k)
		}
	}
	return due, nil
}

func (d *toyDurable) Timed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, rec := range d.recs {
		if rec.Deadline != 0 {
			return true
		}
	}
	return false
}

func (d *toyDurable) Stats() tier.DurableStats {
	d.mu.Lock()
	defer d.mu.Unlock()
	return tier.DurableStats{Usage: d.usage, Commits: uint64(len(d.groups))}
}

func (d *toyDurable) Overcount() tier.Usage { return tier.Usage{} }

func (d *toyDurable) Close() error { return nil }
