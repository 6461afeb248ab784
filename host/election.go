package host

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/stratakv/strata/tiered/tier"
)

// run keeps the node at an authority until ctx ends. st is the first one.
func (n *Node) run(ctx context.Context, st *state) {
	defer close(n.done)
	for {
		var failed <-chan struct{}
		var over <-chan struct{}
		if st.owned != nil {
			failed = st.owned.Failed()
		} else {
			over = st.link.done
		}
		select {
		case <-ctx.Done():
			n.set(&state{closed: true})
			n.ending = n.leave(st)
			return
		case <-failed:
		case <-over:
		}
		n.set(&state{})
		if err := n.leave(st); err != nil {
			n.log.warn("close", "strata: the authority that failed cannot be closed in order", err)
		}
		next, err := n.elect(ctx)
		if err != nil { // ctx has ended
			n.set(&state{closed: true})
			return
		}
		st = next
		n.set(st)
	}
}

// leave ends what st holds.
func (n *Node) leave(st *state) error {
	if st.link != nil {
		st.link.close()
		n.opts.Alone()
		return nil
	}
	st.server.close()
	return st.owned.Close()
}

// openElection is the first election, which ends with an error where a later
// one tries on.
func (n *Node) openElection(ctx context.Context) (*state, error) {
	limited := ctx
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, n.opts.Limits.Answer)
		defer cancel()
	}
	for {
		st, err := n.try(limited, ctx)
		if err == nil {
			return st, nil
		}
		if permanent(err) || n.opts.Role == RoleOwner {
			return nil, err
		}
		if pause(limited, err) != nil {
			return nil, errors.Join(err, ctx.Err())
		}
	}
}

// elect tries until this process owns or follows; its error is that of ctx.
func (n *Node) elect(ctx context.Context) (*state, error) {
	for {
		st, err := n.try(ctx, ctx)
		if err == nil {
			return st, nil
		}
		if !errors.Is(err, tier.ErrLocked) && !errors.Is(err, errNobody) {
			n.because(err)
		}
		if err := pause(ctx, err); err != nil {
			return nil, err
		}
	}
}

// because notes why there is no authority yet.
func (n *Node) because(err error) {
	n.log.warn("elect", "strata: no owner can be reached, and this process cannot own", err)
	if old := n.state.Load(); old.cause == nil {
		n.set(&state{cause: err})
	}
}

// permanent says that trying again at once is of no use.
func permanent(err error) bool {
	return !errors.Is(err, tier.ErrLocked) && !errors.Is(err, errNobody)
}

// pause waits between two tries: a few milliseconds by chance where another
// process is on its way, longer where something is wrong.
func pause(ctx context.Context, cause error) error {
	wait := minWait + rand.N(maxWait-minWait)
	if permanent(cause) {
		wait *= 20
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// errNobody: nobody answers on the socket.
var errNobody = errors.New("no owner answers on the socket")

// try dials the socket, then tries to own. ctx bounds the dialing, own the
// opening of the truth.
func (n *Node) try(ctx, own context.Context) (*state, error) {
	var dialed error
	if n.opts.Role != RoleOwner {
		l, err := n.dial(ctx)
		if err == nil {
			n.links.Add(1)
			return &state{link: l, hello: l.hello}, nil
		}
		dialed = err
	}
	if n.opts.Role == RoleFollower {
		return nil, unavailable(dialed)
	}
	owned, err := n.opts.Own(own)
	if err == nil {
		err = own.Err()
		if err == nil {
			return n.begin(owned), nil
		}
		return nil, errors.Join(err, owned.Close())
	}
	switch {
	case dialed == nil || errors.Is(dialed, errNobody) && !errors.Is(err, tier.ErrLocked):
		return nil, err
	case errors.Is(dialed, errNobody):
		return nil, fmt.Errorf("%w, and %w", err, dialed)
	}
	return nil, fmt.Errorf("%w (and this process cannot own: %v)", dialed, err)
}

// begin makes the state of an owner.
func (n *Node) begin(owned Owned) *state {
	n.takeovers.Add(1)
	s := newServer(n.dir, owned, &n.opts, &n.log)
	s.listen()
	return &state{owned: owned, server: s, hello: s.hello()}
}
