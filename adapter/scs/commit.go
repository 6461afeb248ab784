package scs

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/stratakv/strata/tiered"
)

// Commit is CommitCtx without a context: never merged.
func (s *Store) Commit(token string, b []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, b, expiry)
}

// CommitCtx stores a copy of b as token's data until expiry, rounded up to a
// millisecond; an expiry that has come ends the session. It returns when that is
// on stable storage. Under [Store.Wrap] or [Store.Track] it is merged into what
// another request has stored since this one found the session. A handle that All
// gave stands for its token.
//
// [ErrRevoked], [ErrConflict] and tiered's ErrFull and ErrTTL store nothing. A
// cancelled context does not hold it up; a deadline does.
func (s *Store) CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) error {
	ctx, cancel := writeContext(ctx)
	defer cancel()
	for {
		rec, err := s.locate(ctx, token)
		if err != nil {
			return err
		}
		err = s.commit(ctx, token, rec, b, expiry)
		if err == nil {
			s.tracker(ctx).committed(token, b)
		}
		if !errors.Is(err, tiered.ErrVersion) {
			return err
		}
	}
}

// commit writes over rec. ErrVersion: that is not the record any more.
func (s *Store) commit(ctx context.Context, token string, rec record, b []byte, expiry time.Time) error {
	base, known := s.tracker(ctx).base(token)
	if rec.ended() || !rec.live() && (known || isHandle(token)) {
		return ErrRevoked
	}
	if known && !bytes.Equal(base, rec.data) {
		var err error
		if b, expiry, err = s.merge(base, b, rec, expiry); err != nil {
			return err
		}
	}
	if !expiry.After(s.store.Now()) { // also of the zero time, which to SetItem is none
		return s.end(ctx, token, rec.key)
	}
	var value []byte
	if rec.key == s.key(s.Handle(token)) {
		value = s.encode(token, b)
	} else {
		value = slices.Concat(rec.head, b) // by a handle, from which no token can be had
	}
	var w tiered.Batch
	w.Check(rec.key, rec.version)
	w.SetItem(tiered.Item{Key: rec.key, Value: value, Expires: expiry})
	return s.store.Write(ctx, &w)
}
