package tiertest

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/stratakv/strata/tiered/tier"
)

var modelCases = []testCase{
	{
		name: "Model",
		why:  "random groups, read back in every way, agree with a plain map, over reopenings",
		run:  func(p *probe) { runModel(p, rand.Uint64()) },
	},
}

// model is a random run over few keys, so that they meet often.
type model struct {
	*probe
	rng *rand.Rand
}

func runModel(p *probe, seed uint64) {
	m := model{probe: p, rng: rand.New(rand.NewPCG(seed, 0))}
	p.Seed = seed
	for step := 0; step < 400 && p.Err() == nil; step++ {
		m.group()
		m.read()
		if step%40 == 39 {
			m.verifyAll()
			if p.subject.Reopen != nil {
				p.reopenAndCompare(p.durable.State())
			}
		}
	}
}

// group commits a random group, keys repeated on purpose.
func (m model) group() {
	for range m.rng.IntN(8) {
		key := m.key()
		_, present := m.records[key]
		switch op := m.rng.IntN(10); {
		case op < 5:
			m.set(key, m.value(), m.deadline())
		case op < 7 && present:
			m.touch(key, m.deadline())
		default:
			m.remove(key)
		}
	}
	if m.rng.IntN(10) == 0 {
		m.version += m.rng.Uint64N(100)
	}
	m.commit()
}

func (m model) read() {
	m.verifyKey(m.key())
	m.verifyHeads([]string{m.key(), m.key(), m.key()})
	m.verifyDue(m.rng.Int64N(12_000))
	prefix := m.key()
	prefix = prefix[:m.rng.IntN(len(prefix)+1)]
	r := tier.Range{Prefix: prefix, Records: 1 + m.rng.IntN(20), MaxBytes: 1 + m.rng.IntN(4000)}
	if m.rng.IntN(2) == 0 {
		r.From = m.key()
	}
	m.verifyScan(r)
	m.verifyUsage()
}

func (m model) key() string {
	n := m.rng.IntN(40)
	switch n {
	case 0:
		return ""
	case 1:
		return "\xff\xff"
	case 2:
		return strings.Repeat("long", 2000)
	}
	return fmt.Sprintf("%c%c/%d", 'a'+rune(n%3), 'x'+rune(n%2), n)
}

func (m model) value() []byte {
	n := m.rng.IntN(400)
	if m.rng.IntN(50) == 0 {
		n = m.rng.IntN(200_000)
	}
	if m.rng.IntN(2) == 0 {
		return []byte(strings.Repeat("a compressible value ", n/20))
	}
	return noise(m.rng.Uint64(), n)
}

func (m model) deadline() int64 {
	if m.rng.IntN(3) == 0 {
		return 0
	}
	return 1 + m.rng.Int64N(10_000)
}
