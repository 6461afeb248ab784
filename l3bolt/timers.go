//go:build !wasm

package l3bolt

import (
	"container/heap"
)

// timers lists keys by slot, some of them at slots that they have left: whoever
// keeps timers knows which, and due asks. The zero timers is ready.
type timers struct {
	lists map[uint64]*slotList
	slots slotHeap // of lists
	last  *slotList
}

type slotList struct {
	slot uint64
	keys []string
}

// add lists key at slot.
func (t *timers) add(slot uint64, key string) {
	// Most of what is written at one time ends at one time.
	if t.last == nil || t.last.slot != slot {
		t.last = t.list(slot)
	}
	t.last.keys = append(t.last.keys, key)
}

func (t *timers) list(slot uint64) *slotList {
	l := t.lists[slot]
	if l == nil {
		if t.lists == nil {
			t.lists = make(map[uint64]*slotList)
		}
		l = &slotList{slot: slot}
		t.lists[slot] = l
		heap.Push(&t.slots, l)
	}
	return l
}

// first is the lowest slot that may have a key.
func (t *timers) first() (slot uint64, ok bool) {
	for len(t.slots) > 0 && len(t.slots[0].keys) == 0 {
		l := heap.Pop(&t.slots).(*slotList)
		delete(t.lists, l.slot)
		if t.last == l {
			t.last = nil
		}
	}
	if len(t.slots) == 0 {
		return 0, false
	}
	return t.slots[0].slot, true
}

// due calls fn with what is listed at slots up to bound, in no order, until
// more is false. What fn does not keep is no longer listed. fn must not add.
func (t *timers) due(bound uint64, fn func(slot uint64, key string) (keep, more bool)) {
	t.dueBelow(0, bound, fn)
	t.first()
}

// dueBelow walks the part of the heap whose root is slots[i].
func (t *timers) dueBelow(i int, bound uint64, fn func(slot uint64, key string) (keep, more bool)) bool {
	if i >= len(t.slots) || t.slots[i].slot > bound {
		return true
	}
	return t.slots[i].due(fn) && t.dueBelow(2*i+1, bound, fn) && t.dueBelow(2*i+2, bound, fn)
}

func (l *slotList) due(fn func(slot uint64, key string) (keep, more bool)) bool {
	for i := len(l.keys) - 1; i >= 0; i-- {
		keep, more := fn(l.slot, l.keys[i])
		if !keep {
			last := len(l.keys) - 1
			l.keys[i], l.keys[last] = l.keys[last], ""
			l.keys = l.keys[:last]
		}
		if !more {
			return false
		}
	}
	return true
}

// slotHeap has the lowest slot first.
type slotHeap []*slotList

func (h slotHeap) Len() int           { return len(h) }
func (h slotHeap) Less(i, j int) bool { return h[i].slot < h[j].slot }
func (h slotHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *slotHeap) Push(l any)        { *h = append(*h, l.(*slotList)) }
func (h *slotHeap) Pop() any {
	last := len(*h) - 1
	l := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return l
}
