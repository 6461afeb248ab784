package tiered_test

// crash kills the owner, fails its fsync, or cuts the power. The journal's
// unsynced tail may be found by the next owner, or be torn or lost.
func (c *coherence) crash(s *modelState) {
	unsynced := s.journalOps != s.diskOps
	if s.kills > 0 {
		n := *s
		n.kills--
		c.die(n, true, "kill -9 of the owner")
		if unsynced && s.owner == ownerServes && s.step != 0 {
			c.die(n, false, "kill -9 of the owner; the journal's tail is torn")
			n.failed = c.takeoverWithoutRewrite
			c.die(n, true, "the fsync fails, the owner steps down")
		}
	}
	if s.powerCuts > 0 {
		n := *s
		c.cutPower(&n)
		c.die(n, true, "power cut")
		if unsynced {
			c.die(n, false, "power cut; the journal's tail is lost")
		}
	}
}

// die lets the owner's memory go and the next one read the journal. Clients
// that wait for an answer send their writes again.
func (c *coherence) die(s modelState, tail bool, text string) {
	if !tail {
		s.journal, s.journalOps = s.disk, s.diskOps
	}
	s.published = s.journal
	s.owner, s.step, s.group, s.debts = ownerReplayed, 0, [2]uint8{}, [modelDebts]debt{}
	for i := range s.clients {
		cl := &s.clients[i]
		if cl.status != clientInGroup && cl.status != clientRemembered {
			continue
		}
		cl.status = clientResends
		if s.journalOps&(1<<opOf(i, cl.call)) != 0 && !c.resendAppliesAgain {
			cl.status = clientRemembered
		}
	}
	c.to(s, "%s", text)
}

// cutPower ends all processes and wipes L2, as the other boot id makes the next
// owner do. What was called and not answered never will be; new processes go on
// with the rest of the scripts.
func (c *coherence) cutPower(s *modelState) {
	s.powerCuts--
	s.generation++
	s.inflight = 0
	s.failed = false
	s.l2 = [modelKeys]modelValue{}
	for r := range s.readers {
		rd := &s.readers[r]
		rd.l1 = [modelKeys]modelEntry{}
		if rd.status != readerAway {
			c.record(s, c.scenario.readers[r][rd.call], readVanishes, r, noValue)
			*rd = readerState{call: rd.call + 1}
		}
	}
	for i := range s.clients {
		if cl := &s.clients[i]; cl.status != clientIdle {
			*cl = clientState{call: cl.call + 1}
		}
	}
}

// takeover takes the next owner one step further: rewrite and fsync, repair,
// serve.
func (c *coherence) takeover(s *modelState) {
	n := *s
	switch s.owner {
	case ownerServes:
		if c.takeoverBeforeFsync && s.step == 0 && s.journalOps != s.diskOps {
			n.disk, n.diskOps = n.journal, n.journalOps
			c.to(n, "owner: rewrites the tail and syncs it, while it serves")
		}
	case ownerReplayed:
		n.owner, n.failed = ownerRewrote, false
		switch {
		case c.takeoverBeforeFsync:
			c.to(n, "takeover: leaves the fsync for later")
		case c.takeoverWithoutRewrite && s.failed:
			c.to(n, "takeover: fsync of the old segment, whose pages are clean")
		default:
			n.disk, n.diskOps = n.journal, n.journalOps
			c.to(n, "takeover: rewrites the tail and syncs it")
		}
	case ownerRewrote:
		c.repair(n)
	case ownerWiped:
		n.owner, n.inflight = ownerServes, 0
		if !c.takeoverKeepsGeneration {
			n.generation++
		}
		c.to(n, "takeover: ends and serves; word %d+%d", n.generation, n.inflight)
	}
}

// repair wipes the entries of the bucket if it is in flight. A page that cannot
// be locked is left to the background.
func (c *coherence) repair(s modelState) {
	switch {
	case s.inflight == 0 || c.takeoverLeavesWords:
		s.owner = ownerServes
		c.to(s, "takeover: serves")
	case c.takeoverKeepsEntries:
		s.owner = ownerWiped
		c.to(s, "takeover: leaves the entries of the bucket in flight in L2")
	case s.holder() < 0:
		s.owner, s.l2 = ownerWiped, [modelKeys]modelValue{}
		c.to(s, "takeover: wipes the entries of the bucket in flight from L2")
	default:
		s.owner = ownerServes
		s.debts[0] = debt{keys: 1<<modelKeys - 1, count: s.inflight}
		c.to(s, "takeover: the page is locked, the bucket stays in flight; serves")
	}
}
