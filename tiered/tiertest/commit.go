package tiertest

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/stratakv/strata/tiered/tier"
)

var commitCases = []testCase{
	{
		name: "EmptyGroup",
		why:  "a group without changes commits and changes no record",
		run: func(p *probe) {
			p.commit()
			p.set("a", []byte("stays"), 0)
			p.commit()
			p.commit()
			p.verifyAll()
		},
	},
	{
		name: "LargeGroup",
		why:  "a group of thousands of changes is as good as one of one",
		run: func(p *probe) {
			for i := range 3000 {
				p.set(fmt.Sprintf("k%d", i), noise(uint64(i), 100), int64(i))
			}
			p.commit()
			for i := range 3000 {
				switch i % 3 {
				case 0:
					p.remove(fmt.Sprintf("k%d", i))
				case 1:
					p.set(fmt.Sprintf("k%d", i), []byte("new"), 0)
				}
			}
			p.commit()
			p.verifyAll("k0", "k3")
		},
	},
	{
		name: "ReadersMeetWholeGroups",
		why:  "a chunk of Scan is as of one moment: it shows each group whole or not at all, beside the writer",
		run: func(p *probe) {
			beside(p, func(last func() uint64) { p.wholeChunk(last()) })
		},
	},
	{
		name: "PublishedAtOnce",
		why:  "who has met one record of a group meets all of that group or of a later one, by Load and by Heads",
		run: func(p *probe) {
			beside(p, func(func() uint64) { p.atOnceByLoad(0, groupKeys-1); p.atOnceByHeads(0, groupKeys-1) },
				func(func() uint64) { p.atOnceByLoad(groupKeys-1, 0); p.atOnceByHeads(groupKeys/2, 0) })
		},
	},
	{
		name: "ReadYourGroup",
		why:  "a group is published when its Commit has returned, and no reader goes back behind it",
		run: func(p *probe) {
			beside(p, func(last func() uint64) {
				want := last()
				if got := p.groupOf(groupKeys / 2); got < want {
					p.Errorf("Load after Commit of group %d: got group %d", want, got)
				}
			})
		},
	},
	{
		name: "CallsBesideCommit",
		why:  "State, Timed and Stats may be called beside Commit",
		run: func(p *probe) {
			beside(p, func(func() uint64) {
				if v := p.durable.State().Version; v != 0 {
					p.Errorf("State().Version beside Commit: got %d, want that of the opening", v)
				}
				p.durable.Timed()
				if got := p.durable.Stats().Usage.Records; got > groupKeys+1 {
					p.Errorf("Stats().Usage.Records beside Commit: got %d, want at most %d", got, groupKeys+1)
				}
			})
		},
	},
}

const (
	groupKeys = 12   // keys that each group of beside sets
	groups    = 150  // groups that it commits at least
	maxGroups = 5000 // and at most, while readers are behind
	rounds    = 300  // rounds that all readers make together at least
)

func groupKey(i int) string { return fmt.Sprintf("g%02d", i) }

// beside commits groups, each setting all group keys to the group's number
// and moving one more key between two names, while each reader runs again
// and again in a goroutine of its own; last gives the number of the last
// group whose Commit has returned.
func beside(p *probe, readers ...func(last func() uint64)) {
	var number atomic.Uint64 // written by the committing goroutine
	var made atomic.Int64    // rounds, written by the readers
	var stop atomic.Bool
	var wg sync.WaitGroup
	number.Store(p.oneGroup(1))
	for _, read := range readers {
		wg.Go(func() {
			for !stop.Load() {
				read(number.Load)
				made.Add(1)
				runtime.Gosched() // wasm has one thread
			}
		})
	}
	defer wg.Wait()
	defer stop.Store(true)
	for n := uint64(2); n <= groups || n <= maxGroups && made.Load() < rounds; n++ {
		number.Store(p.oneGroup(n))
		runtime.Gosched()
	}
	stop.Store(true)
	wg.Wait()
	p.verifyAll()
}

func (p *probe) oneGroup(n uint64) uint64 {
	for i := range groupKeys {
		p.set(groupKey(i), binary.LittleEndian.AppendUint64(nil, n), 0)
	}
	p.remove(fmt.Sprintf("gmoves%d", n%2))
	p.set(fmt.Sprintf("gmoves%d", (n+1)%2), binary.LittleEndian.AppendUint64(nil, n), 0)
	p.commit()
	return n
}

// wholeChunk scans once and wants all records of one and the same group,
// which is last or later.
func (p *probe) wholeChunk(last uint64) {
	recs, more, err := p.durable.Scan(everything("g"))
	if err != nil || len(recs) == 0 {
		p.Errorf("Scan beside Commit: got %d records and error %v", len(recs), err)
		return
	}
	if !more && len(recs) != groupKeys+1 {
		p.Errorf("Scan beside Commit: got %d records, want %d", len(recs), groupKeys+1)
	}
	first := p.numberOf(recs[0])
	if first < last {
		p.Errorf("Scan after Commit of group %d: got group %d", last, first)
	}
	for _, rec := range recs {
		if n := p.numberOf(rec); n != first {
			p.Errorf("Scan beside Commit: got a chunk with records of groups %d and %d", first, n)
		}
	}
}

func (p *probe) atOnceByLoad(i, j int) {
	first := p.groupOf(i)
	if second := p.groupOf(j); second < first {
		p.Errorf("Load: got group %d at key %d, then group %d at key %d", first, i, second, j)
	}
}

func (p *probe) atOnceByHeads(i, j int) {
	heads := make([]tier.Head, 1)
	version := func(i int) uint64 {
		if err := p.durable.Heads([]string{groupKey(i)}, heads, nil); err != nil {
			p.Errorf("Heads beside Commit: got error %v", err)
		}
		return heads[0].Version
	}
	// Versions of one group lie less than perGroup apart and start at 1.
	const perGroup = groupKeys + 2
	first := (version(i) - 1) / perGroup
	if second := (version(j) - 1) / perGroup; second < first {
		p.Errorf("Heads: got group %d at key %d, then group %d at key %d", first+1, i, second+1, j)
	}
}

// groupOf is the group that key i shows now.
func (p *probe) groupOf(i int) uint64 {
	rec, found, err := p.durable.Load(groupKey(i))
	if err != nil || !found {
		p.Errorf("Load beside Commit: got found %v and error %v", found, err)
		return 0
	}
	return p.numberOf(rec)
}

// numberOf decodes a record that beside wrote.
func (p *probe) numberOf(rec tier.Record) uint64 {
	value, err := p.codec.Decode(nil, rec.Key, rec.Frame)
	if err != nil || len(value) != 8 {
		p.Errorf("frame of %s: got %d bytes and error %v", short(rec.Key), len(value), err)
		return 0
	}
	return binary.LittleEndian.Uint64(value)
}
