package host

import (
	"net"
	"runtime"
	"sync"
	"time"
)

// queuedBytes is what a queued message takes besides its body.
const queuedBytes = 128

// coalesceBytes is about how much one write to a connection takes.
const coalesceBytes = 256 << 10

// sender writes messages to a connection. One goroutine writes, and takes all
// that is queued in one go.
//
//  1. Messages of one part go in the order of push. A longer one goes a part
//     at a time, and between its parts goes what has been queued meanwhile: it
//     delays a short message by the write of one part for each long one.
//  2. A message is either withdrawn before its first byte was handed to the
//     connection, or sent.
//  3. After the first error of the connection, nothing is sent.
//  4. What flush was given as the last message goes after the last byte of all
//     others, long ones included.
type sender struct {
	conn net.Conn
	drop time.Duration // a write that takes longer ends the connection; 0: none does

	mu       sync.Mutex // guards all below
	short    []*message
	long     []*sending
	queued   int64         // bytes not yet handed to the connection: bodies, and queuedBytes for each message
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
	s := &sender{conn: conn, drop: drop, wake: make(chan struct{}, 1), done: make(chan struct{})}
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
		s.short = append(s.short, m)
	} else {
		s.long = append(s.long, &sending{message: m})
	}
	s.queued += queuedBytes + int64(len(m.body))
	s.mu.Unlock()
	s.signal()
	return true
}

// withdraw takes the message of id back; false: it is on its way or was.
func (s *sender) withdraw(id uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, m := range s.short {
		if m.id == id && m.kind.request() {
			s.short = append(s.short[:i:i], s.short[i+1:]...)
			s.took(queuedBytes + len(m.body))
			return true
		}
	}
	for i, m := range s.long {
		if m.id == id && m.sent == 0 {
			s.long = append(s.long[:i:i], s.long[i+1:]...)
			s.took(queuedBytes + len(m.body))
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
func (s *sender) took(n int) {
	s.queued -= int64(n)
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
	var buf []byte
	var parts []part
	for range s.wake {
		for {
			runtime.Gosched() // what others are about to push goes along
			var over bool
			parts, over = s.take(parts[:0])
			if over {
				return
			}
			if len(parts) == 0 {
				break
			}
			buf = buf[:0]
			for _, p := range parts {
				buf = appendFrame(buf, p.message, p.body, p.more)
			}
			if _, err := s.conn.Write(buf); err != nil {
				s.fail()
				return
			}
		}
		clear(parts[:cap(parts)])
		if cap(buf) > coalesceBytes/2 {
			buf = nil // of a burst
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
// each long one. over: there is nothing and will be nothing.
func (s *sender) take(parts []part) (out []part, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return parts, true
	}
	bytes, n := 0, 0
	for ; n < len(s.short) && bytes < coalesceBytes; n++ {
		m := s.short[n]
		parts = append(parts, part{m, m.body, false})
		bytes += headBytes + len(m.body)
		s.took(queuedBytes + len(m.body))
		s.short[n] = nil
	}
	if s.short = s.short[n:]; len(s.short) == 0 {
		s.short = nil
	}
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
	if len(parts) == 0 && s.finish && s.last != nil {
		parts, s.last = append(parts, part{s.last, s.last.body, false}), nil
	}
	switch {
	case len(parts) == 0:
	case s.finish:
		_ = s.conn.SetWriteDeadline(s.deadline)
	case s.drop > 0:
		_ = s.conn.SetWriteDeadline(time.Now().Add(s.drop))
	}
	return parts, len(parts) == 0 && s.finish
}

// cut takes the next part of m. mu is held.
func (s *sender) cut(m *sending) part {
	body := m.body[m.sent:min(len(m.body), m.sent+partBytes)]
	m.sent += len(body)
	s.took(len(body))
	if m.progress != nil {
		m.progress()
	}
	return part{m.message, body, m.sent < len(m.body)}
}
