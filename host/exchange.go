package host

import (
	"context"
	"errors"
	"fmt"

	"github.com/stratakv/strata/tiered/tier"
)

// exchange is one call on its way to the authority, wherever that is.
type exchange struct {
	kind   kind
	body   []byte
	size   int64    // of the body, for the owner's limit; 0: len(body)
	write  *writing // of kindWrite: makes the body
	listen bool     // see patience
	decode func(*decoder)
	// local makes the call on an owner in this process. Its error is looked at
	// only for ErrClosed: the results stay with whoever made it.
	local func(Owned) error
}

// exchange brings x to whoever has the authority, from one to the next until
// one answers. Its error says that nobody did.
func (n *Node) exchange(ctx context.Context, x *exchange) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if n.state.Load().closed {
		return tier.ErrClosed
	}
	p := newPatience(ctx, n.opts.Limits.Answer, x.listen)
	defer p.timer.Stop()
	for {
		st := n.state.Load()
		switch {
		case st.closed:
			return x.closed()
		case st.owned != nil:
			if !errors.Is(x.local(st.owned), tier.ErrClosed) {
				return nil
			}
		case st.link != nil:
			if over, err := n.ask(st.link, x, p); over {
				return err
			}
		}
		if err := n.next(st, x, p); err != nil {
			return err
		}
	}
}

// ask makes one attempt over l; over: x has its answer, or the error.
func (n *Node) ask(l *link, x *exchange, p *patience) (over bool, err error) {
	size := max(x.size, int64(len(x.body)))
	if size > l.messageBytes {
		return true, fmt.Errorf("%w: a request of %d bytes, of which the owner takes %d", tier.ErrTooLarge, size, l.messageBytes)
	}
	var body encodable = plain(x.body)
	if x.write != nil {
		body, size = x.write.attempt(l), size+opOverhead
	}
	answer, v := l.do(x.kind, body, size, p)
	switch v {
	case answered:
		return true, x.read(l, answer)
	case lost:
		x.sent()
	case gaveUp:
		return true, p.spent(x.again())
	case left:
		x.sent()
		return true, p.spent(x.again())
	}
	return false, nil
}

// read decodes an answer. One that cannot be read is as none.
func (x *exchange) read(l *link, answer []byte) error {
	d := &decoder{buf: answer}
	x.decode(d)
	err := d.end()
	if err == nil {
		if x.write != nil {
			x.write.learn(l)
		}
		return nil
	}
	l.out.end()
	x.sent()
	if x.again() {
		return unknown(err)
	}
	return unavailable(err)
}

// sent notes that a write was sent and not answered.
func (x *exchange) sent() {
	if x.write != nil {
		x.write.again = true
	}
}

// again says whether x is a write that may have been done.
func (x *exchange) again() bool { return x.write != nil && x.write.again }

func (x *exchange) closed() error {
	if x.again() {
		return unknown(tier.ErrClosed)
	}
	return tier.ErrClosed
}

// next waits until st is replaced.
func (n *Node) next(st *state, x *exchange, p *patience) error {
	for {
		select {
		case <-st.gone:
			return nil
		case <-p.ctx.Done():
		case <-p.timer.C:
			if p.goOn() {
				continue
			}
		}
		err := p.spent(x.again())
		if cause := n.state.Load().cause; cause != nil {
			err = fmt.Errorf("%w: %w", err, cause)
		}
		return err
	}
}

// writing is a write on its way from a follower.
type writing struct {
	node   *Node
	ops    []tier.Op
	answer writeAnswer

	seq   uint64 // 0: it was not sent yet
	store [16]byte
	after uint64
	again bool
}

// attempt is the write's request for l.
func (w *writing) attempt(l *link) *writeRequest {
	w.number(l.hello.StoreID, l.reached.Load())
	if w.again {
		w.node.resent.Add(1)
	}
	return &writeRequest{seq: w.seq, low: w.node.tickets.lowest(), again: w.again, after: w.after, ops: w.ops}
}

// number gives the write its ticket, once, and notes what it can rest on.
func (w *writing) number(store [16]byte, reached uint64) {
	if w.seq == 0 {
		w.seq = w.node.tickets.next()
	}
	switch {
	case !w.again:
		w.store, w.after = store, reached
	case w.store != store:
		// Another store's versions and memories say nothing of this write.
		w.after = 0
	}
}

// learn notes how far the store has come.
func (w *writing) learn(l *link) {
	for i := range w.answer.results {
		l.reach(w.answer.results[i].Version)
	}
}

// done gives the ticket back.
func (w *writing) done() {
	if w.seq != 0 {
		w.node.tickets.done(w.seq)
	}
}

// local makes the write in this process, which owns by now.
func (w *writing) local(ctx context.Context, o Owned) error {
	if !w.again {
		w.answer.results, w.answer.err = o.Write(ctx, w.ops)
		return w.answer.err
	}
	w.node.resent.Add(1)
	w.number(o.Hello().StoreID, 0)
	t := tier.Ticket{Client: w.node.client, Seq: w.seq, Low: w.node.tickets.lowest()}
	w.answer.results, w.answer.err = o.WriteOnce(ctx, Attempt{Ticket: t, Again: true, After: w.after}, w.ops)
	return w.answer.err
}
