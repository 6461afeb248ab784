package gorilla

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/gorilla/sessions"
	"github.com/stratakv/strata/tiered"
)

var (
	// ErrRevoked: the session was deleted or renewed by another request, or has
	// expired, since this one loaded it. Nothing was stored.
	ErrRevoked = errors.New("the session has ended")
	// ErrID: Session.ID was set to something other than "". Ids are made by the
	// store alone.
	ErrID = errors.New("the session's id was not made by the store")
)

// Save stores the session and sets its cookie, or deletes both if
// session.Options.MaxAge is negative. A session whose ID was set to "" moves to
// a new id, and the old one is dead. The package documentation says what becomes
// of concurrent requests. Values holds afterwards what is stored.
//
// ErrUnknownOutcome of package tiered: it may or may not have been stored; no
// cookie was set, and Save may be called again.
func (s *Store) Save(r *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	ctx, cancel := saveContext(r)
	defer cancel()
	opts := session.Options
	if opts == nil {
		opts = s.cookieOptions()
	}
	st := s.state(session)
	if opts.MaxAge < 0 {
		return s.remove(ctx, w, session, st, opts)
	}
	id := session.ID
	switch {
	case st.err != nil:
		return fmt.Errorf("gorilla: the session was not loaded: %w", st.err)
	case id == "":
		id = newID()
	case id != st.id:
		return fmt.Errorf("gorilla: save: %w", ErrID)
	}
	cookie := sessions.NewCookie(session.Name(), id, opts)
	if err := cookie.Valid(); err != nil { // net/http would leave it out in silence
		return fmt.Errorf("gorilla: save: %w", err)
	}
	if err := s.put(ctx, session, st, id, s.lifetime(opts)); err != nil {
		return err
	}
	session.ID = id
	setCookie(w, cookie)
	return nil
}

// saveContext is the request's context, but for the client's hanging up: a
// logout is a logout even if nobody waits for the page.
func saveContext(r *http.Request) (context.Context, context.CancelFunc) {
	ctx := context.WithoutCancel(r.Context())
	if deadline, ok := r.Context().Deadline(); ok {
		return context.WithDeadline(ctx, deadline)
	}
	return ctx, func() {}
}

// lifetime is that of a record whose session has o.
func (s *Store) lifetime(o *sessions.Options) time.Duration {
	switch {
	case o.MaxAge == 0:
		return s.ttl
	case int64(o.MaxAge) > int64(math.MaxInt64/time.Second):
		return math.MaxInt64
	}
	return time.Duration(o.MaxAge) * time.Second
}

const noCache = `no-cache="Set-Cookie"`

// setCookie sets c and tells shared caches not to keep it.
func setCookie(w http.ResponseWriter, c *http.Cookie) {
	if h := w.Header(); !slices.Contains(h["Cache-Control"], noCache) {
		h.Add("Cache-Control", noCache)
	}
	http.SetCookie(w, c)
}

// remove deletes the session, whatever became of it meanwhile. If the same
// request saves it again, it begins anew.
func (s *Store) remove(ctx context.Context, w http.ResponseWriter, session *sessions.Session, st *state, o *sessions.Options) error {
	for _, id := range []string{st.id, st.broken} {
		if id == "" {
			continue
		}
		if err := s.removeRecord(ctx, s.key(session.Name(), id)); err != nil {
			return err
		}
	}
	*st, session.ID = state{}, ""
	setCookie(w, sessions.NewCookie(session.Name(), "", o))
	return nil
}

// removeRecord deletes key's record, and where a renewal has moved it to.
func (s *Store) removeRecord(ctx context.Context, key string) error {
	for {
		item, err := s.store.GetItem(ctx, key)
		switch {
		case errors.Is(err, tiered.ErrNotFound):
			return nil
		case errors.Is(err, tiered.ErrCorrupt):
			return s.store.Delete(ctx, key)
		case err != nil:
			return err
		}
		if to := movedTo(item.Value); to != "" {
			key = to
			continue
		}
		err = s.store.CompareAndDelete(ctx, key, item.Version)
		if !errors.Is(err, tiered.ErrVersion) {
			return err
		}
	}
}

// put stores session's Values under id and brings st up to date. It writes only
// on top of the version that it knows, so that
//
//  1. no write of another request is lost: it is merged, and the write is tried
//     again;
//  2. nothing is stored once the record of st is gone or moved. Ids are never
//     used twice: a record that is gone stays so.
func (s *Store) put(ctx context.Context, session *sessions.Session, st *state, id string, ttl time.Duration) error {
	if session.Values == nil {
		session.Values = make(map[any]any)
	}
	for {
		data, err := s.encode(session.Values)
		if err != nil {
			return err
		}
		now, err := s.write(ctx, session.Name(), st, id, data, ttl)
		switch {
		case err == nil:
			st.id, st.version, st.base = id, now.Version, data
			return nil
		case !errors.Is(err, tiered.ErrVersion):
			return err
		case now.Version == 0 || movedTo(now.Value) != "":
			return fmt.Errorf("gorilla: save: %w", ErrRevoked)
		}
		if err := s.merge(session.Values, st.base, data, now.Value); err != nil {
			return err
		}
		st.version, st.base = now.Version, now.Value
	}
}

// write is one try. ErrVersion comes with the record as it is, the zero Item if
// it is gone. The result's version is 0 after a renewal, which a batch does not
// tell: nobody else knows the new id yet, and a later put asks for it.
func (s *Store) write(ctx context.Context, name string, st *state, id string, data []byte, ttl time.Duration) (tiered.Item, error) {
	key := s.key(name, id)
	if st.id == "" {
		return s.store.CompareAndSet(ctx, key, 0, data, ttl)
	}
	old := s.key(name, st.id)
	if st.version == 0 {
		return s.conflict(ctx, old)
	}
	if id == st.id {
		return s.store.CompareAndSet(ctx, key, st.version, data, ttl)
	}
	var b tiered.Batch
	b.Check(old, st.version)
	b.Set(old, moved(key), min(ttl, movedTTL))
	b.Set(key, data, ttl)
	err := s.store.Write(ctx, &b)
	if errors.Is(err, tiered.ErrVersion) {
		return s.conflict(ctx, old)
	}
	return tiered.Item{}, err
}

// movedTTL is how long a renewed session's old record says where it went, so
// that a logout that was under way meanwhile ends the session all the same. No
// request takes longer.
const movedTTL = time.Hour

// conflict is ErrVersion with key's record as it is.
func (s *Store) conflict(ctx context.Context, key string) (tiered.Item, error) {
	item, err := s.store.GetItem(ctx, key)
	if err != nil && !errors.Is(err, tiered.ErrNotFound) {
		return tiered.Item{}, err
	}
	return item, tiered.ErrVersion
}

// merge brings into values what stored has changed since base, but for the keys
// that values changed since base itself. mine is values encoded: the three are
// compared as they come out of the codec.
func (s *Store) merge(values map[any]any, base, mine, stored []byte) error {
	var decoded [3]map[any]any
	for i, data := range [][]byte{base, mine, stored} {
		var err error
		if decoded[i], err = s.decode(data); err != nil {
			return err
		}
	}
	was, have, is := decoded[0], decoded[1], decoded[2]
	for k, v := range is {
		if same(was, have, k) && !same(was, is, k) {
			values[k] = v
		}
	}
	for k := range was {
		if _, kept := is[k]; !kept && same(was, have, k) {
			delete(values, k)
		}
	}
	return nil
}

// same says whether a and b agree about k.
func same(a, b map[any]any, k any) bool {
	x, inA := a[k]
	y, inB := b[k]
	return inA == inB && reflect.DeepEqual(x, y)
}
