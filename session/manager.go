package session

import (
	"context"
	"iter"
	"time"

	"github.com/stratakv/strata/codec/value"
	"github.com/stratakv/strata/tiered"
)

// Manager keeps sessions in a store. Its methods are safe for concurrent use.
type Manager struct {
	store   records
	opts    *Options
	values  value.Codec[any]
	watches watches
}

// records is what a Manager needs of a store, a *tiered.Store.
type records interface {
	Now() time.Time
	GetItem(ctx context.Context, key string) (tiered.Item, error)
	GetMany(ctx context.Context, keys []string) (map[string]tiered.Item, error)
	Scan(ctx context.Context, prefix string) iter.Seq2[tiered.Item, error]
	Write(ctx context.Context, b *tiered.Batch) error
}

// New makes a Manager over store, which stays the caller's to close, after the
// Manager. ErrArgument: an option is wrong, the error names all that are; the
// store evicts (tiered.Options.Evict), where an index entry could go before its
// session, which Revoke would then not find; or its MaxTTL is below
// Options.Lifetime, where no login could be saved.
func New(store *tiered.Store, opts *Options) (*Manager, error) {
	if store == nil {
		return nil, argument("new", "no store")
	}
	m, err := newManager(store, opts)
	if err != nil {
		return nil, err
	}
	switch st := store.Stats(); {
	case st.Evict:
		return nil, argument("new", "the store evicts")
	case st.MaxTTL > 0 && st.MaxTTL < m.opts.Lifetime:
		return nil, argument("new", "the store's MaxTTL is below Lifetime")
	}
	return m, nil
}

func newManager(store records, opts *Options) (*Manager, error) {
	o, err := withDefaults(opts)
	if err != nil {
		return nil, err
	}
	m := &Manager{store: store, opts: o, values: value.CBOR[any]()}
	m.watches.m = m
	return m, nil
}

// Close closes every Done channel and ends the goroutine that looks after them.
// Sessions in the store stay. It may be called twice, and beside other calls.
func (m *Manager) Close() error {
	m.watches.close()
	return nil
}

// Load gives the session of token outside net/http. It has been loaded; of a
// token that is none or unknown, it is a new one, which Commit stores if
// something is set in it. An error is an outage. Binding is not checked.
//
// ctx is also that of Done: when it ends, the channel is let go, not closed.
func (m *Manager) Load(ctx context.Context, token string) (*Session, error) {
	s := m.session(token)
	s.ctx = ctx
	if err := s.Load(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Commit loads s, if that has not been done, saves it and returns the token that
// its client has to send from now on, "" if there is no session, with the
// session's deadline as it is now. It ends s: later changes are ErrFinal, and
// later Commits return the same. Errors are those of the package documentation;
// after one, the client keeps what it has. A session from Wrap may be committed
// so too, before the answer begins; an error is then the handler's to answer.
func (m *Manager) Commit(ctx context.Context, s *Session) (token string, expires time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done == nil {
		err = s.load(ctx)
	}
	if err == nil || s.refused != nil {
		err = s.commit(ctx)
	}
	if err != nil {
		s.told = true
		return "", time.Time{}, err
	}
	return s.done.token, s.done.expires, nil
}

// session makes a Session, untouched and still without a context.
func (m *Manager) session(token string) *Session {
	s := &Session{m: m, presented: token != ""}
	if isID(token) {
		s.token = token
	}
	return s
}

// unhurried gives ctx without its end, but with Options.Timeout.
func (m *Manager) unhurried(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), m.opts.Timeout)
}

func (m *Manager) now() int64 { return m.store.Now().UnixMilli() }

// keyOf is the key of the record of the id with hash h.
func (m *Manager) keyOf(h hashed) string { return m.opts.Prefix + "s:" + h.String() }

// indexKey is the key of handle's index entry; a user's hash in place of a
// handle gives what those of all his sessions begin with.
func (m *Manager) indexKey(handle string) string { return m.opts.Prefix + "u:" + handle }

// stored is a record as it was read.
type stored struct {
	id      hashed
	version uint64
	*record
}

// read gives the record of id, or that of the id in whose grace it is; nil if
// there is none, or none that is alive.
func (m *Manager) read(ctx context.Context, id hashed) (*stored, error) {
	for range 2 {
		it, err := m.store.GetItem(ctx, m.keyOf(id))
		if absent(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		rec, to, err := decode(it.Value)
		switch {
		case err != nil:
			return nil, err
		case rec != nil:
			if m.deadline(rec) <= m.now() {
				return nil, nil
			}
			return &stored{id: id, version: it.Version, record: rec}, nil
		case to.until <= m.now():
			return nil, nil
		}
		id = to.to
	}
	return nil, nil // it has moved twice: the first grace is over
}
