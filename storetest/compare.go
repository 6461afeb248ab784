package storetest

import (
	"fmt"
	"time"

	"github.com/stratakv/strata/tiered"
)

var compareCases = []testCase{
	{
		name: "CompareAndSet",
		why:  "CompareAndSet stores only over the expected version, 0 for absence; ErrVersion comes with the current Item",
		run:  func(p *probe) { compareTable(p, compareAndSet) },
	},
	{
		name: "CompareAndDelete",
		why:  "CompareAndDelete removes only the expected version; 0 is nil if there is none",
		run:  func(p *probe) { compareTable(p, compareAndDelete) },
	},
	{
		name: "CompareAndSetReplaces",
		why:  "the version that CompareAndSet returns is the one that the next needs; an older one is refused",
		run: func(p *probe) {
			it, err := p.store.CompareAndSet(p.ctx, "key", 0, []byte("0"), 0)
			p.must("CompareAndSet", err)
			for i := range 20 {
				old := it
				value := fmt.Appendf(nil, "%d", i+1)
				it, err = p.store.CompareAndSet(p.ctx, "key", old.Version, value, 0)
				p.must("CompareAndSet", err)
				cur, err := p.store.CompareAndSet(p.ctx, "key", old.Version, []byte("late"), 0)
				p.want("CompareAndSet with the version before", err, tiered.ErrVersion)
				p.sameItem("ErrVersion's Item", cur, it)
				p.wantValue("compared and set", "key", string(value))
			}
		},
	},
	{
		name: "ABA",
		why:  "a record that was replaced by an equal one, or deleted and set again, has another version",
		run: func(p *probe) {
			v := p.setItem("key", "value").Version
			p.must("Delete", p.store.Delete(p.ctx, "key"))
			p.set("key", "value", 0)
			_, err := p.store.CompareAndSet(p.ctx, "key", v, []byte("new"), 0)
			p.want("CompareAndSet with the version before the deletion", err, tiered.ErrVersion)
			p.wantValue("refused", "key", "value")
		},
	},
}

// compareTable tries each state of a key against each version.
func compareTable(p *probe, compare func(p *probe, key string, version uint64) (tiered.Item, error)) {
	old := p.setItem("older", "value").Version
	states := map[string]func(key string){
		"absent":  func(string) {},
		"deleted": func(key string) { p.set(key, "gone", 0); p.must("Delete", p.store.Delete(p.ctx, key)) },
		"expired": func(key string) { p.set(key, "gone", time.Second); p.clock.Advance(time.Second) },
		"live":    func(key string) { p.set(key, "live", time.Hour) },
	}
	for state, prepare := range states {
		for _, which := range []string{"zero", "right", "older", "newer"} {
			key := state + " " + which
			prepare(key)
			version := map[string]uint64{"zero": 0, "older": old, "newer": 1 << 60}[which]
			var before tiered.Item
			if state == "live" {
				before = p.item(key)
			}
			if which == "right" {
				version = before.Version
			}
			it, err := compare(p, key, version)
			if version == before.Version {
				p.must("compare with the right version, key "+key, err)
				continue
			}
			p.want("compare with a wrong version, key "+key, err, tiered.ErrVersion)
			p.sameItem("ErrVersion's Item of key "+key, it, before)
			if state == "live" {
				p.sameItem("refused", p.item(key), before)
			} else {
				p.wantAbsent("refused", key)
			}
		}
	}
}

// compareAndSet checks a CompareAndSet that worked by itself.
func compareAndSet(p *probe, key string, version uint64) (tiered.Item, error) {
	it, err := p.store.CompareAndSet(p.ctx, key, version, []byte("new"), 0)
	if err == nil {
		p.wantValue("compared and set", key, "new")
		p.sameItem("CompareAndSet", it, p.item(key))
	}
	return it, err
}

// compareAndDelete gives the current Item as CompareAndSet would.
func compareAndDelete(p *probe, key string, version uint64) (tiered.Item, error) {
	err := p.store.CompareAndDelete(p.ctx, key, version)
	if err == nil {
		p.wantAbsent("compared and deleted", key)
		return tiered.Item{}, nil
	}
	it, _ := p.store.GetItem(p.ctx, key)
	return it, err
}
