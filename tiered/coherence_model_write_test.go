package tiered_test

import "strings"

// record adds an event of key to its history.
func (c *coherence) record(s *modelState, key uint8, kind modelEventKind, who int, v modelValue) {
	s.history[key] = c.after(s.history[key], modelEvent{kind, uint8(who), v})
}

// takeGroup lets the committer take one or two waiting writes, in either
// order, as the next group.
func (c *coherence) takeGroup(s *modelState) {
	if s.owner != ownerServes || s.step != 0 {
		return
	}
	var waiting []int
	for i, cl := range s.clients {
		if cl.status == clientResends || cl.status == clientIdle && int(cl.call) < len(c.clients[i]) {
			waiting = append(waiting, opOf(i, cl.call))
		}
	}
	for _, op := range waiting {
		c.judge(*s, op)
	}
	if len(waiting) == 2 {
		c.judge(*s, waiting[0], waiting[1])
		c.judge(*s, waiting[1], waiting[0])
	}
}

// judge judges a group's ops in order on the published state, and takes the
// first step with them.
func (c *coherence) judge(s modelState, group ...int) {
	values := s.published
	for i, op := range group {
		s.group[i] = uint8(op) + 1
		key := c.ops[op].key
		cl := &s.clients[clientOf(op)]
		if cl.status == clientIdle {
			c.record(&s, key, writeBegins, op, noValue)
		}
		*cl = clientState{call: cl.call, status: clientInGroup}
		after, takes := c.ops[op].effect(op, values[key])
		if takes {
			values[key] = after
			continue
		}
		cl.refused = uint8(values[key]) + 1
		if c.refusedBeforeFsync {
			cl.status = clientAnswered
		}
	}
	c.take(s)
}

// committer takes the group in commit one step further.
func (c *coherence) committer(s *modelState) {
	if s.owner == ownerServes && s.step != 0 {
		c.take(*s)
	}
}

func (c *coherence) take(s modelState) {
	at := c.order[s.step]
	s.step++
	switch at {
	case stepBegin:
		s.inflight++
		c.to(s, "committer: begins %s; word %d+%d", c.groupText(&s), s.generation, s.inflight)
	case stepBump:
		s.generation++
		c.to(s, "committer: generation+1 for %s; word %d+%d", c.groupText(&s), s.generation, s.inflight)
	case stepCommit:
		c.commit(&s)
		c.to(s, "committer: %s in the journal, unsynced", c.groupText(&s))
	case stepFsync:
		s.disk, s.diskOps = s.journal, s.journalOps
		c.to(s, "committer: fsync")
	case stepPublish:
		s.published = s.journal
		c.to(s, "committer: publishes")
	case stepL2:
		c.putL2(s)
	case stepEnd:
		s.generation++
		s.inflight--
		c.acknowledge(&s, true)
		c.to(s, "committer: ends and acknowledges; word %d+%d", s.generation, s.inflight)
	case stepAck:
		c.acknowledge(&s, true)
		c.to(s, "committer: acknowledges")
	}
}

// groupOps gives the ops of the group in commit, in their order.
func (s *modelState) groupOps() []int {
	ops := make([]int, 0, len(s.group))
	for _, id := range s.group {
		if id != 0 {
			ops = append(ops, int(id)-1)
		}
	}
	return ops
}

// applied gives those that were not refused.
func (s *modelState) applied() []int {
	ops := make([]int, 0, len(s.group))
	for _, op := range s.groupOps() {
		if s.clients[clientOf(op)].refused == 0 {
			ops = append(ops, op)
		}
	}
	return ops
}

func (c *coherence) groupText(s *modelState) string {
	if !c.traced {
		return ""
	}
	var texts []string
	for _, op := range s.groupOps() {
		texts = append(texts, c.ops[op].text(op))
	}
	return strings.Join(texts, " and ")
}

// commit appends the group to the journal, with the results of all its ops if
// any of them was applied.
func (c *coherence) commit(s *modelState) {
	applied := s.applied()
	if len(applied) == 0 {
		return
	}
	for _, op := range applied {
		s.journal[c.ops[op].key] = c.ops[op].writes(op)
	}
	for _, op := range s.groupOps() {
		s.journalOps |= 1 << op
	}
	if c.versionsInL2 {
		last := max(s.rank[0], s.rank[1], s.rank[2], s.rank[3])
		for i, op := range applied {
			s.rank[op] = last + uint8(i) + 1
		}
	}
}

// putL2 brings L2 to the state after the group, under the page lock. While a
// reader holds that, the committer waits; or it gives up, acknowledges, and
// leaves the bucket in flight.
func (c *coherence) putL2(s modelState) {
	applied := s.applied()
	if len(applied) == 0 || s.holder() < 0 {
		for _, op := range applied {
			s.l2[c.ops[op].key] = c.ops[op].writes(op)
		}
		c.to(s, "committer: L2 gets the group")
		return
	}
	if c.order[s.step] != stepEnd {
		return
	}
	if c.stoppedPageEnds {
		c.to(s, "committer: the page is locked, L2 stays as it is")
		return
	}
	for i := range s.debts {
		if s.debts[i].count != 0 {
			continue
		}
		s.debts[i].count = 1
		for _, op := range applied {
			key := c.ops[op].key
			s.debts[i].keys |= 1 << key
			if c.backgroundPutsFrame {
				s.debts[i].frames[key] = c.ops[op].writes(op)
			}
		}
		c.acknowledge(&s, false)
		c.to(s, "committer: the page is locked; acknowledges, leaves the bucket in flight")
		return
	}
}

// acknowledge answers the group. After the end, the acknowledgement of an op
// that is its key's last carries the generation that the end has made.
func (c *coherence) acknowledge(s *modelState, ended bool) {
	group, applied := s.groupOps(), s.applied()
	s.group, s.step = [2]uint8{}, 0
	for _, op := range group {
		if cl := &s.clients[clientOf(op)]; cl.status == clientInGroup {
			cl.status = clientAnswered
		}
	}
	if !ended {
		return
	}
	for i, op := range applied {
		last := i == len(applied)-1 || c.ops[applied[i+1]].key != c.ops[op].key
		if c.ops[op].kind != opDel && (last || c.ownFillNotLast) {
			s.clients[clientOf(op)].tag = s.generation + 1
		}
	}
}

// receive lets a client get its acknowledgement, fill its L1 and return. One
// from the exactly-once memory comes from the next owner, without a tag.
func (c *coherence) receive(s *modelState) {
	for i, cl := range s.clients {
		if cl.status != clientAnswered && (cl.status != clientRemembered || s.owner != ownerServes) {
			continue
		}
		n := *s
		n.clients[i] = clientState{call: cl.call + 1}
		op := opOf(i, cl.call)
		key := c.ops[op].key
		if cl.refused != 0 {
			v := modelValue(cl.refused - 1)
			c.record(&n, key, refusedAnswer, op, v)
			c.to(n, "client %d: %s is refused, k%d holds %v", i, c.ops[op].text(op), key, v)
			continue
		}
		c.record(&n, key, writeAnswers, op, noValue)
		c.to(n, "client %d: %s is acknowledged", i, c.ops[op].text(op))
		if cl.tag == 0 {
			continue
		}
		tag := cl.tag - 1
		if c.ownFillLaterTag {
			tag = s.generation
		}
		n.readers[i].l1[key] = modelEntry{valueOf(op), tag}
		c.to(n, "client %d: %s is acknowledged; its L1 gets it, tagged %d", i, c.ops[op].text(op), tag)
	}
}

// background removes from L2 what a group could not replace, and then ends the
// group's bracket.
func (c *coherence) background(s *modelState) {
	if s.owner != ownerServes {
		return
	}
	for i, d := range s.debts {
		n := *s
		switch {
		case d.count == 0:
		case d.removed:
			n.debts[i] = debt{}
			n.generation++
			n.inflight -= d.count
			if c.backgroundZeroes {
				n.inflight = 0
			}
			c.to(n, "background: ends; word %d+%d", n.generation, n.inflight)
		case s.holder() < 0:
			n.debts[i].removed = true
			for k := range n.l2 {
				if d.keys&(1<<k) != 0 {
					n.l2[k] = d.frames[k]
				}
			}
			c.to(n, "background: %v replaces in L2 what was left there", d.frames)
		}
	}
}
