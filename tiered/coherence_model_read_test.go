package tiered_test

// read takes each reader one step further.
func (c *coherence) read(s *modelState) {
	for r, script := range c.scenario.readers {
		rd := s.readers[r]
		if int(rd.call) >= len(script) {
			continue
		}
		key := script[rd.call]
		switch rd.status {
		case readerAway:
			c.readWord(*s, r, key)
		case readerLooks:
			c.look(s, r, key)
			c.load(s, r, key)
		case readerLoaded:
			c.answer(*s, r, key, "reader %d: gets the load's answer %v, leaves L2 as it is", r, rd.value)
			c.fill(*s, r, key)
		case readerChecked:
			if s.holder() < 0 {
				n := *s
				n.readers[r].status = readerLocks
				c.to(n, "reader %d: locks the page", r)
			}
		case readerLocks:
			n := *s
			if !c.versionsInL2 || s.version(rd.value) > s.version(s.l2[key]) {
				n.l2[key] = rd.value
			}
			c.answer(n, r, key, "reader %d: puts k%d=%v into L2, unlocks the page, answers", r, key, rd.value)
		}
	}
}

func (c *coherence) readWord(s modelState, r int, key uint8) {
	rd := &s.readers[r]
	rd.status, rd.generation, rd.inflight = readerLooks, s.generation, s.inflight
	c.record(&s, key, readBegins, r, noValue)
	c.to(s, "reader %d: Get(k%d) loads the word %d+%d", r, key, s.generation, s.inflight)
}

// look answers from L1 or L2. Either may have evicted the entry by now: then
// the reader loads.
func (c *coherence) look(s *modelState, r int, key uint8) {
	rd := s.readers[r]
	if rd.inflight != 0 && !c.trustInFlight {
		return
	}
	if e := rd.l1[key]; e.value != noValue && e.tag == rd.generation {
		n := *s
		c.leave(&n, r, key, e.value)
		c.to(n, "reader %d: finds k%d=%v in L1", r, key, e.value)
	}
	if v := s.l2[key]; v != noValue {
		n := *s
		n.readers[r].value = v
		c.answer(n, r, key, "reader %d: finds k%d=%v in L2", r, key, v)
	}
}

// load asks the authority, or joins a load of the same key and word whose
// answer is on its way.
func (c *coherence) load(s *modelState, r int, key uint8) {
	rd := s.readers[r]
	if s.owner == ownerServes {
		n := *s
		n.readers[r].status, n.readers[r].value = readerLoaded, s.published[key]
		c.loadAnswers(n, r, key, "reader %d: misses, loads k%d=%v", r, key, s.published[key])
	}
	if rd.inflight != 0 && !c.shareInFlight {
		return
	}
	for o := range c.scenario.readers {
		other := s.readers[o]
		if o == r || other.status != readerLoaded || c.scenario.readers[o][other.call] != key ||
			other.generation != rd.generation || other.inflight != rd.inflight {
			continue
		}
		n := *s
		n.readers[r].status, n.readers[r].value = readerLoaded, other.value
		c.loadAnswers(n, r, key, "reader %d: misses, joins the load of reader %d that has k%d=%v", r, o, key, other.value)
	}
}

// loadAnswers lets the Get answer at once where the load is not to be joined
// and L2 not to be filled.
func (c *coherence) loadAnswers(s modelState, r int, key uint8, text string, args ...any) {
	if s.readers[r].inflight != 0 && !c.shareInFlight && !c.fillInFlight {
		c.answer(s, r, key, text, args...)
		return
	}
	c.to(s, text, args...)
}

// fill locks the page and checks the word; the entry is written in the next
// step, before which the holder may be stopped for any time.
func (c *coherence) fill(s modelState, r int, key uint8) {
	rd := &s.readers[r]
	if rd.value == noValue || !c.mayFill(&s, rd) {
		return
	}
	if c.fillCheckedOutsideLock {
		rd.status = readerChecked
		c.to(s, "reader %d: sees the word %d+%d", r, s.generation, s.inflight)
		return
	}
	if s.holder() < 0 {
		rd.status = readerLocks
		c.to(s, "reader %d: locks the page, sees the word %d+%d", r, s.generation, s.inflight)
	}
}

func (c *coherence) mayFill(s *modelState, rd *readerState) bool {
	switch {
	case rd.inflight != 0 && !c.fillInFlight:
		return false
	case c.fillUnchecked, c.versionsInL2:
		return true
	case c.fillCheckedByGeneration:
		return rd.generation == s.generation
	}
	return rd.generation == s.generation && rd.inflight == s.inflight
}

// answer fills L1 with what the Get has found, tagged with the generation that
// it loaded first, and returns. L1 may keep an older entry instead.
func (c *coherence) answer(s modelState, r int, key uint8, text string, args ...any) {
	filled := modelEntry{s.readers[r].value, s.readers[r].generation}
	c.leave(&s, r, key, filled.value)
	old := s.readers[r].l1[key]
	if filled.value == noValue || old != filled && c.alive(&s, r, key, old) {
		c.to(s, text, args...)
	}
	if filled.value != noValue {
		s.readers[r].l1[key] = filled
		c.to(s, text+"; L1 gets it, tagged %d", append(args, filled.tag)...)
	}
}

func (c *coherence) leave(s *modelState, r int, key uint8, v modelValue) {
	c.record(s, key, readAnswers, r, v)
	s.readers[r] = readerState{call: s.readers[r].call + 1, l1: s.readers[r].l1}
}

// evictL2 forgets an entry together with its version.
func (c *coherence) evictL2(s *modelState) {
	for k := range s.l2 {
		if c.evict && s.holder() < 0 && s.l2[k] != noValue {
			n := *s
			n.l2[k] = noValue
			c.to(n, "L2: evicts k%d", k)
		}
	}
}

// holder is the reader that holds the page lock, -1 if it is free.
func (s *modelState) holder() int {
	for r := range s.readers {
		if s.readers[r].status == readerLocks {
			return r
		}
	}
	return -1
}

// version is that of v's record; 0: no entry.
func (s *modelState) version(v modelValue) uint8 {
	switch v {
	case noValue:
		return 0
	case oldValue:
		return 1
	}
	return s.rank[v-firstOp] + 1
}

// alive says that the entry e for key in reader r's L1 can still be hit: by the
// Get that runs, or by a later one under the generation of now.
func (c *coherence) alive(s *modelState, r int, key uint8, e modelEntry) bool {
	if r >= len(c.scenario.readers) || e.value == noValue {
		return false
	}
	rd := &s.readers[r]
	if rd.status == readerLooks && c.scenario.readers[r][rd.call] == key && rd.generation == e.tag {
		return true
	}
	return e.tag >= s.generation && c.reads(rd, r, key, readerAway)
}

// looked says that a reader can still look key up in L2.
func (c *coherence) looked(s *modelState, key uint8) bool {
	for r := range c.scenario.readers {
		if c.reads(&s.readers[r], r, key, readerLooks) {
			return true
		}
	}
	return false
}

// reads says that reader r Gets key later, or now and is no further than upTo.
func (c *coherence) reads(rd *readerState, r int, key uint8, upTo readerStatus) bool {
	next := int(rd.call)
	if rd.status > upTo {
		next++
	}
	for script := c.scenario.readers[r]; next < len(script); next++ {
		if script[next] == key {
			return true
		}
	}
	return false
}
