package session

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/stratakv/strata/tiered"
)

// GetAndSet stores under key what fn makes of what is there, atomically over
// goroutines and processes, and returns it: what fn gets is still stored when
// its result is; else fn runs again on what is stored then. old is fn's own.
// fn may return tiered.Keep or tiered.Remove as its error: then nothing changes
// and old is returned, or key is deleted and nil is returned. Any other error
// ends it and can be matched. Otherwise errors are those of Get and Put; fn is
// not called for a malformed key.
func (s *Store) GetAndSet(ctx context.Context, key string, fn func(old any, found bool) (any, error)) (any, error) {
	at, ok := s.locate(key)
	if !ok {
		return nil, storeFault("get and set", errKey)
	}
	var result any
	call := func(old any, found bool) error {
		v, err := fn(old, found)
		switch {
		case errors.Is(err, tiered.Keep):
			v = old
		case errors.Is(err, tiered.Remove):
			v = nil
		}
		result = v
		return err
	}
	var err error
	if at.part == partOther {
		err = s.updateOther(ctx, at.key, call, &result)
	} else {
		err = s.update(ctx, at.key, func(r *storeRecord) error {
			old, found, err := s.value(r, at.part)
			if err == nil {
				err = call(old, found)
			}
			switch {
			case errors.Is(err, tiered.Remove):
				return r.remove(at.part)
			case err != nil:
				return err
			}
			return s.setValue(r, at.part, result)
		})
	}
	if err != nil {
		return nil, storeFault("get and set", err)
	}
	return result, nil
}

// updateOther is GetAndSet of a whole value; call sets *result.
func (s *Store) updateOther(ctx context.Context, key string, call func(old any, found bool) error, result *any) error {
	_, err := s.store.Update(ctx, key, func(it tiered.Item, found bool) (data []byte, ttl time.Duration, err error) {
		var old any
		if found {
			if old, err = s.codec.Decode(it.Value); err != nil {
				return nil, 0, err
			}
		}
		if err := call(old, found); err != nil {
			return nil, 0, err
		}
		data, err = s.codec.Encode(*result)
		return data, 0, err
	})
	return err
}

// value is what r has of p.
func (s *Store) value(r *storeRecord, p part) (v any, found bool, err error) {
	if p == partExpires {
		if !r.timed {
			return nil, false, nil
		}
		return r.expires, true, nil
	}
	data := *r.part(p)
	if data == nil {
		return nil, false, nil
	}
	v, err = s.codec.Decode(data)
	return v, true, err
}

// setValue puts v into r as p.
func (s *Store) setValue(r *storeRecord, p part, v any) (err error) {
	if p == partExpires {
		r.expires, err = toSeconds(v)
		r.timed = true
		return err
	}
	*r.part(p), err = s.codec.Encode(v)
	return err
}

// putExpires stores expires:ID. A deadline alone is written (4), unless there
// is no record: then one without parts is made.
func (s *Store) putExpires(ctx context.Context, key string, seconds int64) error {
	at := secondsAt(seconds)
	for {
		var touch, create tiered.Batch
		touch.TouchUntil(key, at)
		if err := s.store.Write(ctx, &touch); !absent(err) {
			return err
		}
		create.Check(key, 0)
		create.SetItem(tiered.Item{Key: key, Value: new(storeRecord).encode(), Expires: at})
		if err := s.store.Write(ctx, &create); !errors.Is(err, tiered.ErrVersion) {
			return err
		}
	}
}

// update makes the record under key anew from what it is, atomically (3); fn
// may run again. fn's error tiered.Keep leaves it as it is.
func (s *Store) update(ctx context.Context, key string, fn func(r *storeRecord) error) error {
	for {
		it, err := s.store.GetItem(ctx, key)
		var r storeRecord
		switch {
		case err == nil:
			if r, err = parseStoreRecord(it.Value); err != nil {
				return err
			}
			r.expires, r.timed = storedSeconds(it.Expires)
		case !absent(err):
			return err
		}
		was := r
		if err := fn(&r); err != nil {
			if errors.Is(err, tiered.Keep) {
				return nil
			}
			return err
		}
		err = s.swap(ctx, key, it.Version, &was, &r)
		if !errors.Is(err, tiered.ErrVersion) {
			return err
		}
	}
}

// swap writes r in the place of was if that is still what there is: version,
// 0 if there is none. tiered.ErrVersion: it is not.
func (s *Store) swap(ctx context.Context, key string, version uint64, was, r *storeRecord) error {
	var b tiered.Batch
	b.Check(key, version)
	switch {
	case r.session == nil && r.flash == nil && !r.timed:
		b.Delete(key)
	case version != 0 && bytes.Equal(r.session, was.session) && bytes.Equal(r.flash, was.flash):
		b.TouchUntil(key, s.deadline(r))
	default:
		b.SetItem(tiered.Item{Key: key, Value: r.encode(), Expires: s.deadline(r)})
	}
	return s.store.Write(ctx, &b)
}
