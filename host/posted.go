package host

import (
	"context"
	"errors"
	"slices"

	"github.com/stratakv/strata/tiered/tier"
)

// Posted is a follower's write in the hands of an [Owned], from Post until
// [Answer].
type Posted struct {
	Attempt
	Ops []tier.Op // their keys and frames are the Owned's for good

	// Results and Err are the outcome, as that of WriteOnce. The Owned sets them
	// before Answer; when that has returned, the results are its own again.
	Results []tier.Result
	Err     error

	// Mine is for the Owned alone.
	Mine any

	peer  *peer
	id    uint64 // of the request
	work  work
	left  bool // it was cancelled, and answered
	long  bool // its answer is due, and takes more than one part
	write oneWrite
	first [1]tier.Op // room for Ops
}

// encode makes the answer.
func (w *Posted) encode(e *encoder) {
	a := writeAnswer{results: w.Results, err: w.Err}
	a.encode(e)
}

// Answer gives writes of one Owned back to the followers that they came from.
// What goes to one follower goes in one write, as much of it as its connection
// takes at once. Answer does not wait, and leaves long answers to goroutines of
// their own: others' writes wait for whoever calls it.
func Answer(done []*Posted) {
	if len(done) == 0 {
		return
	}
	done[0].peer.server.written(done)
	var room [16]*sender
	held := room[:0]
	for len(done) > 0 {
		p, n := done[0].peer, 1
		for n < len(done) && done[n].peer == p {
			n++
		}
		p.out.hold()
		held = append(held, p.out)
		p.answerWrites(done[:n])
		done = done[n:]
	}
	for _, out := range held {
		out.release()
	}
}

// answerWrites answers some of p's writes. They are not to be touched after that.
func (p *peer) answerWrites(done []*Posted) {
	p.mu.Lock()
	for _, w := range done {
		w.long = p.begun[w.id] == &w.work && resultsBytes(w.Results) > partBytes
		if w.long {
			w.work.cancel = func() {} // it is not the Owned's any more
			continue
		}
		p.leave(w)
	}
	p.mu.Unlock()
	for _, w := range done {
		if w.long {
			w.Results = slices.Clone(w.Results)
			go p.answerLong(w)
			continue
		}
		if w.answers() {
			p.out.put(w.id, kindAnswer, w)
		}
		p.answered(w)
	}
}

// answerLong answers a write that stays in begun until its answer is encoded: a
// follower has at most Limits.Requests of them.
func (p *peer) answerLong(w *Posted) {
	var e encoder
	e.grow(resultsBytes(w.Results))
	w.encode(&e)
	p.mu.Lock()
	p.leave(w)
	p.mu.Unlock()
	if w.answers() {
		p.out.push(&message{id: w.id, kind: kindAnswer, body: e.buf})
	}
	p.answered(w)
}

// leave takes w out of begun. mu is held.
func (p *peer) leave(w *Posted) {
	if w.left = p.begun[w.id] != &w.work; !w.left {
		delete(p.begun, w.id)
		p.bytes -= w.work.bytes
	}
}

// answers says that w's follower gets an answer: not one that it has, nor one to
// what was not begun, which the next owner will.
func (w *Posted) answers() bool { return !w.left && !errors.Is(w.Err, tier.ErrClosed) }

// answered ends the work on w.
func (p *peer) answered(w *Posted) {
	*w = Posted{}
	p.server.posts.Put(w)
	p.work.Done()
}

// collect takes in a write, to be begun with those that came with it.
func (p *peer) collect(m message) error {
	w, _ := p.server.posts.Get().(*Posted)
	if w == nil {
		w = new(Posted)
	}
	q := writeRequest{ops: w.first[:0], maxBytes: p.server.opts.Limits.MessageBytes}
	d := decoder{buf: m.body}
	if q.decode(&d); d.end() != nil {
		return fault("a write that cannot be read")
	}
	w.Attempt = Attempt{Ticket: tier.Ticket{Client: p.client, Seq: q.seq, Low: q.low}, Again: q.again, After: q.after}
	w.Ops, w.peer, w.id, w.work = q.ops, p, m.id, work{posted: w}
	if len(m.body) > partBytes {
		w.work.bytes = int64(len(m.body))
	}
	p.collected = append(p.collected, w)
	return nil
}

// post begins what was collected. What was sent before, joins a write in work,
// or finds no room, is begun by a goroutine of its own; it goes on when the
// connection ends, as it is in the committer's hands, and may be asked for again.
func (p *peer) post() error {
	if len(p.collected) == 0 {
		return nil
	}
	writes, err := p.admitWrites()
	first := 0 // of those that wait
	if p.out.within(p.server.opts.Limits.QueueBytes) {
		known := p.server.enterWrites(writes)
		first = p.server.owned.Post(writes[:known])
		for _, w := range writes[first:known] {
			p.postAlone(w, true)
		}
		first = known
	}
	for _, w := range writes[first:] {
		p.postAlone(w, false)
	}
	clear(p.collected)
	p.collected = p.collected[:0]
	return err
}

// admitWrites takes note of what was collected, up to the first fault.
func (p *peer) admitWrites() (writes []*Posted, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	writes = p.collected[:0]
	for _, w := range p.collected {
		ok, err := p.admit(w.id, &w.work)
		if err != nil {
			return writes, err
		}
		if ok {
			writes = append(writes, w)
		}
	}
	return writes, nil
}

// postAlone makes one write in a goroutine; entered says that it is among the
// server's writes already.
func (p *peer) postAlone(w *Posted, entered bool) {
	var ctx context.Context
	ctx, w.work.cancel = context.WithCancel(context.Background())
	cancel := w.work.cancel
	w.Ops = slices.Clone(w.Ops) // with first, w is used again; with its context ended, a write may go on
	p.serving <- struct{}{}     // answers to earlier ones may wait to be read
	go func() {
		defer func() { <-p.serving }()
		defer cancel()
		if entered {
			w.Results, w.Err = p.server.owned.WriteOnce(ctx, w.Attempt, w.Ops)
			p.server.written([]*Posted{w})
		} else {
			w.Results, w.Err = p.server.write(ctx, w.Attempt, w.Ops)
		}
		p.answerAlone(w)
		p.out.below(p.server.opts.Limits.QueueBytes)
	}()
}

// answerAlone answers a write of postAlone, in its goroutine. What is long is
// encoded while nothing is held: Answer waits for whoever holds the sender.
func (p *peer) answerAlone(w *Posted) {
	if resultsBytes(w.Results) > partBytes {
		p.answerLong(w)
		return
	}
	p.out.hold()
	p.answerWrites([]*Posted{w})
	p.out.release()
}

// enterWrites makes the first of writes the server's, as many as it returns: it
// moves what has to join another one, or was sent before, behind the others.
func (s *server) enterWrites(writes []*Posted) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for i, w := range writes {
		id := ticketID{w.Client, w.Seq}
		if w.Again || s.writes[id] != nil {
			continue
		}
		s.writes[id] = &w.write
		writes[n], writes[i] = w, writes[n]
		n++
	}
	return n
}

// written takes writes out of the server's, and tells those who have joined them.
func (s *server) written(done []*Posted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range done {
		delete(s.writes, ticketID{w.Client, w.Seq})
		w.write.end(w.Results, w.Err)
	}
}
