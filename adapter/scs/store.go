package scs

import (
	"context"
	"errors"
	"time"

	"github.com/stratakv/strata/tiered"
)

var (
	// ErrRevoked: the session was deleted, renewed or has expired, and this
	// Commit comes from a request that began before. Nothing was stored.
	ErrRevoked = errors.New("scs: the session has ended")
	// ErrConflict: another request has changed the session, and Options.Codec
	// cannot read it, so that it cannot be merged. Nothing was stored.
	ErrConflict = errors.New("scs: the session was changed by another request, and the codec cannot merge it")
)

// defaultFence is longer than requests take.
const defaultFence = time.Hour

// Options are the settings of a [Store]; nil and zero fields are sound defaults.
// New copies them.
type Options struct {
	// Prefix begins the store's keys; "": "scs:". Managers that share a
	// tiered.Store need one each, none of which begins another.
	Prefix string
	// Fence is for how long after Delete a Commit of the same token is
	// ErrRevoked; 0: 1 h, negative: not at all. It must not be longer than the
	// store's MaxTTL: Delete would delete and be tiered.ErrTTL.
	Fence time.Duration
	// Codec must be the manager's own (the same type fits), which decodes and
	// encodes sessions that are merged; nil: scs's default, gob.
	Codec Codec
	// ClearTokens keeps each token in its record, so that All gives tokens
	// and not handles. Who can read the store can then take over its sessions.
	ClearTokens bool
}

// Store is a session store for scs. It is safe for concurrent use.
//
// Invariants:
//
//  1. Out of sight: no key or record lets anyone who reads it pass Find.
//  2. Judged as written: a Commit writes under the condition that the record is
//     still the version that it was judged by.
//  3. The fence: Delete puts a tombstone in the record's place in one write, and
//     until the tombstone's deadline no Commit writes over it.
//  4. Tracked: if its context had found the token, a Commit writes over a live
//     record only, and if that does not have what was found, merged into it.
//  5. The base of a merge is what the caller has in memory: what it found, or
//     what it committed last, never what that was merged into.
type Store struct {
	store *tiered.Store
	opts  Options
}

// New makes a Store over store, which stays the caller's to close.
func New(store *tiered.Store, opts *Options) *Store {
	s := &Store{store: store}
	if opts != nil {
		s.opts = *opts
	}
	if s.opts.Prefix == "" {
		s.opts.Prefix = "scs:"
	}
	if s.opts.Fence == 0 {
		s.opts.Fence = defaultFence
	}
	if s.opts.Codec == nil {
		s.opts.Codec = gobCodec{}
	}
	return s
}

// Find is FindCtx without a context.
func (s *Store) Find(token string) (b []byte, found bool, err error) {
	return s.FindCtx(context.Background(), token)
}

// FindCtx returns a copy of the live data of token. A token that is missing,
// malformed or expired, and a handle, are not found, without an error.
func (s *Store) FindCtx(ctx context.Context, token string) (b []byte, found bool, err error) {
	rec, err := s.load(ctx, s.key(s.Handle(token)))
	if err != nil || !rec.live() {
		return nil, false, err
	}
	s.tracker(ctx).found(token, rec.data)
	return rec.data, true, nil
}

// Delete is DeleteCtx without a context.
func (s *Store) Delete(token string) error {
	return s.DeleteCtx(context.Background(), token)
}

// DeleteCtx ends the session of a token or of a handle that All gave; that there
// is none is no error. For Options.Fence a Commit of the token is then
// ErrRevoked. A cancelled context does not hold it up; a deadline does.
func (s *Store) DeleteCtx(ctx context.Context, token string) error {
	ctx, cancel := writeContext(ctx)
	defer cancel()
	rec, err := s.locate(ctx, token)
	if err != nil && !errors.Is(err, tiered.ErrCorrupt) {
		return err
	}
	return s.end(ctx, token, rec.key)
}

// end deletes key, leaving a tombstone. The session without a token is nobody's
// who could be late.
func (s *Store) end(ctx context.Context, token, key string) error {
	if s.opts.Fence < 0 || token == "" {
		return s.store.Delete(ctx, key)
	}
	tombstone := tiered.Item{Key: key, Value: []byte{kindEnded}, Expires: s.store.Now().Add(s.opts.Fence)}
	_, err := s.store.SetItem(ctx, tombstone)
	full, tooLong := errors.Is(err, tiered.ErrFull), errors.Is(err, tiered.ErrTTL)
	if !full && !tooLong {
		return err
	}
	if errDelete := s.store.Delete(ctx, key); errDelete != nil || full {
		return errDelete
	}
	return err
}

// All is AllCtx without a context.
func (s *Store) All() (map[string][]byte, error) {
	return s.AllCtx(context.Background())
}

// AllCtx returns the data of all live sessions under their handles, or under
// their tokens if Options.ClearTokens was set when they were committed. It is
// one snapshot for each session, not for all of them. The map is never nil but
// beside an error.
func (s *Store) AllCtx(ctx context.Context) (map[string][]byte, error) {
	all := make(map[string][]byte)
	t := s.tracker(ctx)
	for it, err := range s.store.Scan(ctx, s.opts.Prefix) {
		if err != nil {
			return nil, err
		}
		rec, err := decode(it)
		if err != nil {
			return nil, err
		}
		if rec.live() {
			t.found(rec.name, rec.data)
			all[rec.name] = rec.data
		}
	}
	return all, nil
}

// writeContext is ctx but for its cancellation.
func writeContext(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	ctx = context.WithoutCancel(ctx)
	if ok {
		return context.WithDeadline(ctx, deadline)
	}
	return ctx, func() {}
}
