package tiertest

import (
	"bytes"
	"fmt"

	"github.com/stratakv/strata/tiered/tier"
)

var privacyCases = []testCase{
	{
		name: "FramesStay",
		why:  "a frame that came out is never changed by a later write, whatever becomes of its record",
		run:  framesStay,
	},
}

// framesStay keeps what Load and Scan gave, writes over all of it in every
// way, and looks at it again.
func framesStay(p *probe) {
	const n = 50
	key := func(i int) string { return fmt.Sprintf("key %02d", i) }
	for i := range n {
		p.set(key(i), noise(uint64(i), 300), 0)
	}
	p.commit()
	type kept struct {
		rec  tier.Record
		copy []byte
	}
	var out []kept
	keep := func(rec tier.Record) { out = append(out, kept{rec, bytes.Clone(rec.Frame)}) }
	for i := range n {
		rec, _ := p.load(key(i))
		keep(rec)
	}
	for _, rec := range p.scan(everything("")) {
		keep(rec)
	}
	for round := range 6 {
		for i := range n {
			switch round {
			case 0, 4, 5:
				p.set(key(i), noise(uint64(i+round*n), 300), 0) // the same length: room may be reused in place
			case 1:
				p.touch(key(i), int64(1000+i))
			case 2:
				p.remove(key(i))
			case 3:
				p.set(key(i), noise(uint64(i), 200+i), 0)
			}
		}
		p.commit()
		p.verifyAll()
	}
	for _, k := range out {
		if !bytes.Equal(k.rec.Frame, k.copy) {
			p.Errorf("frame of %s that came out before: got other bytes after later groups", short(k.rec.Key))
		}
	}
}
