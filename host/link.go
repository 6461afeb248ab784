package host

import (
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// windowSlot is the unit in which long requests share Limits.WindowBytes.
const windowSlot = 1 << 20

// link is a follower's connection to its owner.
//
//  1. A request is in pending from before it is queued until its answer came,
//     it was withdrawn, or the link ended; as long it holds its slots, whether
//     anybody waits for it or not: the owner works on it.
//  2. done is closed after the last answer was delivered. What has no answer
//     then was not begun if bye is set or it can be withdrawn; else its fate is
//     unknown.
type link struct {
	welcome
	conn   net.Conn
	out    *sender
	limit  time.Duration // Limits.Answer
	begun  time.Time
	slots  chan struct{} // one for each request in work
	window chan struct{} // windowSlots of long requests in work
	turn   chan struct{} // capacity 1: who takes several windowSlots

	heard   atomic.Int64  // nanoseconds since begun, of the last message
	reached atomic.Uint64 // a version that the store has reached

	mu      sync.Mutex // guards all below
	pending map[uint64]*call
	lastID  uint64
	over    bool          // nothing is taken any more
	idle    chan struct{} // closed when pending is empty; nil: nobody waits

	done chan struct{} // closed at the end
	bye  bool          // whether it ended with a goodbye; written before done is closed
}

// call is one request and who waits for it.
type call struct {
	id       uint64
	answer   chan []byte  // capacity 1
	units    int          // windowSlots
	progress atomic.Int64 // nanoseconds since begun, of the last part; 0: there is none
}

// newLink serves a connection whose handshake is done; rcv has read it.
func newLink(conn net.Conn, rcv *receiver, w welcome, limit time.Duration) *link {
	l := &link{
		welcome: w, conn: conn, out: newSender(conn, 0), limit: limit, begun: time.Now(),
		slots:   make(chan struct{}, min(w.requests, 1<<16)),
		window:  make(chan struct{}, min(max(w.windowBytes/windowSlot, 1), 1<<16)),
		turn:    make(chan struct{}, 1),
		pending: make(map[uint64]*call), done: make(chan struct{}),
	}
	l.reached.Store(w.hello.Version)
	rcv.maxMessage, rcv.maxParts, rcv.progress = maxMessage, 1<<62, l.touch
	go l.read(rcv)
	return l
}

// read delivers answers until the connection ends. What those who got theirs ask
// for next goes in one write.
func (l *link) read(rcv *receiver) {
	bye, held := false, false
	for !bye {
		if held && !rcv.ready() {
			runtime.Gosched()
			l.out.release()
			held = false
		}
		m, err := rcv.next()
		if err != nil {
			break
		}
		l.heard.Store(int64(time.Since(l.begun)))
		switch m.kind {
		case kindAnswer:
			if !held {
				l.out.hold()
				held = true
			}
			l.deliver(m)
		case kindBye:
			bye = true
		case kindPong:
		default:
			l.out.end() // it does not speak as it should: as if it had died
		}
	}
	if held {
		l.out.release()
	}
	l.mu.Lock()
	l.over, l.bye = true, bye
	l.mu.Unlock()
	l.out.end()
	<-l.out.done // from here on, withdraw tells for good
	close(l.done)
}

func (l *link) deliver(m message) {
	l.mu.Lock()
	c := l.pending[m.id]
	if c != nil {
		c.answer <- m.body
	}
	l.settle(m.id)
	l.mu.Unlock()
	if c != nil {
		l.release(c)
	}
}

// settle takes a request out of pending. mu is held.
func (l *link) settle(id uint64) {
	delete(l.pending, id)
	if l.idle != nil && len(l.pending) == 0 {
		close(l.idle)
		l.idle = nil
	}
}

// touch notes that a part of an answer has come. One that nobody asked for is
// refused.
func (l *link) touch(id uint64) error {
	l.mu.Lock()
	c := l.pending[id]
	l.mu.Unlock()
	if c == nil {
		return fault("an answer to nothing")
	}
	now := int64(time.Since(l.begun))
	l.heard.Store(now)
	c.progress.Store(now)
	return nil
}

func (l *link) release(c *call) {
	<-l.slots
	for range c.units {
		<-l.window
	}
}

// close ends the link from this side, after the answers to what was sent have
// come, or not for as long as anybody would wait.
func (l *link) close() {
	l.mu.Lock()
	l.over = true
	idle := make(chan struct{})
	if len(l.pending) == 0 {
		close(idle)
	} else {
		l.idle = idle
	}
	l.mu.Unlock()
	timer := time.NewTimer(l.limit)
	defer timer.Stop()
	select {
	case <-idle:
	case <-l.done:
	case <-timer.C:
	}
	l.out.end()
	<-l.done
}

// The ends of an exchange over a link.
type verdict uint8

const (
	answered verdict = iota // there is an answer
	unsent                  // nothing was done: the link is over
	lost                    // the link is over: it may have been done
	gaveUp                  // as unsent, because the patience ended
	left                    // as lost, because the patience ended
)

// do sends a request of at most size bytes, and waits for its answer, for which p
// has patience.
func (l *link) do(k kind, body encodable, size int64, p *patience) ([]byte, verdict) {
	c := &call{answer: make(chan []byte, 1)}
	if v := l.acquire(c, size, p); v != answered {
		return nil, v
	}
	if !l.send(c, k, body, size) {
		return nil, unsent
	}
	for {
		select {
		case answer := <-c.answer:
			return answer, answered
		case <-l.done:
			return l.ended(c)
		case <-p.ctx.Done():
		case <-p.timer.C:
			l.sign(c, p)
			if p.goOn() {
				continue
			}
		}
		return nil, l.leave(c)
	}
}

// acquire takes the slots that a request of size bytes needs.
func (l *link) acquire(c *call, size int64, p *patience) verdict {
	if v := l.slot(l.slots, p); v != answered {
		return v
	}
	if size <= partBytes {
		return answered
	}
	units := int(min((size+windowSlot-1)/windowSlot, int64(cap(l.window))))
	v := l.slot(l.turn, p)
	if v != answered {
		<-l.slots
		return v
	}
	defer func() { <-l.turn }()
	for c.units < units {
		if v := l.slot(l.window, p); v != answered {
			l.release(c)
			return v
		}
		c.units++
	}
	return answered
}

func (l *link) slot(slots chan struct{}, p *patience) verdict {
	select {
	case slots <- struct{}{}:
		return answered
	default:
	}
	for {
		select {
		case slots <- struct{}{}:
			return answered
		case <-l.done:
			return unsent
		case <-p.ctx.Done():
		case <-p.timer.C:
			if p.goOn() {
				continue
			}
		}
		return gaveUp
	}
}

// send queues c; false: the link is over. One that is alone is written at once.
func (l *link) send(c *call, k kind, body encodable, size int64) bool {
	l.mu.Lock()
	if l.over {
		l.mu.Unlock()
		return false
	}
	l.lastID++
	c.id = l.lastID
	l.pending[c.id] = c
	alone := len(l.pending) == 1
	l.mu.Unlock()
	if size > partBytes {
		var e encoder
		e.grow(int(size))
		body.encode(&e)
		return l.out.push(&message{id: c.id, kind: k, body: e.buf, progress: func() { c.progress.Store(int64(time.Since(l.begun))) }})
	}
	if !alone {
		return l.out.put(c.id, k, body)
	}
	l.out.hold()
	defer l.out.release()
	return l.out.put(c.id, k, body)
}

// sign tells p of the last sign of life that concerns c: a part of it or of its
// answer; for a caller that listens, anything from the owner.
func (l *link) sign(c *call, p *patience) {
	last := c.progress.Load()
	if p.listen {
		last = max(last, l.heard.Load())
		l.out.push(&message{kind: kindPing})
	}
	if last > 0 {
		p.sign(l.begun.Add(time.Duration(last)))
	}
}

// ended says what became of c when the link was over.
func (l *link) ended(c *call) ([]byte, verdict) {
	select {
	case answer := <-c.answer:
		return answer, answered
	default:
	}
	if l.bye || l.out.withdraw(c.id) {
		return nil, unsent
	}
	return nil, lost
}

// leave stops waiting for c.
func (l *link) leave(c *call) verdict {
	if l.out.withdraw(c.id) {
		l.mu.Lock()
		l.settle(c.id)
		l.mu.Unlock()
		l.release(c)
		return gaveUp
	}
	l.out.push(&message{id: c.id, kind: kindCancel})
	return left
}

// reach notes a version that the store has reached.
func (l *link) reach(version uint64) {
	for {
		old := l.reached.Load()
		if version <= old || l.reached.CompareAndSwap(old, version) {
			return
		}
	}
}
