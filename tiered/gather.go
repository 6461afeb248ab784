package tiered

import (
	"sync"
	"sync/atomic"
	"time"
)

// gather lets groups be large where the processors are what is short. A caller
// that was answered is not back at once: while it waits for a processor, the
// committing goroutine would take what few requests there are as a group, whose
// sync costs as much as that of many and keeps a processor from the callers.
// So it waits:
//
//  1. while less is queued than callers are on their way, answered and not run
//     yet, which is looked at when one is queued. Half of them in a group and half
//     of them on their way keep disk and processors busy both;
//  2. never with nothing queued, or for a few (fewOnTheirWay): there is no idle
//     delay, and few callers, who leave processors free, never notice;
//  3. no longer than the last group took, and no longer than longestGather.
//     Where others keep the processors, even that timer comes late: after a wait
//     that was much longer than it was to be, more and more groups pass without
//     one.
type gather struct {
	onTheirWay atomic.Int64 // written by answer and by callers
	waiting    atomic.Bool  // written under mu

	mu     sync.Mutex    // orders waiting with enough
	enough chan struct{} // capacity 1: what ends a wait; one for each time that waiting was set

	// The committing goroutine's alone.
	timer  *time.Timer
	pass   int // groups that do not wait
	passed int // the last value that pass began with
}

const (
	fewOnTheirWay = 8
	longestGather = 2 * time.Millisecond
	// lateness is how much later than asked for a timer may come on a machine
	// that has time for us.
	lateness    = 500 * time.Microsecond
	mostPassing = 4096
)

func newGather() gather { return gather{enough: make(chan struct{}, 1)} }

// answered notes that n callers are about to be answered.
func (g *gather) answered(n int) { g.onTheirWay.Add(int64(n)) }

// arrived notes that one of them runs.
func (g *gather) arrived() {
	if g.onTheirWay.Add(-1) <= 0 && g.waiting.Load() {
		g.end()
	}
}

// queued notes how many requests are queued now.
func (g *gather) queued(n int) {
	if g.waiting.Load() && g.suffices(n) {
		g.end()
	}
}

// suffices reports whether n requests are enough for a group.
func (g *gather) suffices(n int) bool { return int64(n) >= g.onTheirWay.Load() }

// begin lets those who arrive or queue end the wait.
func (g *gather) begin() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting.Store(true)
}

// end ends the wait, if there is one.
func (g *gather) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.waiting.Load() {
		g.waiting.Store(false)
		g.enough <- struct{}{}
	}
}

// wait waits as long as a group should, of which pending says how many requests
// it would have now; the last one took took.
func (g *gather) wait(pending func() int, took time.Duration) {
	if n := pending(); n == 0 || g.onTheirWay.Load() < fewOnTheirWay || g.suffices(n) {
		return
	}
	if g.pass > 0 {
		g.pass--
		return
	}
	g.begin()
	if g.suffices(pending()) {
		g.end() // what came before begin was not told
	}
	began := time.Now()
	bound := min(took, longestGather)
	if g.timer == nil {
		g.timer = time.NewTimer(bound)
	} else {
		g.timer.Reset(bound)
	}
	select {
	case <-g.enough:
		g.timer.Stop()
	case <-g.timer.C:
		g.end()
		<-g.enough
	}
	g.judge(time.Since(began) > bound+lateness)
}

// judge draws the consequence of a wait.
func (g *gather) judge(late bool) {
	if !late {
		g.passed /= 2
		return
	}
	g.passed = min(2*g.passed+8, mostPassing)
	g.pass = g.passed
}
