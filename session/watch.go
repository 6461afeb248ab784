package session

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// lookBatch is how many records are asked for at once.
const lookBatch = 256

// watches are the sessions whose end somebody waits for.
//
//  1. There is one watch for a lineage, however many wait: their number is that
//     of live sessions, and of requests under way, at most.
//  2. A watch ends when this process ended its session, or when a look found
//     its record gone under the id that the watch had before and after the look.
//  3. A failed look ends nothing (9).
//  4. One goroutine looks, while there are watches; close waits for it.
type watches struct {
	m    *Manager
	ends atomic.Uint64 // how many sessions this process has ended; written under mu

	mu     sync.Mutex // guards what follows, and the fields of each watch
	of     map[[lineageBytes]byte]*watch
	stop   context.CancelFunc // of the goroutine; nil: none runs
	run    sync.WaitGroup
	closed bool
}

// watch is one of them.
type watch struct {
	of      *watches
	lineage [lineageBytes]byte
	done    chan struct{}
	stored  bool   // there is a record
	id      hashed // of it
	user    string
	refs    int    // who waits
	held    int    // renewals that are under way
	why     string // "": it has not ended
}

// Done gives a channel that is closed when the session that this request came
// with, or began, ends: by Destroy, Revoke, RevokeOne, login of another user or
// expiry. The package documentation says how soon. Manager.Close closes it too;
// Reason says why. It is let go at the end of the request, or of the context
// given to Load; if the connection was hijacked and there is a session, when
// that ends. If there is none yet and the context given to Load never ends, it
// is nil: ask after Commit.
func (s *Session) Done() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watch != nil {
		return s.watch.done
	}
	_ = s.use() // an outage ends nothing
	w := &watch{lineage: s.lineage(), user: s.user()}
	switch { // it may be loaded only after the commit
	case s.done == nil && s.ended != nil && s.ended.record != nil && !s.begins():
		e := s.ended // until the commit it has not ended
		w.lineage, w.user, w.stored, w.id = e.lineage, e.user, true, e.id
	case s.done != nil && s.done.stored:
		w.stored, w.id = true, s.done.id
	case s.done != nil && s.cleared:
		w.why = s.reason
	case s.base != nil:
		w.stored, w.id = true, s.base.id
	}
	if s.r == nil && s.ctx.Done() == nil && !w.stored && w.why == "" {
		return nil // nothing would ever let it go (1)
	}
	s.watch = s.m.watches.add(w)
	switch {
	case s.released:
		s.m.watches.drop(s.watch, s.kept)
	case s.r == nil:
		context.AfterFunc(s.ctx, s.release)
	}
	if s.endsAtLoad != s.m.watches.ends.Load() && w.stored { // perhaps it was this one
		s.m.watches.look(s.ctx, s.watch)
	}
	return s.watch.done
}

// begins reports whether the request has something for a new session.
func (s *Session) begins() bool {
	return len(s.mine.values)+len(s.mine.flashes) > 0 || s.mine.user != nil
}

// release lets the watch of s go.
func (s *Session) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.released = true
	if s.watch != nil {
		s.m.watches.drop(s.watch, s.kept)
	}
}

// ended says why w's session ended, "" if it has not.
func (w *watch) ended() string {
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	return w.why
}

// add gives the watch of w's lineage, which is w if there was none.
func (ws *watches) add(w *watch) *watch {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	w.of, w.done, w.refs = ws, make(chan struct{}), 1
	switch old := ws.of[w.lineage]; {
	case ws.closed:
		w.why = ReasonClosed
		close(w.done)
		return w
	case w.why != "":
		close(w.done)
		return w
	case old != nil:
		old.refs++
		return old
	}
	if ws.of == nil {
		ws.of = make(map[[lineageBytes]byte]*watch)
	}
	ws.of[w.lineage] = w
	if ws.stop == nil && ws.m.opts.WatchEvery > 0 {
		ctx, stop := context.WithCancel(context.Background())
		ws.stop = stop
		ws.run.Go(func() { ws.keepLooking(ctx) })
	}
	return w
}

// drop lets w go; if it is kept, only if there is no session that could end.
func (ws *watches) drop(w *watch, kept bool) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if kept && w.stored {
		return
	}
	if w.refs--; w.refs == 0 && w.why == "" {
		ws.forget(w)
	}
}

// forget takes w out; the last one ends the goroutine. mu is held.
func (ws *watches) forget(w *watch) {
	delete(ws.of, w.lineage)
	if len(ws.of) == 0 && ws.stop != nil {
		ws.stop()
		ws.stop = nil
	}
}

// finish closes w. mu is held.
func (ws *watches) finish(w *watch, why string) {
	w.why = why
	if why == "" {
		w.why = ReasonRevoked
	}
	close(w.done)
	ws.forget(w)
}

// end notes that this process ended the session.
func (ws *watches) end(lineage [lineageBytes]byte, why string) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.ends.Add(1)
	if w := ws.of[lineage]; w != nil {
		ws.finish(w, why)
	}
}

// endHandle notes that this process ended the session of handle, if there was
// one: a handle with the lineage of another user's session says nothing of that.
func (ws *watches) endHandle(handle string) {
	lineage, _ := parseHandle(handle)
	ws.mu.Lock()
	w := ws.of[lineage]
	other := w != nil && handleOf(w.user, lineage) != handle
	ws.mu.Unlock()
	if !other {
		ws.end(lineage, ReasonRevoked)
	}
}

// begin notes under which id a session was written.
func (ws *watches) begin(lineage [lineageBytes]byte, id hashed, user string) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if w := ws.of[lineage]; w != nil {
		w.stored, w.id, w.user = true, id, user
	}
}

// hold keeps looks from w while its session is renewed; what it returns is
// given the id after that.
func (ws *watches) hold(lineage [lineageBytes]byte) (release func(hashed)) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	w := ws.of[lineage]
	if w == nil {
		return func(hashed) {}
	}
	w.held++
	return func(id hashed) {
		ws.mu.Lock()
		defer ws.mu.Unlock()
		w.held--
		w.id = id
	}
}

func (ws *watches) close() {
	ws.mu.Lock()
	ws.closed = true
	for _, w := range ws.of {
		ws.finish(w, ReasonClosed)
	}
	ws.mu.Unlock()
	ws.run.Wait()
}

func (ws *watches) keepLooking(ctx context.Context) {
	tick := time.NewTicker(ws.m.opts.WatchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			ws.lookAll(ctx)
		}
	}
}

// lookAll looks at every watched session.
func (ws *watches) lookAll(ctx context.Context) {
	ws.mu.Lock()
	all := make([]*watch, 0, len(ws.of))
	for _, w := range ws.of {
		all = append(all, w)
	}
	ws.mu.Unlock()
	for len(all) > 0 && ctx.Err() == nil {
		n := min(len(all), lookBatch)
		ws.look(ctx, all[:n]...)
		all = all[n:]
	}
}

// look ends the watches among some whose sessions have ended (2), (3).
func (ws *watches) look(ctx context.Context, some ...*watch) {
	ids := make(map[*watch]hashed, len(some))
	keys := make([]string, 0, len(some))
	ws.mu.Lock()
	for _, w := range some {
		if w.stored && w.why == "" {
			ids[w] = w.id
			keys = append(keys, ws.m.keyOf(w.id))
		}
	}
	ws.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, ws.m.opts.Timeout)
	defer cancel()
	items, err := ws.m.store.GetMany(ctx, keys)
	if err != nil && !unreadable(err) {
		return
	}
	for w, id := range ids { // each by itself if one of them is damaged
		rec, _, err := decode(items[ws.m.keyOf(id)].Value)
		if err == nil && rec != nil && ws.m.deadline(rec) > ws.m.now() {
			continue
		}
		ws.search(ctx, w, id)
	}
}

// search looks for the session of w where another process may have put it.
func (ws *watches) search(ctx context.Context, w *watch, id hashed) {
	ws.mu.Lock()
	user := w.user
	ws.mu.Unlock()
	st, err := ws.m.read(ctx, id)
	if err == nil && st == nil && user != "" {
		st, err = ws.m.byHandle(ctx, handleOf(user, w.lineage))
	}
	if err != nil {
		return
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	switch {
	case w.id != id || w.held > 0 || w.why != "":
	case st == nil:
		ws.finish(w, ReasonRevoked)
	default:
		w.id = st.id
	}
}
