package tiertest

import (
	"fmt"
	"math"
)

var dueCases = []testCase{
	{
		name: "DueExact",
		why:  "Due gives the keys whose deadline is at or before now, to the millisecond, and no others",
		run: func(p *probe) {
			deadlines := []int64{
				0, 1, 2, 999, 1000, 1001, epochMillis - 1, epochMillis, epochMillis + 1,
				epochMillis + 59_999, epochMillis + 60_000, epochMillis + 3_600_000, math.MaxInt64 - 1, math.MaxInt64,
			}
			for _, deadline := range deadlines {
				p.set(fmt.Sprintf("first with %d", deadline), []byte("v"), deadline)
				p.set(fmt.Sprintf("second with %d", deadline), []byte("v"), deadline)
			}
			p.commit()
			for _, deadline := range deadlines {
				p.verifyDue(deadline - min(deadline, 1))
				p.verifyDue(deadline)
			}
		},
	},
	{
		name: "DueRepeats",
		why:  "asking what is due takes nothing away: the next answer is the same until a group changes it",
		run: func(p *probe) {
			for i := range 10 {
				p.set(fmt.Sprintf("k%d", i), []byte("v"), 1000)
			}
			p.commit()
			for range 3 {
				p.verifyDue(999)
				p.verifyDue(1000)
				if got := p.due(1000, 3); len(got) != 3 {
					p.Errorf("Due(1000, 3): got %d keys, want 3", len(got))
				}
			}
			p.verifyAll()
		},
	},
	{
		name: "DueFollowsChanges",
		why:  "the last deadline of a key counts: moved later or earlier, taken away, given, replaced or removed",
		run:  dueFollowsChanges,
	},
	{
		name: "DueLimited",
		why:  "Due gives at most max keys, and fewer only if there are no more: taking turns with removals finds all",
		run: func(p *probe) {
			const n, limit = 2000, 300
			for i := range n {
				p.set(fmt.Sprintf("k%04d", i), []byte("v"), epochMillis+int64(i%7)*10_000)
				p.set(fmt.Sprintf("later %04d", i), []byte("v"), epochMillis*2)
			}
			p.commit()
			for left := n; left > 0; {
				got := p.due(epochMillis+60_000, limit)
				if len(got) != min(limit, left) {
					p.Fatalf("Due with %d keys left and max %d: got %d keys", left, limit, len(got))
				}
				for _, key := range got {
					p.remove(key)
				}
				p.commit()
				left -= len(got)
			}
			p.verifyAll()
		},
	},
	{
		name: "DueOddKeys",
		why:  "any key can have a deadline",
		run: func(p *probe) {
			for _, key := range oddKeys() {
				p.set(key, []byte("v"), 5000)
			}
			p.commit()
			p.verifyDue(4999)
			p.verifyDue(5000)
		},
	},
	{
		name: "Timed",
		why:  "Timed is true whenever a record has a deadline",
		run: func(p *probe) {
			p.wantTimed("with one record", func() { p.set("a", []byte("v"), math.MaxInt64) })
			p.wantTimed("after a touch", func() { p.set("a", []byte("v"), 0); p.set("b", []byte("v"), 0); p.touch("b", 9) })
			p.wantTimed("beside an immortal", func() { p.remove("b"); p.set("c", []byte("v"), 10); p.set("d", []byte("v"), 0) })
		},
	},
}

func (p *probe) wantTimed(when string, change func()) {
	change()
	p.commit()
	if !p.durable.Timed() {
		p.Errorf("Timed %s: got false, want true", when)
	}
}

func dueFollowsChanges(p *probe) {
	moves := []int64{0, 1000, 2000, epochMillis, epochMillis + 100_000}
	for round, way := range []func(key string, deadline int64){
		func(key string, deadline int64) { p.touch(key, deadline) },
		func(key string, deadline int64) { p.set(key, []byte("new"), deadline) },
		func(key string, deadline int64) { p.remove(key); p.set(key, []byte("again"), deadline) },
		func(key string, deadline int64) { p.set(key, []byte("x"), 500); p.touch(key, deadline) },
	} {
		key := func(i, j int) string { return fmt.Sprintf("%d from %d to %d", round, moves[i], moves[j]) }
		each(moves, func(i, j int) { p.set(key(i, j), []byte("v"), moves[i]) })
		p.commit()
		each(moves, func(i, j int) { way(key(i, j), moves[j]) })
		p.commit()
		for _, now := range moves[1:] {
			p.verifyDue(now - 1)
			p.verifyDue(now)
		}
	}
	for _, key := range p.keys()[:20] {
		p.remove(key)
	}
	p.commit()
	p.verifyDue(math.MaxInt64)
}

// each calls f with each pair of indices of list.
func each(list []int64, f func(i, j int)) {
	for i := range list {
		for j := range list {
			f(i, j)
		}
	}
}
