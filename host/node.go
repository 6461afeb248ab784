package host

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/stratakv/strata/tiered/tier"
)

// Node is one process's way to the authority of a directory: it holds it, as
// the owner, or reaches it, as a follower, and changes from one to the other by
// itself. It is a [tier.Authority]; the package documentation says what it
// promises.
//
// One goroutine, run, changes the state; calls look at it, and wait for the
// next one where theirs is of no use. The invariants, beside the package's:
//
//  1. The states follow each other as: none, then owner or follower, then none,
//     and so on; closed is the last one.
//  2. A state's gone is closed after the next state can be seen. A call that
//     met the end of a state waits for gone before it looks again.
//  3. The Owned of an owner's state is closed only after that state is gone, and
//     before another Own: its ErrClosed says that nothing was done, and that the
//     call is to look again.
type Node struct {
	dir     string
	opts    Options
	client  [16]byte
	tickets tickets

	state  atomic.Pointer[state] // written by run
	cancel context.CancelFunc    // ends run
	done   chan struct{}         // closed when run has ended
	once   sync.Once             // of Close
	ending error                 // written before done is closed

	log       complaints
	takeovers atomic.Uint64
	links     atomic.Uint64
	resent    atomic.Uint64
}

var _ tier.Authority = (*Node)(nil)

// state is who has the authority, as this process sees it.
type state struct {
	owned  Owned   // owner
	hello  Hello   // of owner and follower
	server *server // owner
	link   *link   // follower
	closed bool
	cause  error         // of none: why there is no owner, as far as that is known
	gone   chan struct{} // closed when another state is set
}

// Open opens a node in dir. It returns when this process owns, or follows. Its
// errors are Own's, and:
//
//   - ErrLocked: another process owns, and Role is RoleOwner; or it did not
//     answer on the socket until ctx ended, or for Limits.Answer if ctx has no
//     deadline.
//   - ErrUnavailable: there is no owner to follow, or it refuses this process.
func Open(ctx context.Context, dir string, opts *Options) (*Node, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	n := &Node{dir: dir, opts: o, done: make(chan struct{}), log: complaints{log: o.Logger}}
	if _, err := rand.Read(n.client[:]); err != nil {
		return nil, unavailable(err)
	}
	n.state.Store(&state{gone: make(chan struct{})})
	st, err := n.openElection(ctx)
	if err != nil {
		return nil, err
	}
	var run context.Context
	run, n.cancel = context.WithCancel(context.Background())
	n.set(st)
	go n.run(run, st)
	return n, nil
}

// Close ends the node. An owner first answers what it has begun, and sends its
// followers to the next one; then its Owned is closed, whose error is returned.
// Later calls are ErrClosed.
func (n *Node) Close() error {
	n.once.Do(n.cancel)
	<-n.done
	return n.ending
}

// set makes st the state.
func (n *Node) set(st *state) {
	st.gone = make(chan struct{})
	old := n.state.Swap(st)
	close(old.gone)
}

// owner is the authority of this process, nil if it does not own.
func (n *Node) owner() Owned { return n.state.Load().owned }

// Load implements [tier.Authority].
func (n *Node) Load(ctx context.Context, key string) (tier.Record, bool, error) {
	if o := n.owner(); o != nil {
		if rec, found, err := o.Load(ctx, key); !errors.Is(err, tier.ErrClosed) {
			return rec, found, err
		}
	}
	var e encoder
	e.string(key)
	var a loadAnswer
	err := n.exchange(ctx, &exchange{kind: kindLoad, body: e.buf, decode: a.decode, local: func(o Owned) error {
		a.rec, a.found, a.err = o.Load(ctx, key)
		return a.err
	}})
	if err != nil {
		return tier.Record{}, false, err
	}
	return a.rec, a.found, a.err
}

// LoadMany implements [tier.Authority].
func (n *Node) LoadMany(ctx context.Context, keys []string) ([]tier.Record, error) {
	if o := n.owner(); o != nil {
		if recs, err := o.LoadMany(ctx, keys); !errors.Is(err, tier.ErrClosed) {
			return recs, err
		}
	}
	recs := make([]tier.Record, 0, len(keys))
	for len(recs) < len(keys) {
		some := keys[len(recs):min(len(keys), len(recs)+maxKeys)]
		a, err := n.loadSome(ctx, some)
		if err == nil {
			err = a.err
		}
		if err != nil {
			return nil, err
		}
		recs = append(recs, a.recs...)
	}
	return recs, nil
}

// loadSome loads the first of keys, at least one and as many as the owner finds
// fit for one answer.
func (n *Node) loadSome(ctx context.Context, keys []string) (manyAnswer, error) {
	var e encoder
	e.keys(keys)
	var a manyAnswer
	err := n.exchange(ctx, &exchange{kind: kindLoadMany, body: e.buf, decode: func(d *decoder) {
		a.decode(d)
		if a.err == nil && (len(a.recs) == 0 || len(a.recs) > len(keys)) {
			d.fail()
		}
	}, local: func(o Owned) error {
		a.recs, a.err = o.LoadMany(ctx, keys)
		return a.err
	}})
	return a, err
}

// Scan implements [tier.Authority]. A chunk may be smaller than asked for.
func (n *Node) Scan(ctx context.Context, r tier.Range) ([]tier.Record, string, bool, error) {
	if o := n.owner(); o != nil {
		if recs, next, more, err := o.Scan(ctx, r); !errors.Is(err, tier.ErrClosed) {
			return recs, next, more, err
		}
	}
	var e encoder
	e.scanRange(r)
	var a scanAnswer
	err := n.exchange(ctx, &exchange{kind: kindScan, body: e.buf, decode: a.decode, local: func(o Owned) error {
		a.recs, a.next, a.more, a.err = o.Scan(ctx, r)
		return a.err
	}})
	if err != nil {
		return nil, "", false, err
	}
	return a.recs, a.next, a.more, a.err
}

// DeleteExpired implements [tier.Authority].
func (n *Node) DeleteExpired(ctx context.Context) (int, error) {
	var a countAnswer
	before := 0 // by owners that closed amid
	local := func(o Owned) error {
		if a.n, a.err = o.DeleteExpired(ctx); errors.Is(a.err, tier.ErrClosed) {
			before += a.n
		}
		return a.err
	}
	if o := n.owner(); o != nil {
		if err := local(o); !errors.Is(err, tier.ErrClosed) {
			return a.n, err
		}
	}
	for {
		err := n.exchange(ctx, &exchange{kind: kindDeleteExpired, listen: true, decode: a.decode, local: local})
		if err != nil {
			return before, err
		}
		if before += a.n; !errors.Is(a.err, tier.ErrClosed) {
			return before, a.err
		}
	}
}

// Stats returns the owner's counters, as its [Owned.Stats] encodes them.
func (n *Node) Stats(ctx context.Context) ([]byte, error) {
	var a bytesAnswer
	err := n.exchange(ctx, &exchange{kind: kindStats, listen: true, decode: a.decode, local: func(o Owned) error {
		a.bytes = o.Stats()
		return nil
	}})
	if err != nil {
		return nil, err
	}
	return a.bytes, a.err
}

// Dictionary returns the owner's dictionary of id; tier.ErrNotFound.
func (n *Node) Dictionary(ctx context.Context, id uint32) ([]byte, error) {
	var e encoder
	e.uint(uint64(id))
	var a bytesAnswer
	err := n.exchange(ctx, &exchange{kind: kindDictionary, body: e.buf, listen: true, decode: a.decode, local: func(o Owned) error {
		a.bytes, a.err = o.Dictionary(ctx, id)
		return a.err
	}})
	if err != nil {
		return nil, err
	}
	return a.bytes, a.err
}

// Write implements [tier.Authority].
func (n *Node) Write(ctx context.Context, ops []tier.Op) ([]tier.Result, error) {
	if o := n.owner(); o != nil {
		if results, err := o.Write(ctx, ops); !errors.Is(err, tier.ErrClosed) {
			return results, err
		}
	}
	w := &writing{node: n, ops: ops}
	defer w.done()
	err := n.exchange(ctx, &exchange{
		kind: kindWrite, write: w, size: opsBytes(ops), decode: w.answer.decode,
		local: func(o Owned) error { return w.local(ctx, o) },
	})
	if err != nil {
		return nil, err
	}
	return w.answer.results, w.answer.err
}

// WriteOne implements [tier.Authority].
func (n *Node) WriteOne(ctx context.Context, op tier.Op) (tier.Result, error) {
	if o := n.owner(); o != nil {
		if res, err := o.WriteOne(ctx, op); !errors.Is(err, tier.ErrClosed) {
			return res, err
		}
	}
	results, err := n.Write(ctx, []tier.Op{op})
	if len(results) == 0 {
		return tier.Result{}, err
	}
	return results[0], err
}

// Status is a snapshot of what a node is.
type Status struct {
	Role      Role   // RoleOwner or RoleFollower; RoleAuto: neither just now
	Hello     Hello  // of the owner; zero if there is none just now
	Version   int    // of the wire, of a follower
	Followers int    // connected to this owner
	Heirs     int    // those of Followers that may own
	Takeovers uint64 // how often this process became the owner
	Links     uint64 // how often it became a follower
	Resent    uint64 // writes that were sent again
}

// Status may be called at any time.
func (n *Node) Status() Status {
	st := n.state.Load()
	s := Status{Hello: st.hello, Takeovers: n.takeovers.Load(), Links: n.links.Load(), Resent: n.resent.Load()}
	switch {
	case st.owned != nil:
		s.Role = RoleOwner
		s.Followers, s.Heirs = st.server.followers()
	case st.link != nil:
		s.Role, s.Version = RoleFollower, int(st.link.version)
	}
	return s
}

// String gives "auto", "follower" or "owner".
func (r Role) String() string {
	switch r {
	case RoleAuto:
		return "auto"
	case RoleFollower:
		return "follower"
	case RoleOwner:
		return "owner"
	}
	return fmt.Sprintf("role(%d)", uint8(r))
}
