package storetest

import (
	"fmt"

	"github.com/stratakv/strata/tiered"
)

var writeCases = []testCase{
	{
		name: "ReadYourWrites",
		why:  "P3: a read that begins after a write has returned sees that write or a later one",
		run: func(p *probe) {
			for i := range 300 {
				key := fmt.Sprintf("key %d", i%3)
				if i%7 == 6 {
					p.must("Delete", p.store.Delete(p.ctx, key))
					p.wantAbsent("deleted", key)
					continue
				}
				p.set(key, fmt.Sprintf("value %d", i), 0)
				p.wantValue("set", key, fmt.Sprintf("value %d", i))
			}
		},
	},
	{
		name: "LastOfTwoSets",
		why:  "of two sets in a row the second stands, whatever copies the first one left",
		run: func(p *probe) {
			for i := range 100 {
				key := fmt.Sprintf("key %d", i)
				p.set(key, "first", 0)
				p.set(key, "second", 0)
				p.wantValue("set twice", key, "second")
			}
		},
	},
	{
		name: "Delete",
		why:  "a deleted key is absent until it is set again; deleting what is absent is nil",
		run: func(p *probe) {
			p.must("Delete of an absent key", p.store.Delete(p.ctx, "key"))
			for range 3 {
				p.set("key", "value", 0)
				p.wantValue("set", "key", "value")
				p.must("Delete", p.store.Delete(p.ctx, "key"))
				p.wantAbsent("deleted", "key")
				p.must("Delete of a deleted key", p.store.Delete(p.ctx, "key"))
				p.wantAbsent("deleted twice", "key")
			}
		},
	},
	{
		name: "VersionsGrow",
		why:  "the version grows by every write, over all keys, and a key set again never has an old one",
		run: func(p *probe) {
			last := uint64(0)
			for i := range 50 {
				key := fmt.Sprintf("key %d", i%5)
				it := p.setItem(key, "value")
				if it.Version <= last {
					p.Errorf("SetItem: got version %d after %d, want a larger one", it.Version, last)
				}
				if v := p.version(key); v != it.Version {
					p.Errorf("GetItem: got version %d, want %d as SetItem said", v, it.Version)
				}
				last = it.Version
				if i%3 == 0 {
					p.must("Delete", p.store.Delete(p.ctx, key))
				}
			}
		},
	},
	{
		name: "OneVersionPerOp",
		why:  "a write makes one version per op; a refused one, a Delete of an absent key and Keep make none",
		run:  oneVersionPerOp,
	},
}

func oneVersionPerOp(p *probe) {
	last := p.setItem("marker", "").Version
	expect := func(what string, versions uint64) {
		got := p.setItem("marker", "").Version
		if got != last+versions+1 {
			p.Errorf("%s: got %d versions, want %d", what, got-last-1, versions)
		}
		last = got
	}
	s, ctx := p.store, p.ctx
	expect("nothing", 0)
	p.must("Delete", s.Delete(ctx, "absent"))
	expect("Delete of an absent key", 0)
	p.set("key", "value", 0)
	expect("Set", 1)
	_, err := s.CompareAndSet(ctx, "key", 1<<62, nil, 0)
	p.want("CompareAndSet", err, tiered.ErrVersion)
	expect("a refused CompareAndSet", 0)
	p.want("CompareAndDelete", s.CompareAndDelete(ctx, "key", 1<<62), tiered.ErrVersion)
	expect("a refused CompareAndDelete", 0)
	_, err = s.Update(ctx, "key", keep)
	p.must("Update", err)
	expect("Keep", 0)
	p.must("Touch", s.Touch(ctx, "key", 0))
	expect("Touch", 1)
	p.want("Touch", s.Touch(ctx, "absent", 0), tiered.ErrNotFound)
	expect("a refused Touch", 0)
	var b tiered.Batch
	b.Set("b1", nil, 0)
	b.Set("b1", nil, 0)
	b.Touch("b1", 0)
	b.Delete("b1")
	b.Check("key", p.version("key"))
	p.must("Write", s.Write(ctx, &b))
	expect("a Batch of four changes and a Check", 4)
	b.Check("key", 0)
	p.want("Write", s.Write(ctx, &b), tiered.ErrVersion)
	expect("a refused Batch", 0)
	p.must("Delete", s.Delete(ctx, "key"))
	expect("Delete", 1)
}
