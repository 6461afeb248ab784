package gorilla

import (
	"errors"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"github.com/gorilla/sessions"
	"github.com/stratakv/strata/codec/value"
	"github.com/stratakv/strata/tiered"
)

// defaultBrowserTTL is how long the record of a browser session lives.
const defaultBrowserTTL = 24 * time.Hour

// Options are the settings of a [Store]; nil and zero fields are sound
// defaults. New copies them.
type Options struct {
	// Prefix begins the store's keys; "": "gorilla:".
	Prefix string
	// Cookie is what new sessions get as their Options; nil: Path "/", MaxAge 30
	// days, Secure, HttpOnly, SameSite Lax. (Without TLS a browser sends no
	// Secure cookie, but to localhost.)
	Cookie *sessions.Options
	// BrowserTTL is the lifetime of a record whose session has MaxAge 0, from
	// each Save on; 0: 24 h.
	BrowserTTL time.Duration
	// Codec encodes Values; nil: Gob.
	Codec value.Codec[map[any]any]
}

// Store is a sessions.Store. It is safe for concurrent use.
type Store struct {
	store  *tiered.Store
	prefix string
	ttl    time.Duration // of browser sessions
	codec  value.Codec[map[any]any]
	cookie atomic.Pointer[sessions.Options] // never changed in place

	// states holds what is known of the sessions that are in use, by
	// weak.Pointer[sessions.Session]. (A Session has no field for it that the
	// registry, a framework or a handler's clearing would leave alone.) An entry
	// goes when its session is collected.
	states sync.Map
}

var _ sessions.Store = (*Store)(nil)

// New makes a Store over store, which stays the caller's to close.
func New(store *tiered.Store, opts *Options) (*Store, error) {
	o := Options{}
	if opts != nil {
		o = *opts
	}
	if o.Prefix == "" {
		o.Prefix = "gorilla:"
	}
	if o.Cookie == nil {
		o.Cookie = &sessions.Options{
			Path: "/", MaxAge: 30 * 86400, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		}
	}
	if o.BrowserTTL == 0 {
		o.BrowserTTL = defaultBrowserTTL
	}
	if o.Codec == nil {
		o.Codec = Gob()
	}
	if o.BrowserTTL < 0 {
		return nil, errors.New("gorilla: Options.BrowserTTL is negative")
	}
	s := &Store{store: store, prefix: o.Prefix, ttl: o.BrowserTTL, codec: o.Codec}
	s.SetCookie(*o.Cookie)
	return s, nil
}

// SetCookie replaces what new sessions get as their Options, from now on.
func (s *Store) SetCookie(o sessions.Options) { s.cookie.Store(&o) }

// cookieOptions is a copy of what new sessions get.
func (s *Store) cookieOptions() *sessions.Options {
	o := *s.cookie.Load()
	return &o
}

// Get returns the request's session of that name: the same one each time. It is
// nil only if no cookie can have the name, beside an error.
func (s *Store) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(s, name)
}

// New loads the session that the request's cookie names, past the request's
// registry. There is a session whatever happens: a new one, beside an error, if
// the record could not be read.
//
// After an error of the store, Save refuses: see the package documentation. A
// record that is there but cannot be decoded is an error too, and a Save then
// begins a new session.
func (s *Store) New(r *http.Request, name string) (*sessions.Session, error) {
	session := sessions.NewSession(s, name)
	session.Options, session.IsNew = s.cookieOptions(), true
	st := s.state(session)
	c, err := r.Cookie(name)
	if err != nil || !validID(c.Value) {
		return session, nil
	}
	item, err := s.store.GetItem(r.Context(), s.key(name, c.Value))
	switch {
	case errors.Is(err, tiered.ErrNotFound):
		return session, nil
	case errors.Is(err, tiered.ErrCorrupt):
		st.broken = c.Value
		return session, err
	case err != nil:
		st.id, st.err = c.Value, err
		return session, err
	}
	if movedTo(item.Value) != "" {
		return session, nil
	}
	values, err := s.decode(item.Value)
	if err != nil {
		st.broken = c.Value
		return session, err
	}
	session.ID, session.Values, session.IsNew = c.Value, values, false
	st.id, st.version, st.base = c.Value, item.Version, item.Value
	return session, nil
}

// state is what the Store knows of a session: which record it stands for, and
// what the record held when it was read or written last. Like its session, it is
// used by one goroutine at a time.
type state struct {
	id      string // "": no record yet
	version uint64 // of the record; 0: not known
	base    []byte // the record's value at that version

	err    error  // why the record of id could not be read
	broken string // the id of a record that cannot be decoded
}

// state returns session's state, a new one if it has none.
func (s *Store) state(session *sessions.Session) *state {
	p := weak.Make(session)
	if st, ok := s.states.Load(p); ok {
		return st.(*state)
	}
	st, loaded := s.states.LoadOrStore(p, &state{})
	if !loaded {
		runtime.AddCleanup(session, func(p weak.Pointer[sessions.Session]) { s.states.Delete(p) }, p)
	}
	return st.(*state)
}
