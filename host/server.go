package host

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/stratakv/strata/tiered/tier"
)

const (
	// lookEvery is how often an owner looks whether the socket is still its own.
	lookEvery = time.Second
	// byeLimit is how long a closing owner waits for a follower that does not
	// read its last answers.
	byeLimit = time.Second
	// readers is how many reads of one follower are made at once.
	readers = 64
)

// server is the owner's side: it lets followers in and serves them.
//
//  1. A client has one connection. When it opens another one, nothing that it
//     sent over the first is begun any more: what waits there unread is older
//     than what was sent again.
//  2. Two writes of one ticket are not judged at once: the second one waits for
//     the first one's results, and takes them.
//  3. After close has begun no request is begun; it returns when the answers to
//     all that were have been written, or their followers dropped.
type server struct {
	dir    string
	owned  Owned
	opts   *Options
	log    *complaints
	ctx    context.Context // of reads; ends when the server closes, of cause ErrClosed
	cancel context.CancelCauseFunc
	stop   chan struct{}
	wg     sync.WaitGroup // accepting, looking, and one for each peer
	posts  sync.Pool      // of *Posted that no peer has

	mu       sync.Mutex // guards all below
	listener *listener  // nil: there is none just now
	peers    map[*peer]bool
	clients  map[[16]byte]*peer
	writes   map[ticketID]*oneWrite
	closing  bool
}

// ticketID names a write for invariant 2.
type ticketID struct {
	client [16]byte
	seq    uint64
}

// oneWrite is a write in work. The server's mu guards it.
type oneWrite struct {
	joined int   // further sendings that wait for it
	told   *told // by which they wait; nil: nobody does
}

// told is what those learn who have joined a write.
type told struct {
	done    chan struct{} // closed when results and err are there
	results []tier.Result
	err     error
}

// join returns what there will be to learn.
func (w *oneWrite) join() *told {
	w.joined++
	if w.told == nil {
		w.told = &told{done: make(chan struct{})}
	}
	return w.told
}

// end tells those who have joined.
func (w *oneWrite) end(results []tier.Result, err error) {
	if t := w.told; t != nil {
		t.results, t.err = slices.Clone(results), err
		close(t.done)
	}
}

func newServer(dir string, owned Owned, opts *Options, log *complaints) *server {
	s := &server{
		dir: dir, owned: owned, opts: opts, log: log, stop: make(chan struct{}),
		peers: make(map[*peer]bool), clients: make(map[[16]byte]*peer), writes: make(map[ticketID]*oneWrite),
	}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	return s
}

// hello is the owner's, as a follower gets it.
func (s *server) hello() Hello {
	h := s.owned.Hello()
	h.PID = os.Getpid()
	return h
}

// followers is how many there are, and how many of them may own.
func (s *server) followers() (all, heirs int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.clients {
		if !p.never {
			heirs++
		}
	}
	return len(s.clients), heirs
}

// listen binds the socket, and goes on seeing to it. An owner whose socket
// cannot be bound works alone, and says so.
func (s *server) listen() {
	if !shared {
		return
	}
	s.bind()
	s.wg.Add(1)
	go s.look()
}

func (s *server) bind() {
	l, err := bind(s.dir)
	if err != nil {
		s.log.warn("bind", "strata: other processes cannot reach this owner: its socket cannot be bound", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		l.remove()
		l.close()
		return
	}
	s.listener = l
	s.wg.Add(1)
	go s.accept(l)
}

// look binds the socket again when it has gone or another file is in its place.
func (s *server) look() {
	defer s.wg.Done()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-ticker.C:
		}
		s.mu.Lock()
		l := s.listener
		s.mu.Unlock()
		if l != nil && l.inPlace() {
			continue
		}
		if l != nil {
			l.close()
		}
		s.bind()
	}
}

func (s *server) accept(l *listener) {
	defer s.wg.Done()
	for {
		conn, err := l.accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // of file descriptors there may be none left
			s.log.warn("accept", "strata: a follower cannot be let in", err)
			select {
			case <-s.stop:
				return
			case <-time.After(maxWait):
			}
			continue
		}
		p := &peer{server: s, conn: conn}
		s.mu.Lock()
		full, closing := len(s.peers) >= s.opts.Limits.Followers, s.closing
		if !full && !closing {
			s.peers[p] = true
			s.wg.Add(1)
			go p.run()
		}
		s.mu.Unlock()
		if full {
			s.log.warn("full", "strata: a follower is refused", errFull)
			refuse(conn, errFull)
		}
		if full || closing {
			_ = conn.Close()
		}
	}
}

// enter makes p the connection of its client; false: the server closes.
func (s *server) enter(p *peer) bool {
	s.mu.Lock()
	before, closing := s.clients[p.client], s.closing
	if !closing {
		s.clients[p.client] = p
	}
	s.mu.Unlock()
	if before != nil {
		before.out.end()
		<-before.unread
	}
	return !closing
}

// forget takes p out.
func (s *server) forget(p *peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.peers, p)
	if s.clients[p.client] == p {
		delete(s.clients, p.client)
	}
}

// write makes a follower's write, or waits for the one of the same ticket.
func (s *server) write(ctx context.Context, a Attempt, ops []tier.Op) ([]tier.Result, error) {
	id := ticketID{a.Client, a.Seq}
	s.mu.Lock()
	if w := s.writes[id]; w != nil {
		t := w.join()
		s.mu.Unlock()
		select {
		case <-t.done:
			return t.results, t.err
		case <-ctx.Done():
			return nil, errLeft
		}
	}
	w := new(oneWrite)
	s.writes[id] = w
	s.mu.Unlock()
	results, err := s.owned.WriteOnce(ctx, a, ops)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.writes, id)
	w.end(results, err)
	return results, err
}

// close sends the followers to the next owner.
func (s *server) close() {
	close(s.stop)
	s.mu.Lock()
	s.closing = true
	l, peers := s.listener, s.peers
	all := make([]*peer, 0, len(peers))
	for p := range peers {
		all = append(all, p)
	}
	s.mu.Unlock()
	if l != nil {
		l.remove()
		l.close()
	}
	s.cancel(tier.ErrClosed)
	for _, p := range all {
		go p.goodbye()
	}
	s.wg.Wait()
}
