// Package gin keeps the sessions of github.com/gin-contrib/sessions in a
// tiered.Store. It is package gorilla of this project with the one method that
// gin's interface has besides; what that package fixes, cannot fix and promises
// holds here.
//
//	store, err := stratagin.New(db, nil) // db is a *tiered.Store
//	router.Use(sessions.Sessions("__Host-session", store))
//
// # Rules of gin's interface, and the tests that hold them
//
//  1. The suite that gin-contrib/sessions has for its own stores.
//     TestSuiteOfGinContrib
//  2. Store.Options replaces what sessions begun later get, as a whole: what is
//     left out is off, Secure and HttpOnly too, and MaxAge 0 is a cookie that
//     ends with the browser. TestStoreOptions
//  3. session.Options replaces one session's own, likewise; MaxAge < 0 makes the
//     next Save a logout. TestSessionOptions
//  4. Clear empties a session and leaves it there; it is no logout.
//     TestClearIsNoLogout
//  5. Save writes only if something was set, deleted or flashed before: to read
//     neither stores nor prolongs a session. TestReadingStoresNothing
//
// # What it cannot fix
//
// gin's session has no way to give itself another id: to renew one at login, get
// the gorilla session from the Store and set its ID to "" (see the example). And
// it has no way to report that it could not be read: gin logs that and hands out
// an empty session. Nothing is lost by that, since saving such a session is
// refused; heed Save's error.
package gin

import (
	"github.com/gin-contrib/sessions"
	"github.com/stratakv/strata/adapter/gorilla"
	"github.com/stratakv/strata/tiered"
)

// Store is a sessions.Store of gin-contrib. It is safe for concurrent use.
type Store struct {
	*gorilla.Store
}

var _ sessions.Store = (*Store)(nil)

// New makes a Store over store, which stays the caller's to close. opts are those
// of package gorilla; nil is a sound default.
func New(store *tiered.Store, opts *gorilla.Options) (*Store, error) {
	s, err := gorilla.New(store, opts)
	if err != nil {
		return nil, err
	}
	return &Store{s}, nil
}

// Options replaces what sessions get that are begun from now on.
func (s *Store) Options(o sessions.Options) { s.SetCookie(*o.ToGorillaOptions()) }
