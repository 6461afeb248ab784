package host

import "sync"

// tickets numbers the writes of one client.
//
//  1. Numbers ascend from 1 and are never used twice.
//  2. low is the lowest number whose write somebody still waits for, or the
//     next number; it never goes down.
type tickets struct {
	mu   sync.Mutex // guards all below
	low  uint64     // of open[0]
	open []bool     // of low, low+1, ...: whether somebody waits
}

// next gives a number.
func (t *tickets) next() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.low == 0 {
		t.low = 1
	}
	t.open = append(t.open, true)
	return t.low + uint64(len(t.open)) - 1
}

// lowest is the lowest number that is waited for.
func (t *tickets) lowest() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(t.low, 1)
}

// done says that nobody waits for seq any more.
func (t *tickets) done(seq uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open[seq-t.low] = false
	n := 0
	for n < len(t.open) && !t.open[n] {
		n++
	}
	t.low += uint64(n)
	if t.open = t.open[n:]; len(t.open) == 0 {
		t.open = nil
	}
}
