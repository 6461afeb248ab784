package host

import (
	"net"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"
)

// queuedBytes is what a queued message takes besides its body.
const queuedBytes = 128

// coalesceBytes is about how much one write to a connection takes.
const coalesceBytes = 256 << 10

// sender writes messages to a connection, all that is queued in one go: its
// goroutine does, or whoever calls release, as far as the connection takes it at
// once.
//
//  1. Messages of one part go in the order of push and put. A longer one goes a
//     part at a time, and between its parts goes what has been queued meanwhile:
//     it delays a short message by the write of one part for each long one.
//  2. A message is either withdrawn before its first byte was handed to the
//     connection, or sent.
//  3. After the first error of the connection, nothing is sent.
//  4. What flush was given as the last message goes after the last byte of all
//     others, long ones included.
//  5. One writes at a time: who has set writing, until it is false again.
//  6. While something is queued, the goroutine has been woken for it, or somebody
//     writes, or somebody holds and will release; the last two wake the goroutine
//     for what they leave.
type sender struct {
	conn net.Conn
	raw  syscall.RawConn // of conn; nil: it can only be written to by waiting
	drop time.Duration   // a write that takes longer ends the connection; 0: none does

	mu       sync.Mutex // guards all below
	short    []*batch   // written in this order
	spare    *batch     // empty; nil: none
	long     []*sending
	queued   int64         // bytes not yet handed to the connection: bodies, and queuedBytes for each message
	holds    int           // of those who will release
	writing  bool          // somebody writes
	finish   bool          // end when all is written
	last     *message      // then goes this one; nil: none
	free     bool          // below waits for nothing any more
	deadline time.Time     // until which all is to be written; once finish is set
	broken   bool          // the connection is of no use any more
	waiting  chan struct{} // closed when queued has shrunk; nil: nobody waits

	wake chan struct{} // capacity 1: there is something to do
	done chan struct{} // closed when the goroutine has ended
}

// sending is a message of several parts on its way.
type sending struct {
	*message
	sent int
}

func newSender(conn net.Conn, drop time.Duration) *sender {
	s := &sender{conn: conn, raw: rawConn(conn), drop: drop, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go s.run()
	return s
}

// push queues m, whose body is the sender's from then on; false: the connection
// has ended.
func (s *sender) push(m *message) bool {
	s.mu.Lock()
	if s.broken || s.finish {
		s.mu.Unlock()
		return false
	}
	if len(m.body) <= partBytes {
		s.queued += s.open().add(m)
	} else {
		s.extend(m)
	}
	s.pushed()
	return true
}

// put queues a message of what body encodes to; false: the connection has ended.
func (s *sender) put(id uint64, k kind, body encodable) bool {
	s.mu.Lock()
	if s.broken || s.finish {
		s.mu.Unlock()
		return false
	}
	size, long := s.open().encode(id, k, body)
	if s.queued += size; long != nil {
		s.extend(&message{id: id, kind: k, body: long})
	}
	s.pushed()
	return true
}

// extend queues a message of several parts. mu is held.
func (s *sender) extend(m *message) {
	s.long = append(s.long, &sending{message: m})
	s.queued += queuedBytes + int64(len(m.body))
}

// open is the batch that the next message goes to. mu is held.
func (s *sender) open() *batch {
	if n := len(s.short); n > 0 && len(s.short[n-1].buf) < coalesceBytes {
		return s.short[n-1]
	}
	b := s.spare
	if s.spare = nil; b == nil {
		b = new(batch)
	}
	s.short = append(s.short, b)
	return b
}

// pushed wakes the goroutine unless somebody else sees to what is queued. It
// unlocks mu.
func (s *sender) pushed() {
	wake := s.holds == 0 && !s.writing
	s.mu.Unlock()
	if wake {
		s.signal()
	}
}

// hold says that release follows: until then what is queued may wait for more.
func (s *sender) hold() {
	s.mu.Lock()
	s.holds++
	s.mu.Unlock()
}

// release writes what is queued, as far as the connection takes it at once.
func (s *sender) release() {
	s.mu.Lock()
	s.holds--
	if s.holds > 0 || s.writing || s.broken || len(s.short) == 0 && len(s.long) == 0 {
		s.mu.Unlock()
		return
	}
	if s.raw == nil || len(s.short) != 1 || len(s.long) > 0 || s.short[0].sent > 0 {
		s.mu.Unlock()
		s.signal()
		return
	}
	b := s.shift()
	s.mu.Unlock()
	n, err := writeNow(s.raw, b.buf)
	if err != nil {
		s.fail()
		n = len(b.buf)
	}
	s.mu.Lock()
	s.wrote(b, n)
	more := len(s.short) > 0 || len(s.long) > 0 || s.finish || s.broken
	s.mu.Unlock()
	if more {
		s.signal()
	}
}

// shift takes the first batch to write it. mu is held.
func (s *sender) shift() *batch {
	b := s.short[0]
	if s.short = slices.Delete(s.short, 0, 1); b.queued > 0 {
		s.took(b.queued)
		b.queued = 0
	}
	b.marks = b.marks[:0]
	s.writing = true
	return b
}

// wrote says that n bytes of b, which was shifted, are written. mu is held.
func (s *sender) wrote(b *batch, n int) {
	s.writing = false
	if n < len(b.buf) {
		b.sent += n
		s.short = slices.Insert(s.short, 0, b)
		return
	}
	if s.spare == nil && cap(b.buf) <= coalesceBytes/2 { // else it is of a burst
		b.buf, b.sent = b.buf[:0], 0
		s.spare = b
	}
}

// withdraw takes the message of id back; false: it is on its way or was.
func (s *sender) withdraw(id uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.short {
		if size := b.withdraw(id); size > 0 {
			s.took(size)
			return true
		}
	}
	for i, m := range s.long {
		if m.id == id && m.sent == 0 {
			s.long = append(s.long[:i:i], s.long[i+1:]...)
			s.took(queuedBytes + int64(len(m.body)))
			return true
		}
	}
	return false
}

// below waits until at most limit bytes are queued; false: the connection has
// ended.
func (s *sender) below(limit int64) bool {
	s.mu.Lock()
	for s.queued > limit && !s.broken && !s.free {
		if s.waiting == nil {
			s.waiting = make(chan struct{})
		}
		shrunk := s.waiting
		s.mu.Unlock()
		<-shrunk
		s.mu.Lock()
	}
	defer s.mu.Unlock()
	return !s.broken
}

// within reports whether at most limit bytes are queued.
func (s *sender) within(limit int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queued <= limit
}

// unbound ends the waiting in below, for good: nothing more is begun whose answer
// could be queued.
func (s *sender) unbound() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = true
	s.shrunk()
}

// flush writes what is queued, and then last if it is not nil, for at most limit,
// and ends; it takes nothing more. It returns when the goroutine has ended.
func (s *sender) flush(limit time.Duration, last *message) {
	s.mu.Lock()
	s.finish, s.last = true, last
	s.deadline = time.Now().Add(limit)
	_ = s.conn.SetWriteDeadline(s.deadline)
	s.mu.Unlock()
	s.signal()
	<-s.done
}

// fail ends the sending after an error. The other side may have said something
// before it went, which a follower must still read; an owner that meets somebody
// who does not read closes the connection.
func (s *sender) fail() {
	if s.drop > 0 {
		s.end()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = true
	s.shrunk()
}

// end stops at once and closes the connection. It does not wait.
func (s *sender) end() {
	s.mu.Lock()
	s.broken = true
	s.shrunk()
	s.mu.Unlock()
	_ = s.conn.Close()
	s.signal()
}

func (s *sender) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// took says that n bytes are not queued any more. mu is held.
func (s *sender) took(n int64) {
	s.queued -= n
	s.shrunk()
}

// shrunk wakes those that wait in below. mu is held.
func (s *sender) shrunk() {
	if s.waiting != nil {
		close(s.waiting)
		s.waiting = nil
	}
}

func (s *sender) run() {
	defer close(s.done)
	var parts []part
	for range s.wake {
		for {
			runtime.Gosched() // what others are about to push goes along
			b, some, over := s.take(parts[:0])
			if over {
				return
			}
			if b == nil {
				break
			}
			for _, p := range some {
				b.buf = appendFrame(b.buf, p.message, p.body, p.more)
			}
			parts = some
			clear(parts)
			if _, err := s.conn.Write(b.buf[b.sent:]); err != nil {
				s.fail()
				return
			}
			s.mu.Lock()
			s.wrote(b, len(b.buf))
			s.mu.Unlock()
		}
	}
}

// part is what is written next of a message.
type part struct {
	*message
	body []byte
	more bool
}

// take takes what is to be written next: short messages first, then a part of
// each long one. nil: there is nothing, or somebody else writes; over: and
// nothing will be.
func (s *sender) take(parts []part) (b *batch, out []part, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.broken:
		return nil, nil, true
	case s.writing:
		return nil, nil, false
	case len(s.short) == 0 && len(s.long) == 0 && s.last != nil && s.finish:
		s.queued += s.open().add(s.last)
		s.last = nil
	case len(s.short) == 0 && len(s.long) == 0:
		return nil, nil, s.finish
	case len(s.short) == 0:
		s.open()
	}
	b = s.shift()
	bytes := len(b.buf) - b.sent
	kept := s.long[:0]
	for _, m := range s.long {
		if bytes < coalesceBytes || m == s.long[0] {
			parts = append(parts, s.cut(m))
			bytes += partBytes
		}
		if m.sent < len(m.body) {
			kept = append(kept, m)
		} else {
			s.took(queuedBytes)
		}
	}
	clear(s.long[len(kept):])
	s.long = kept
	switch {
	case s.finish:
		_ = s.conn.SetWriteDeadline(s.deadline)
	case s.drop > 0:
		_ = s.conn.SetWriteDeadline(time.Now().Add(s.drop))
	}
	return b, parts, false
}

// cut takes the next part of m. mu is held.
func (s *sender) cut(m *sending) part {
	body := m.body[m.sent:min(len(m.body), m.sent+partBytes)]
	m.sent += len(body)
	s.took(int64(len(body)))
	if m.progress != nil {
		m.progress()
	}
	return part{m.message, body, m.sent < len(m.body)}
}
