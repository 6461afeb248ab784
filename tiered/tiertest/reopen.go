package tiertest

import (
	"fmt"
	"strings"
	"time"

	"github.com/stratakv/strata/tiered/tier"
)

var reopenCases = []testCase{
	{
		name:   "StateSurvives",
		why:    "identity, seed, version, usage and stamp survive a reopening; the epoch grows",
		reopen: true,
		run: func(p *probe) {
			p.set("a", noise(1, 500), 4000)
			p.set("b", make([]byte, 500), 0)
			p.commit()
			p.reopenAndCompare(p.durable.State())
			p.remove("a")
			p.commit()
			p.reopenAndCompare(p.durable.State())
			p.reopenAndCompare(p.durable.State()) // with nothing written between
		},
	},
	{
		name:   "EmptyGroupSurvives",
		why:    "version and stamp of a group without changes survive too, with the longest boot id",
		reopen: true,
		run: func(p *probe) {
			p.set("a", []byte("v"), 0)
			p.commit()
			p.version += 500
			p.stamp = tier.Stamp{Store: epochMillis * 2, Boot: 99 * time.Hour, BootID: strings.Repeat("b", 255)}
			g := &tier.Group{Version: p.version, Usage: p.usage, Stamp: p.stamp}
			if err := p.durable.Commit(g); err != nil {
				p.Fatalf("Commit of an empty group: got %v, want nil", err)
			}
			p.reopenAndCompare(p.durable.State())
			p.verifyAll()
		},
	},
	{
		name:   "RecordsSurvive",
		why:    "records survive reopenings byte for byte: all keys, all sizes, removals and touches",
		reopen: true,
		run: func(p *probe) {
			for i, key := range oddKeys() {
				p.set(key, noise(uint64(i), i*100), int64(i)*1000)
			}
			p.set("large", noise(1, 5<<20), 0)
			p.commit()
			p.reopen()
			p.verifyAll()
			for i, key := range oddKeys() {
				switch i % 3 {
				case 0:
					p.remove(key)
				case 1:
					p.touch(key, 777)
				}
			}
			p.touch("large", epochMillis)
			p.commit()
			p.reopen()
			p.verifyAll(oddKeys()...)
			p.touch("large", 0) // over a body that only the earlier opening wrote
			p.commit()
			p.verifyAll()
			p.reopen()
			p.verifyAll()
		},
	},
	{
		name:   "DueSurvives",
		why:    "what is due is due after a reopening, and Timed knows it",
		reopen: true,
		run: func(p *probe) {
			for i := range 300 {
				p.set(fmt.Sprintf("k%03d", i), []byte("v"), epochMillis+int64(i)*1000)
			}
			p.commit()
			p.reopen()
			if !p.durable.Timed() {
				p.Errorf("Timed after a reopening: got false, want true")
			}
			for i := range 100 {
				p.touch(fmt.Sprintf("k%03d", i), epochMillis*2)
				p.touch(fmt.Sprintf("k%03d", 299-i), 1000)
			}
			p.commit()
			p.reopen()
			for _, now := range []int64{999, 1000, epochMillis + 150_000, epochMillis * 3} {
				p.verifyDue(now)
			}
		},
	},
	{
		name:   "ManySurvive",
		why:    "5,000 records in many small groups survive",
		reopen: true,
		run: func(p *probe) {
			for i := range 5000 {
				p.set(fmt.Sprintf("k%04d", i*7%5000), noise(uint64(i), 50), int64(i))
				if i%50 == 49 {
					p.commit()
				}
			}
			p.reopen()
			p.verifyAll()
		},
	},
}

// reopenAndCompare reopens, compares the new State with the one before and
// with the ledger, and the records with the ledger.
func (p *probe) reopenAndCompare(before tier.State) {
	p.reopen()
	got := p.durable.State()
	if got.ID != before.ID || got.Seed != before.Seed || got.Durable != before.Durable {
		p.Errorf("State after a reopening: got id %x, seed %x, durable %v, want %x, %x, %v",
			got.ID, got.Seed, got.Durable, before.ID, before.Seed, before.Durable)
	}
	if got.Epoch <= before.Epoch {
		p.Errorf("State().Epoch after a reopening: got %d, want more than %d", got.Epoch, before.Epoch)
	}
	if got.Version != p.version {
		p.Errorf("State().Version after a reopening: got %d, want %d", got.Version, p.version)
	}
	if got.Usage != p.usage {
		p.Errorf("State().Usage after a reopening: got %+v, want %+v", got.Usage, p.usage)
	}
	if got.Stamp != p.stamp {
		p.Errorf("State().Stamp after a reopening: got %+v, want %+v", got.Stamp, p.stamp)
	}
	p.verifyAll()
}
