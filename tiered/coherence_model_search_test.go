package tiered_test

import (
	"fmt"
	"strings"
)

// coherence is a protocol in a scenario: it gives the states that follow a
// state.
type coherence struct {
	protocol
	scenario
	order []step
	ops   [modelOps]modelOp
	*modelOracle

	// What expand fills in.
	next   []modelState
	wrong  string   // the invariant that the last of next breaks
	traced bool     // fill in texts
	texts  []string // the step that leads to each of next
}

// newCoherence returns the model and its first state: both keys hold their old
// value in all tiers.
func newCoherence(p protocol, sc scenario) (*coherence, modelState) {
	c := &coherence{protocol: p, scenario: sc, order: p.steps()}
	for cl, script := range sc.clients {
		copy(c.ops[cl*modelCalls:(cl+1)*modelCalls], script)
	}
	var empty uint32
	c.modelOracle, empty = newModelOracle(c.ops[:])
	s := modelState{kills: sc.kills, powerCuts: sc.powerCuts}
	for k := range modelKeys {
		s.l2[k], s.disk[k], s.journal[k], s.published[k] = oldValue, oldValue, oldValue, oldValue
		s.history[k] = empty
		for r := range s.readers {
			s.readers[r].l1[k] = modelEntry{value: oldValue}
		}
	}
	c.settle(&s)
	return c, s
}

// expand fills in next with the states that follow s. It stops at a wrong one.
func (c *coherence) expand(s modelState) {
	c.next, c.texts, c.wrong = c.next[:0], c.texts[:0], ""
	c.takeGroup(&s)
	c.committer(&s)
	c.background(&s)
	c.receive(&s)
	c.read(&s)
	c.evictL2(&s)
	c.crash(&s)
	c.takeover(&s)
}

// to adds s to the states that follow; text and args name the step.
func (c *coherence) to(s modelState, text string, args ...any) {
	if c.wrong != "" {
		return
	}
	c.wrong = c.check(&s)
	if c.wrong == "" && s.inflight >= belowZero {
		return // such a word detaches L1 and L2
	}
	c.settle(&s)
	c.next = append(c.next, s)
	if c.traced {
		c.texts = append(c.texts, fmt.Sprintf(text, append([]any(nil), args...)...))
	}
}

// belowZero is what inflight is at least once it went below 0.
const belowZero = 1 << 7

// check gives the invariant that s breaks.
func (c *coherence) check(s *modelState) string {
	for k := range modelKeys {
		if s.history[k] == broken {
			return fmt.Sprintf("invariant 1: no order of the writes explains the answers about k%d", k)
		}
		if s.owner != ownerServes {
			continue
		}
		probe := c.after(s.history[k], modelEvent{readBegins, probeSlot, noValue})
		if c.after(probe, modelEvent{readAnswers, probeSlot, s.published[k]}) == broken {
			return fmt.Sprintf("invariant 2: no order of the writes explains that a load of k%d now gives %v", k, s.published[k])
		}
	}
	if c.protocol != (protocol{}) {
		return ""
	}
	return s.checkInner()
}

// checkInner gives the invariant that s breaks of those that nobody outside can
// see broken.
func (s *modelState) checkInner() string {
	if s.inflight >= belowZero {
		return "invariant 3: inflight is below 0"
	}
	if s.inflight != 0 {
		return ""
	}
	if s.owner == ownerServes && (s.published != s.disk || s.journal != s.disk) {
		return "invariant 4: nothing is in flight, and what is published is not what is on disk"
	}
	for k, v := range s.l2 {
		if v != noValue && v != s.published[k] {
			return "invariant 5: nothing is in flight, and L2 holds a superseded value"
		}
		for _, r := range s.readers {
			if e := r.l1[k]; e.value != noValue && e.tag == s.generation && e.value != s.published[k] {
				return "invariant 6: nothing is in flight, and L1 holds a superseded value under the word's generation"
			}
		}
	}
	return ""
}

// settle clears what cannot matter any more, so that states that differ in
// nothing else are one.
func (c *coherence) settle(s *modelState) {
	for r := range s.readers {
		for k := range s.readers[r].l1 {
			if e := &s.readers[r].l1[k]; !c.alive(s, r, uint8(k), *e) {
				*e = modelEntry{}
			}
		}
	}
	for k := range s.l2 {
		if !c.looked(s, uint8(k)) {
			s.l2[k] = noValue
		}
	}
	for cl := range s.clients {
		if s.clients[cl].tag == 0 || c.ownFillLaterTag {
			continue
		}
		op := opOf(cl, s.clients[cl].call)
		if !c.alive(s, cl, c.ops[op].key, modelEntry{valueOf(op), s.clients[cl].tag - 1}) {
			s.clients[cl].tag = 0
		}
	}
}

// searched is what a search has found: the number of states, and the shortest
// way to a wrong one, if any.
type searched struct {
	states int
	wrong  string
	trace  []string
}

func (f searched) String() string {
	var b strings.Builder
	for i, text := range f.trace {
		fmt.Fprintf(&b, "  %2d %s\n", i+1, text)
	}
	fmt.Fprintf(&b, "  => %s", f.wrong)
	return b.String()
}

// search goes through all states that can be reached, the nearest first, up to
// the first wrong one.
func (c *coherence) search(first modelState, most int) searched {
	var met stateSet
	met.add(first.pack())
	parents := []uint32{0}
	for at := 0; at < len(met.states); at++ {
		c.expand(met.states[at].unpack())
		if wrong := c.wrong; wrong != "" {
			return searched{len(met.states), wrong, c.trace(met.states, parents, at)}
		}
		for i := range c.next {
			if met.add(c.next[i].pack()) {
				parents = append(parents, uint32(at))
			}
		}
		if len(met.states) > most {
			return searched{states: len(met.states), wrong: fmt.Sprintf("more than %d states", most)}
		}
	}
	return searched{states: len(met.states)}
}

// trace names the steps to the wrong state that follows the state at.
func (c *coherence) trace(states []packedState, parents []uint32, at int) []string {
	c.traced = true
	defer func() { c.traced = false }()
	c.expand(states[at].unpack())
	steps := []string{c.texts[len(c.texts)-1]}
	for ; at != 0; at = int(parents[at]) {
		c.expand(states[parents[at]].unpack())
		for i := range c.next {
			if c.next[i].pack() == states[at] {
				steps = append([]string{c.texts[i]}, steps...)
				break
			}
		}
	}
	return steps
}

// stateSet is a set of states, in the order in which they were met.
type stateSet struct {
	states []packedState
	slots  []uint32 // open addressing: index into states, +1; 0: free
}

// add returns false if p is in the set already.
func (ss *stateSet) add(p packedState) bool {
	if 2*len(ss.states) >= len(ss.slots) {
		ss.slots = make([]uint32, max(1<<10, 4*len(ss.slots)))
		for i := range ss.states {
			slot, _ := ss.find(ss.states[i])
			ss.slots[slot] = uint32(i) + 1
		}
	}
	slot, met := ss.find(p)
	if met {
		return false
	}
	ss.states = append(ss.states, p)
	ss.slots[slot] = uint32(len(ss.states))
	return true
}

// find returns p's slot, or the free one that is its place.
func (ss *stateSet) find(p packedState) (slot uint64, met bool) {
	mask := uint64(len(ss.slots) - 1)
	for slot = p.hash() & mask; ; slot = (slot + 1) & mask {
		i := ss.slots[slot]
		if i == 0 {
			return slot, false
		}
		if ss.states[i-1] == p {
			return slot, true
		}
	}
}

func (p packedState) hash() uint64 {
	h := uint64(0)
	for _, w := range p {
		h = (h ^ w) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	return h ^ h>>32
}
