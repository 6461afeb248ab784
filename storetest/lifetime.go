package storetest

import (
	"math"
	"time"

	"github.com/stratakv/strata/tiered"
)

var lifetimeCases = []testCase{
	{
		name: "ExpiryIsExact",
		why:  "P4: a record is there until the millisecond before its deadline and gone at it, by every way to read",
		run: func(p *probe) {
			for _, ttl := range []time.Duration{time.Millisecond, time.Second, 1234567 * time.Millisecond, 30 * 24 * time.Hour} {
				p.set("key", "value", ttl)
				p.wantValue("fresh", "key", "value")
				p.clock.Advance(ttl - time.Millisecond)
				p.wantValue("1 ms before the deadline", "key", "value")
				p.clock.Advance(time.Millisecond - 1)
				p.wantValue("1 ns before the deadline", "key", "value")
				p.clock.Advance(1)
				p.wantAbsent("at the deadline", "key")
				p.clock.Advance(time.Hour)
				p.wantAbsent("an hour later", "key")
			}
		},
	},
	{
		name: "ImmortalStays",
		why:  "P2: a record with ttl 0 never expires",
		run: func(p *probe) {
			p.set("key", "value", 0)
			p.clock.Advance(100 * 365 * 24 * time.Hour)
			p.wantValue("a hundred years later", "key", "value")
		},
	},
	{
		name: "RoundsUp",
		why:  "a ttl between milliseconds is rounded up: nothing is gone before its time",
		run: func(p *probe) {
			for ttl, ms := range map[time.Duration]int64{1: 1, 999_999: 1, 1_000_001: 2, 2_500_000: 3} {
				p.set("key", "value", ttl)
				if got, want := p.item("key").Expires, p.now().Add(time.Duration(ms)*time.Millisecond); !got.Equal(want) {
					p.Errorf("Set with ttl %v: got Expires %v, want %v", ttl, got, want)
				}
				p.clock.Advance(time.Duration(ms-1) * time.Millisecond)
				p.wantValue("before the deadline", "key", "value")
				p.clock.Advance(time.Millisecond)
				p.wantAbsent("at the deadline", "key")
			}
		},
	},
	{
		name: "HugeTTL",
		why:  "the longest ttl is a deadline far ahead, not one in the past",
		run: func(p *probe) {
			p.set("key", "value", math.MaxInt64)
			p.set("touched", "value", time.Second)
			p.must("Touch", p.store.Touch(p.ctx, "touched", math.MaxInt64))
			p.clock.Advance(100 * 365 * 24 * time.Hour)
			p.wantValue("a hundred years later", "key", "value")
			p.wantValue("a hundred years later", "touched", "value")
		},
	},
	{
		name: "Touch",
		why:  "Touch gives a new deadline from now on and leaves the value; ttl 0 takes the deadline away",
		run: func(p *probe) {
			p.set("key", "value", time.Second)
			before := p.version("key")
			p.clock.Advance(900 * time.Millisecond)
			p.must("Touch", p.store.Touch(p.ctx, "key", time.Second))
			if it := p.item("key"); it.Version <= before || !it.Expires.Equal(p.now().Add(time.Second)) {
				p.Errorf("Touch: got %s, want a version above %d and a deadline in 1 s", describe(it), before)
			}
			p.clock.Advance(999 * time.Millisecond)
			p.wantValue("touched", "key", "value")
			p.must("Touch", p.store.Touch(p.ctx, "key", 0))
			p.clock.Advance(time.Hour)
			p.wantValue("touched for ever", "key", "value")
			p.must("Touch", p.store.Touch(p.ctx, "key", 10*time.Millisecond))
			p.clock.Advance(9 * time.Millisecond)
			p.wantValue("a shorter deadline", "key", "value")
			p.clock.Advance(time.Millisecond)
			p.wantAbsent("at the shorter deadline", "key")
		},
	},
	{
		name: "NothingRevives",
		why:  "P5: an expired record is absent for every write too: Touch, CompareAndSet, KeepTTL and Update find nothing",
		run:  nothingRevives,
	},
	{
		name: "SetReplacesTheDeadline",
		why:  "a Set has its own lifetime, not that of the record before it",
		run: func(p *probe) {
			p.set("key", "short", time.Second)
			p.set("key", "long", time.Hour)
			p.clock.Advance(time.Second)
			p.wantValue("the old deadline", "key", "long")
			p.set("key", "for ever", 0)
			p.clock.Advance(time.Hour)
			p.wantValue("the second deadline", "key", "for ever")
			p.set("key", "short again", time.Millisecond)
			p.clock.Advance(time.Millisecond)
			p.wantAbsent("the last deadline", "key")
		},
	},
	{
		name: "KeepTTL",
		why:  "KeepTTL keeps the deadline in CompareAndSet and Update; on an absent key it means none",
		run: func(p *probe) {
			p.set("cas", "old", time.Second)
			p.set("update", "old", time.Second)
			p.clock.Advance(600 * time.Millisecond)
			_, err := p.store.CompareAndSet(p.ctx, "cas", p.version("cas"), []byte("new"), tiered.KeepTTL)
			p.must("CompareAndSet", err)
			_, err = p.store.Update(p.ctx, "update", give("new", tiered.KeepTTL))
			p.must("Update", err)
			it, err := p.store.CompareAndSet(p.ctx, "fresh cas", 0, []byte("new"), tiered.KeepTTL)
			if err != nil || !it.Expires.IsZero() {
				p.Errorf("CompareAndSet with KeepTTL of an absent key: got %s and error %v, want no deadline", describe(it), err)
			}
			it, err = p.store.Update(p.ctx, "fresh update", give("new", tiered.KeepTTL))
			if err != nil || !it.Expires.IsZero() {
				p.Errorf("Update with KeepTTL of an absent key: got %s and error %v, want no deadline", describe(it), err)
			}
			p.clock.Advance(399 * time.Millisecond)
			p.wantValue("before the deadline", "cas", "new")
			p.wantValue("before the deadline", "update", "new")
			p.clock.Advance(time.Millisecond)
			p.wantAbsent("at the deadline", "cas")
			p.wantAbsent("at the deadline", "update")
			p.wantValue("for ever", "fresh cas", "new")
			p.wantValue("for ever", "fresh update", "new")
		},
	},
	{
		name: "NegativeTTL",
		why:  "a negative ttl is ErrTTL and does nothing; so is KeepTTL where there is nothing to keep",
		run: func(p *probe) {
			for _, ttl := range []time.Duration{-1, -time.Hour, tiered.KeepTTL} {
				p.ttlRefused(ttl, ttl == tiered.KeepTTL)
			}
		},
	},
	{
		name: "MaxTTL",
		why:  "with MaxTTL a ttl of 0 or above it is ErrTTL and does nothing",
		need: Need{MaxTTL: time.Minute},
		run: func(p *probe) {
			p.ttlRefused(0, false)
			p.ttlRefused(time.Minute+1, false)
			_, err := p.store.CompareAndSet(p.ctx, "absent", 0, nil, tiered.KeepTTL)
			p.want("CompareAndSet of an absent key with KeepTTL", err, tiered.ErrTTL)
			for _, expires := range []time.Time{{}, p.now().Add(time.Minute + time.Millisecond)} {
				_, err := p.store.SetItem(p.ctx, tiered.Item{Key: "absent", Expires: expires})
				p.want("SetItem above MaxTTL", err, tiered.ErrTTL)
			}
			p.wantAbsent("refused", "absent")
			p.set("key", "value", time.Minute)
			_, err = p.store.Update(p.ctx, "key", give("new", tiered.KeepTTL))
			p.must("Update with KeepTTL", err)
			_, err = p.store.SetItem(p.ctx, tiered.Item{Key: "item", Expires: p.now().Add(time.Minute)})
			p.must("SetItem at MaxTTL", err)
		},
	},
}

// ttlRefused checks that ttl is ErrTTL wherever a ttl can be said, and that
// nothing is done then.
func (p *probe) ttlRefused(ttl time.Duration, keepAllowed bool) {
	const key = "refused"
	_, err := p.store.SetItem(p.ctx, tiered.Item{Key: key, Value: []byte("old"), Expires: p.now().Add(time.Minute)})
	p.must("SetItem", err)
	before := p.item(key)
	p.want("Set", p.store.Set(p.ctx, key, []byte("new"), ttl), tiered.ErrTTL)
	p.want("Touch", p.store.Touch(p.ctx, key, ttl), tiered.ErrTTL)
	var b tiered.Batch
	b.Set(key, []byte("new"), time.Second)
	b.Set(key, []byte("new"), ttl)
	p.want("Write of a Set", p.store.Write(p.ctx, &b), tiered.ErrTTL)
	b = tiered.Batch{}
	b.Touch(key, ttl)
	p.want("Write of a Touch", p.store.Write(p.ctx, &b), tiered.ErrTTL)
	if !keepAllowed {
		_, err := p.store.CompareAndSet(p.ctx, key, before.Version, []byte("new"), ttl)
		p.want("CompareAndSet", err, tiered.ErrTTL)
		_, err = p.store.Update(p.ctx, key, give("new", ttl))
		p.want("Update", err, tiered.ErrTTL)
	}
	p.sameItem("after refused writes", p.item(key), before)
	p.want("Set of an absent key", p.store.Set(p.ctx, "absent", nil, ttl), tiered.ErrTTL)
	p.wantAbsent("refused", "absent")
}

func nothingRevives(p *probe) {
	for _, key := range []string{"touch", "cas", "cad", "update", "batch"} {
		p.set(key, "old", time.Second)
	}
	version := p.version("cas")
	p.clock.Advance(time.Second)
	p.want("Touch", p.store.Touch(p.ctx, "touch", time.Hour), tiered.ErrNotFound)
	it, err := p.store.CompareAndSet(p.ctx, "cas", version, []byte("new"), tiered.KeepTTL)
	p.want("CompareAndSet", err, tiered.ErrVersion)
	p.sameItem("CompareAndSet of an expired record", it, tiered.Item{})
	p.want("CompareAndDelete", p.store.CompareAndDelete(p.ctx, "cad", version+1), tiered.ErrVersion)
	p.must("CompareAndDelete with 0", p.store.CompareAndDelete(p.ctx, "cad", 0))
	var b tiered.Batch
	b.Touch("batch", time.Hour)
	p.want("Write of a Touch", p.store.Write(p.ctx, &b), tiered.ErrNotFound)
	b = tiered.Batch{}
	b.Check("batch", 0)
	p.must("Write of a Check for absence", p.store.Write(p.ctx, &b))
	_, err = p.store.Update(p.ctx, "update", func(old tiered.Item, found bool) ([]byte, time.Duration, error) {
		if found {
			p.Errorf("Update of an expired record: got %s, want none", describe(old))
		}
		return nil, 0, tiered.Keep
	})
	p.must("Update", err)
	for _, key := range []string{"touch", "cas", "cad", "update", "batch"} {
		p.wantAbsent("expired", key)
	}
	it, err = p.store.CompareAndSet(p.ctx, "cas", 0, []byte("new"), tiered.KeepTTL)
	if err != nil || !it.Expires.IsZero() {
		p.Errorf("CompareAndSet with 0 over an expired record: got %s and error %v, want no deadline", describe(it), err)
	}
	p.wantValue("set over an expired record", "cas", "new")
}
