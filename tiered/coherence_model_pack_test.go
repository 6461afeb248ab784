package tiered_test

// packedState is a state as the search keeps it.
type packedState [4]uint64

// packer writes fields into one word, unpacker reads them in the same order.
type (
	packer   struct{ word, at uint64 }
	unpacker struct{ word uint64 }
)

func (p *packer) put(v uint8, bits uint64) {
	if v >= 1<<bits {
		panic("coherence model: a field is over its bound")
	}
	p.word |= uint64(v) << p.at
	p.at += bits
}

func (u *unpacker) take(bits uint64) uint8 {
	v := uint8(u.word & (1<<bits - 1))
	u.word >>= bits
	return v
}

func bitOf(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

func (s *modelState) pack() packedState {
	if max(s.history[0], s.history[1]) > modelHistories {
		panic("coherence model: too many histories")
	}
	var first, second packer
	s.readers[0].pack(&first)
	s.readers[1].pack(&first)
	s.readers[2].pack(&second)
	return packedState{
		s.packHost(),
		s.packWrites(),
		first.word,
		second.word | uint64(s.history[0])<<29 | uint64(s.history[1])<<46,
	}
}

func (s *modelState) packHost() uint64 {
	var p packer
	p.put(s.generation, 4)
	p.put(s.inflight, 3)
	for k := range modelKeys {
		p.put(uint8(s.l2[k]), 3)
		p.put(uint8(s.disk[k]), 3)
		p.put(uint8(s.journal[k]), 3)
		p.put(uint8(s.published[k]), 3)
	}
	p.put(s.diskOps, 4)
	p.put(s.journalOps, 4)
	p.put(uint8(s.owner), 2)
	p.put(s.step, 3)
	p.put(s.group[0], 3)
	p.put(s.group[1], 3)
	p.put(s.kills, 2)
	p.put(s.powerCuts, 2)
	p.put(bitOf(s.failed), 1)
	return p.word
}

func (s *modelState) packWrites() uint64 {
	var p packer
	for i := range s.debts {
		d := &s.debts[i]
		p.put(d.keys, 2)
		p.put(d.count, 3)
		p.put(bitOf(d.removed), 1)
		p.put(uint8(d.frames[0]), 3)
		p.put(uint8(d.frames[1]), 3)
	}
	for i := range s.clients {
		cl := &s.clients[i]
		p.put(cl.call, 2)
		p.put(uint8(cl.status), 3)
		p.put(cl.refused, 3)
		p.put(cl.tag, 4)
	}
	for _, r := range s.rank {
		p.put(r, 3)
	}
	return p.word
}

func (r *readerState) pack(p *packer) {
	p.put(r.call, 2)
	p.put(uint8(r.status), 3)
	p.put(r.generation, 4)
	p.put(r.inflight, 3)
	p.put(uint8(r.value), 3)
	for _, e := range r.l1 {
		p.put(uint8(e.value), 3)
		p.put(e.tag, 4)
	}
}

func (w packedState) unpack() (s modelState) {
	u := unpacker{w[0]}
	s.generation, s.inflight = u.take(4), u.take(3)
	for k := range modelKeys {
		s.l2[k], s.disk[k] = modelValue(u.take(3)), modelValue(u.take(3))
		s.journal[k], s.published[k] = modelValue(u.take(3)), modelValue(u.take(3))
	}
	s.diskOps, s.journalOps = u.take(4), u.take(4)
	s.owner, s.step = ownerState(u.take(2)), u.take(3)
	s.group[0], s.group[1] = u.take(3), u.take(3)
	s.kills, s.powerCuts, s.failed = u.take(2), u.take(2), u.take(1) == 1
	u.word = w[1]
	for i := range s.debts {
		s.debts[i] = debt{keys: u.take(2), count: u.take(3), removed: u.take(1) == 1,
			frames: [modelKeys]modelValue{modelValue(u.take(3)), modelValue(u.take(3))}}
	}
	for i := range s.clients {
		s.clients[i] = clientState{u.take(2), clientStatus(u.take(3)), u.take(3), u.take(4)}
	}
	for i := range s.rank {
		s.rank[i] = u.take(3)
	}
	u.word = w[2]
	s.readers[0].unpack(&u)
	s.readers[1].unpack(&u)
	u.word = w[3]
	s.readers[2].unpack(&u)
	s.history[0], s.history[1] = uint32(w[3]>>29&modelHistories), uint32(w[3]>>46)
	return s
}

func (r *readerState) unpack(u *unpacker) {
	r.call, r.status = u.take(2), readerStatus(u.take(3))
	r.generation, r.inflight, r.value = u.take(4), u.take(3), modelValue(u.take(3))
	for k := range r.l1 {
		r.l1[k] = modelEntry{modelValue(u.take(3)), u.take(4)}
	}
}
