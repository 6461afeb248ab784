package storetest

import (
	"fmt"
	"time"

	"github.com/stratakv/strata/tiered"
)

var reopenCases = []testCase{
	{
		name:   "Reopen",
		why:    "P1: after a reopening every record is as it was: value, deadline and version; what was deleted is not there",
		reopen: true,
		run: func(p *probe) {
			var before []tiered.Item
			for i, key := range oddKeys() {
				p.set(key, string(noise(uint64(i), i*i*50)), time.Duration(i)*time.Hour)
				p.set("deleted "+key[:min(len(key), 9)], "value", 0)
				p.must("Delete", p.store.Delete(p.ctx, "deleted "+key[:min(len(key), 9)]))
			}
			p.must("Touch", p.store.Touch(p.ctx, "b", 77*time.Hour))
			for _, key := range oddKeys() {
				before = append(before, p.item(key))
			}
			for range 2 {
				p.reopen(func() {})
				for _, it := range before {
					p.sameItem("reopened", p.item(it.Key), it)
				}
				for it, err := range p.store.Scan(p.ctx, "deleted") {
					p.Errorf("reopened: Scan met %s and error %v, want nothing", describe(it), err)
				}
			}
		},
	},
	{
		name:   "ReopenVersions",
		why:    "versions grow over reopenings, also when the last record that had one is gone",
		reopen: true,
		run: func(p *probe) {
			for range 3 {
				last := p.setItem("key", "value").Version
				p.must("Delete", p.store.Delete(p.ctx, "key"))
				p.reopen(func() {})
				it := p.setItem("key", "value")
				if it.Version <= last+1 {
					p.Errorf("SetItem after a reopening: got version %d, want one above the deletion's %d", it.Version, last+1)
				}
				_, err := p.store.CompareAndSet(p.ctx, "key", last, nil, 0)
				p.want("CompareAndSet with a version from before", err, tiered.ErrVersion)
			}
		},
	},
	{
		name:   "ReopenExpires",
		why:    "P4: what expires while the store is closed is gone when it opens, to the millisecond",
		reopen: true,
		run: func(p *probe) {
			for i := range 10 {
				p.set(fmt.Sprint(i), "value", time.Duration(1+i)*time.Millisecond)
			}
			p.reopen(func() { p.clock.Advance(5 * time.Millisecond) })
			for i := range 10 {
				if i < 5 {
					p.wantAbsent("expired while closed", fmt.Sprint(i))
				} else {
					p.wantValue("still ahead", fmt.Sprint(i), "value")
				}
			}
			p.wantSwept(5)
		},
	},
	{
		name:   "ReopenMany",
		why:    "a thousand records, written, replaced and deleted one by one, are as they were",
		reopen: true,
		run: func(p *probe) {
			want := map[string]string{}
			beside(4, func(w int) {
				for i := range 250 {
					key := fmt.Sprintf("%d/%d", w, i)
					err := p.store.Set(p.ctx, key, []byte(key), 0)
					if err == nil && i%5 == 0 {
						err = p.store.Delete(p.ctx, key)
					}
					if err != nil {
						p.Errorf("write: got %v, want nil", err)
					}
				}
			})
			for w := range 4 {
				for i := range 250 {
					if key := fmt.Sprintf("%d/%d", w, i); i%5 != 0 {
						want[key] = key
					}
				}
			}
			p.reopen(func() {})
			p.wantScan("", want)
			if got := p.store.Stats().L3.Records; got != int64(len(want)) {
				p.Errorf("Stats().L3.Records: got %d, want %d", got, len(want))
			}
		},
	},
}
