package host

// encodable is what makes a message's body.
type encodable interface{ encode(*encoder) }

// batch is the frames of whole messages that go to a connection in one write. Its
// sender's lock is held in all calls, but for a batch that is being written.
type batch struct {
	buf    []byte
	sent   int    // of buf, after a write that was cut short
	queued int64  // what is counted for it in its sender
	marks  []mark // of the requests in it, until it is written
}

// mark is where a request lies.
type mark struct {
	id         uint64
	start, end int
}

// add adds m, of one part, and returns what it counts for.
func (b *batch) add(m *message) int64 {
	start := len(b.buf)
	b.buf = appendFrame(b.buf, m, m.body, false)
	return b.added(m.id, m.kind, start)
}

// encode adds a message of what body encodes to, and returns what it counts for.
// If it does not fit one part, nothing is added, and it is returned.
func (b *batch) encode(id uint64, k kind, body encodable) (size int64, long []byte) {
	start := len(b.buf)
	var head [headBytes]byte
	e := encoder{buf: append(b.buf, head[:]...)}
	body.encode(&e)
	if made := e.buf[start+headBytes:]; len(made) > partBytes {
		return 0, append([]byte(nil), made...)
	}
	b.buf = e.buf
	sealFrame(b.buf[start:], id, k, false)
	return b.added(id, k, start), nil
}

func (b *batch) added(id uint64, k kind, start int) int64 {
	if k.request() {
		b.marks = append(b.marks, mark{id, start, len(b.buf)})
	}
	size := queuedBytes + int64(len(b.buf)-start-headBytes)
	b.queued += size
	return size
}

// withdraw takes the request of id out, and returns what it counted for, 0 if it
// is not there.
func (b *batch) withdraw(id uint64) int64 {
	for i, m := range b.marks {
		if m.id != id {
			continue
		}
		size := m.end - m.start
		b.buf = append(b.buf[:m.start], b.buf[m.end:]...)
		b.marks = append(b.marks[:i], b.marks[i+1:]...)
		for j := i; j < len(b.marks); j++ {
			b.marks[j].start -= size
			b.marks[j].end -= size
		}
		counted := queuedBytes + int64(size-headBytes)
		b.queued -= counted
		return counted
	}
	return 0
}
