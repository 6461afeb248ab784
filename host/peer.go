package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/stratakv/strata/tiered/tier"
)

var (
	errFull  = errors.New("the owner has as many followers as it takes (Limits.Followers)")
	errLeft  = fmt.Errorf("%w: %w", tier.ErrUnknownOutcome, context.Canceled)
	errOther = errors.New("the owner runs under another user id: run under the same one, or use another directory")
)

// peer is a follower's connection at its owner.
//
//  1. A request leaves begun before its answer goes, and serving once the answer
//     has room: a follower may send the next one when it reads an answer, and one
//     that reads none has twice Limits.Requests goroutines at most.
//  2. A write that is cancelled is answered then; what becomes of it goes nowhere.
//  3. What was collected is posted before the reader may wait for more. While more
//     than Limits.QueueBytes wait to be read, every request has a goroutine.
type peer struct {
	server  *server
	conn    net.Conn
	client  [16]byte // since the handshake, as is all up to unread
	version uint64
	never   bool          // it never owns
	reading chan struct{} // one for each read in work
	serving chan struct{} // one for each goroutine of serve, at most twice Limits.Requests
	unread  chan struct{} // closed when no further request is begun
	work    sync.WaitGroup

	mu     sync.Mutex // guards all below
	out    *sender    // nil: in its handshake; does not change after
	begun  map[uint64]*work
	bytes  int64 // of long requests in begun
	ending bool  // nothing is begun any more
	parted bool  // goodbye has been called

	collected []*Posted // the reader's: to be begun when nothing more is there to be read
}

// work is a request that was begun.
type work struct {
	cancel context.CancelFunc // nil: posted is the Owned's
	bytes  int64
	posted *Posted // nil: it is no write
}

// run serves the connection until it ends.
func (p *peer) run() {
	s := p.server
	defer s.wg.Done()
	defer s.forget(p)
	defer p.conn.Close()
	p.unread = make(chan struct{})
	rcv, err := p.handshake()
	if err != nil {
		p.complain(err)
		return
	}
	err = p.read(rcv)
	p.mu.Lock()
	p.ending = true
	parted := p.parted
	for _, w := range p.begun {
		if w.posted == nil {
			w.cancel()
		}
	}
	p.mu.Unlock()
	close(p.unread)
	if !parted {
		p.complain(err)
		p.out.end()
	}
	p.work.Wait()
	<-p.out.done
}

// complain logs what a peer did wrong; that it ends is its right.
func (p *peer) complain(err error) {
	var bad *faultError
	if errors.As(err, &bad) || errors.Is(err, errOther) {
		p.server.log.warn("peer", "strata: a peer on the socket is dropped", err)
	}
}

// handshake lets the follower in, or refuses it.
func (p *peer) handshake() (*receiver, error) {
	s := p.server
	limit := time.Now().Add(s.opts.Limits.Answer)
	_ = p.conn.SetDeadline(limit)
	if err := sameUser(p.conn); err != nil {
		refuse(p.conn, err)
		return nil, err
	}
	rcv := newReceiver(p.conn, maxHandshake, maxHandshake)
	m, err := rcv.next()
	if err != nil {
		return nil, err
	}
	g, err := decodeGreeting(m.body)
	if m.kind != kindGreeting || err != nil {
		return nil, fault("no greeting")
	}
	p.version, p.client, p.never = min(newest, g.newest), g.client, g.never
	if p.version < max(oldest, g.oldest) {
		err := fmt.Errorf("it speaks versions %d to %d, the owner %d to %d: upgrade the older one", g.oldest, g.newest, oldest, newest)
		refuse(p.conn, err)
		return nil, &faultError{err.Error()}
	}
	_ = p.conn.SetDeadline(time.Time{})
	l := &s.opts.Limits
	p.reading, p.serving = make(chan struct{}, readers), make(chan struct{}, 2*l.Requests)
	p.mu.Lock()
	p.begun, p.out = make(map[uint64]*work), newSender(p.conn, l.Drop)
	p.mu.Unlock()
	if !s.enter(p) {
		p.out.end()
		close(p.unread)
		<-p.out.done
		return nil, net.ErrClosed
	}
	w := welcome{version: p.version, requests: l.Requests, messageBytes: l.MessageBytes, windowBytes: l.WindowBytes, hello: s.hello()}
	p.out.push(&message{kind: kindWelcome, body: w.encode()})
	rcv.maxMessage, rcv.maxParts = l.MessageBytes+2*opOverhead, max(l.WindowBytes, l.MessageBytes)+2*opOverhead
	return rcv, nil
}

// refuse tells a follower why it is not let in.
func refuse(conn net.Conn, err error) {
	var e encoder
	e.error(err)
	_ = conn.SetWriteDeadline(time.Now().Add(maxWait))
	_, _ = conn.Write(appendFrame(nil, &message{kind: kindRefusal}, e.buf, false))
}

// read begins what the follower asks for until the connection ends.
func (p *peer) read(rcv *receiver) error {
	for {
		if !rcv.ready() {
			if err := p.post(); err != nil {
				return err
			}
		}
		m, err := rcv.next()
		if err != nil {
			return err
		}
		switch {
		case m.kind == kindWrite:
			err = p.collect(m)
		case m.kind.request():
			err = p.begin(m)
		case m.kind == kindCancel:
			if err = p.post(); err == nil {
				p.cancel(m.id)
			}
		case m.kind == kindPing:
			err = p.pong()
		default:
			err = fault("a message of kind %d", m.kind)
		}
		if err != nil {
			return err
		}
	}
}

// cancel says that nobody waits for a request any more. A write in the Owned's
// hands may stay there for long, with a disk that stands still: it is answered at
// once, so that its follower can send another one.
func (p *peer) cancel(id uint64) {
	p.mu.Lock()
	w := p.begun[id]
	if w == nil || w.cancel != nil {
		if w != nil {
			w.cancel()
		}
		p.mu.Unlock()
		return
	}
	p.server.owned.Withdraw(w.posted)
	delete(p.begun, id)
	p.bytes -= w.bytes
	p.mu.Unlock()
	p.out.put(id, kindAnswer, &writeAnswer{err: errLeft})
}

// pong answers a ping. Who pings and does not read is not answered for ever.
func (p *peer) pong() error {
	if !p.out.below(p.server.opts.Limits.QueueBytes) {
		return io.EOF
	}
	p.out.push(&message{kind: kindPong})
	return nil
}

// begin starts the work on a request that is no write, unless the owner closes.
func (p *peer) begin(m message) error {
	w := new(work)
	if len(m.body) > partBytes {
		w.bytes = int64(len(m.body))
	}
	var ctx context.Context
	ctx, w.cancel = context.WithCancel(p.server.ctx)
	p.serving <- struct{}{} // answers to earlier ones may wait to be read
	p.mu.Lock()
	ok, err := p.admit(m.id, w)
	p.mu.Unlock()
	if !ok {
		w.cancel()
		<-p.serving
		return err
	}
	go p.serve(ctx, m, w)
	return nil
}

// admit takes note of a request that is to be begun; false: of this one not. mu
// is held.
func (p *peer) admit(id uint64, w *work) (bool, error) {
	l := &p.server.opts.Limits
	switch {
	case p.ending:
		return false, nil
	case p.begun[id] != nil:
		return false, fault("two requests of one id")
	case len(p.begun) >= l.Requests || p.bytes+w.bytes > max(l.WindowBytes, l.MessageBytes)+2*opOverhead:
		return false, fault("more requests than it was told")
	}
	p.begun[id] = w
	p.bytes += w.bytes
	p.work.Add(1)
	return true, nil
}

// serve does the work on a request that is no write, and answers it.
func (p *peer) serve(ctx context.Context, m message, w *work) {
	defer p.work.Done()
	defer func() { <-p.serving }()
	defer w.cancel()
	var e encoder
	p.reading <- struct{}{}
	defer func() { <-p.reading }()
	err := ctx.Err()
	if err == nil {
		err = p.answer(ctx, m, &e)
	}
	p.mu.Lock()
	delete(p.begun, m.id)
	p.bytes -= w.bytes
	ending := p.ending
	p.mu.Unlock()
	var bad *faultError
	switch {
	case errors.As(err, &bad):
		p.complain(err)
		p.out.end()
	case errors.Is(err, tier.ErrClosed), err != nil && ending && ctx.Err() != nil:
		// Not begun, as far as the follower is told: the next owner will.
	case e.buf == nil:
		// Nobody waits for it.
	default:
		p.out.push(&message{id: m.id, kind: kindAnswer, body: e.buf})
		p.out.below(p.server.opts.Limits.QueueBytes)
	}
}

// goodbye answers what was begun, and ends the connection.
func (p *peer) goodbye() {
	p.mu.Lock()
	p.ending, p.parted = true, true
	out := p.out
	p.mu.Unlock()
	if out == nil { // in its handshake
		_ = p.conn.Close()
		return
	}
	out.unbound() // what waits for a peer that does not read
	p.work.Wait()
	var bye *message
	if p.version >= 2 {
		bye = &message{kind: kindBye} // the last: what has no answer before it is not begun
	}
	out.flush(byeLimit, bye)
	out.end()
}
