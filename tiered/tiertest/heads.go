package tiertest

import (
	"fmt"

	"github.com/stratakv/strata/tiered/tier"
)

var headCases = []testCase{
	{
		name: "Heads",
		why:  "Heads answers in the order of the keys, one asked twice too, and with the zero Head where there is no record",
		run: func(p *probe) {
			for i := range 20 {
				p.set(fmt.Sprintf("key %02d", i), make([]byte, i*50), int64(i)*1000)
			}
			p.commit()
			p.remove("key 03")
			p.touch("key 04", 77)
			p.commit()
			p.verifyHeads(nil)
			p.verifyHeads([]string{"absent"})
			p.verifyHeads([]string{"key 19", "", "key 03", "key 04", "absent", "key 00", "key 19", "key 10", "absent"})
		},
	},
	{
		name: "Versions",
		why:  "a record has the version of its own change, whatever gaps there are between them",
		run: func(p *probe) {
			p.set("a", []byte("one"), 0)
			p.set("b", []byte("two"), 0)
			p.commit()
			p.version += 1000
			p.commit() // a group without changes may still move the version on
			p.set("a", []byte("three"), 0)
			p.commit()
			p.version = 1 << 60
			p.set("c", []byte("four"), 0)
			p.touch("b", 0)
			p.commit()
			p.verifyAll()
		},
	},
	{
		name: "StateIsOfOpening",
		why:  "State tells what was found at opening, not what came after",
		run: func(p *probe) {
			before := p.durable.State()
			p.set("a", []byte("one"), 3000)
			p.commit()
			if got := p.durable.State(); got != before {
				p.Errorf("State after a commit: got %+v, want %+v", got, before)
			}
		},
	},
	{
		name: "BlindChanges",
		why: "Heads leaves out nothing but what it may; what blind changes hide is counted until Overcount says so, " +
			"once, and no more after a reopening",
		reopen: true,
		run: func(p *probe) {
			for i := range 60 {
				p.set(fmt.Sprintf("key %02d", i), noise(uint64(i), i*9), int64(i)*1000)
			}
			p.commit()
			p.reopen()
			for round := range 4 {
				keys := []string{"absent"}
				for i := range 40 {
					keys = append(keys, fmt.Sprintf("key %02d", (i*7+round*11)%60))
				}
				p.setBlind(keys)
				p.commit()
				p.verifyAll()
				p.hidden = p.hidden.Minus(p.durable.Overcount())
				if round == 1 {
					p.reopenAndCompare(p.durable.State())
				}
			}
			p.remove("key 01")
			p.commit()
			p.reopenAndCompare(p.durable.State())
			if more := p.durable.Overcount(); more != (tier.Usage{}) {
				p.Errorf("Overcount after a reopening: got %+v, want nothing", more)
			}
		},
	},
	{
		name: "Usage",
		why:  "Stats counts what is stored now, expired records included",
		run: func(p *probe) {
			p.set("a", noise(1, 1000), 1)
			p.set("b", make([]byte, 1000), 0)
			p.commit()
			p.verifyUsage()
			p.set("a", noise(1, 10), 1)
			p.remove("b")
			p.commit()
			p.verifyUsage()
			p.remove("a")
			p.commit()
			if got := p.durable.Stats().Usage; got != (tier.Usage{}) {
				p.Errorf("Stats().Usage of an emptied Durable: got %+v, want zeros", got)
			}
		},
	},
}
