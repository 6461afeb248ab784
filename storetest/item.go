package storetest

import (
	"math"
	"time"

	"github.com/stratakv/strata/tiered"
)

var itemCases = []testCase{
	{
		name: "ItemFields",
		why:  "an Item says key, value, the exact deadline, the version and who answered; zero Expires means never",
		run: func(p *probe) {
			p.set("timed", "value", 1500*time.Millisecond)
			it := p.item("timed")
			p.sameItem("GetItem", it, tiered.Item{
				Key: "timed", Value: []byte("value"), Expires: p.now().Add(1500 * time.Millisecond), Version: it.Version,
			})
			p.set("immortal", "value", 0)
			if it := p.item("immortal"); !it.Expires.IsZero() {
				p.Errorf("GetItem with ttl 0: got Expires %v, want the zero time", it.Expires)
			}
			for range 2 { // the second time a cache may answer
				got := p.item("timed").Tier
				if p.tier == tiered.TierMemory && got != tiered.TierMemory || got < tiered.TierL1 || got > tiered.TierMemory {
					p.Errorf("GetItem: got tier %q from a store of tier %q", got, p.tier)
				}
			}
		},
	},
	{
		name: "SetItem",
		why:  "SetItem stores value and deadline as given, ignores Version and Tier, and returns the record's version",
		run: func(p *probe) {
			expires := p.now().Add(777 * time.Millisecond)
			in := tiered.Item{Key: "key", Value: []byte("value"), Expires: expires, Version: 1 << 60, Tier: tiered.TierL1}
			out, err := p.store.SetItem(p.ctx, in)
			p.must("SetItem", err)
			got := p.item("key")
			p.sameItem("SetItem", out, got)
			p.sameItem("GetItem", got, tiered.Item{Key: "key", Value: []byte("value"), Expires: expires, Version: out.Version})
			if out.Version == in.Version || out.Version == 0 {
				p.Errorf("SetItem: got version %d, want the write's own", out.Version)
			}
			if out.Tier != p.tier {
				p.Errorf("SetItem: got tier %q, want %q", out.Tier, p.tier)
			}
			p.clock.Advance(776 * time.Millisecond)
			p.wantValue("1 ms before the deadline", "key", "value")
			p.clock.Advance(time.Millisecond)
			p.wantAbsent("at the deadline", "key")
		},
	},
	{
		name: "SetItemInThePast",
		why:  "SetItem with a deadline that has come deletes the record and keeps nothing",
		run: func(p *probe) {
			for _, expires := range []time.Time{p.now(), p.now().Add(-time.Hour), time.Unix(0, 0), time.Unix(-1, 0)} {
				p.set("key", "value", 0)
				for _, key := range []string{"key", "absent"} {
					_, err := p.store.SetItem(p.ctx, tiered.Item{Key: key, Value: []byte("new"), Expires: expires})
					p.must("SetItem", err)
					p.wantAbsent("SetItem in the past", key)
				}
			}
		},
	},
	{
		name: "SetItemRoundsUp",
		why:  "a deadline between two milliseconds is rounded up: the record is not gone before it",
		run: func(p *probe) {
			_, err := p.store.SetItem(p.ctx, tiered.Item{Key: "key", Value: []byte("v"), Expires: p.now().Add(1_300_000)})
			p.must("SetItem", err)
			p.clock.Advance(time.Millisecond)
			p.wantValue("before the deadline", "key", "v")
			p.clock.Advance(time.Millisecond)
			p.wantAbsent("after the deadline", "key")
		},
	},
	{
		name: "SetItemFarAhead",
		why:  "a deadline far ahead is kept, and one beyond what milliseconds can say is still ahead",
		run: func(p *probe) {
			far := time.Date(9999, 12, 31, 23, 59, 59, 999_000_000, time.UTC)
			beyond := time.Unix(math.MaxInt64/4, 0)
			for key, expires := range map[string]time.Time{"far": far, "beyond": beyond} {
				_, err := p.store.SetItem(p.ctx, tiered.Item{Key: key, Value: []byte("v"), Expires: expires})
				p.must("SetItem", err)
				p.wantValue("deadline far ahead", key, "v")
			}
			if got := p.item("far").Expires; !got.Equal(far) {
				p.Errorf("GetItem: got Expires %v, want %v", got, far)
			}
			p.clock.Advance(100 * 365 * 24 * time.Hour)
			p.wantValue("a hundred years later", "beyond", "v")
		},
	},
	{
		name: "WriteResults",
		why:  "the Item of a write is what a read gives then, and says who keeps it",
		run: func(p *probe) {
			check := func(call string, it tiered.Item, err error) {
				p.must(call, err)
				p.sameItem(call, it, p.item(it.Key))
				if it.Tier != p.tier {
					p.Errorf("%s: got tier %q, want %q", call, it.Tier, p.tier)
				}
			}
			it, err := p.store.CompareAndSet(p.ctx, "cas", 0, []byte("one"), time.Second)
			check("CompareAndSet", it, err)
			it, err = p.store.CompareAndSet(p.ctx, "cas", it.Version, []byte("two"), tiered.KeepTTL)
			check("CompareAndSet with KeepTTL", it, err)
			it, err = p.store.Update(p.ctx, "update", give("one", time.Second))
			check("Update of an absent key", it, err)
			it, err = p.store.Update(p.ctx, "update", give("two", tiered.KeepTTL))
			check("Update with KeepTTL", it, err)
		},
	},
}

// give is an UpdateFunc that gives value.
func give(value string, ttl time.Duration) tiered.UpdateFunc {
	return func(tiered.Item, bool) ([]byte, time.Duration, error) { return []byte(value), ttl, nil }
}

// keep is an UpdateFunc that changes nothing.
func keep(tiered.Item, bool) ([]byte, time.Duration, error) { return nil, 0, tiered.Keep }

// remove is an UpdateFunc that deletes.
func remove(tiered.Item, bool) ([]byte, time.Duration, error) { return nil, 0, tiered.Remove }
