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
