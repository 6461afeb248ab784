package scs

import (
	"bytes"
	"context"
	"net/http"
	"sync"
)

// Wrap lets a Commit know what its request had found: it goes around the
// manager's LoadAndSave. The package documentation says what that is good for.
func (s *Store) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(s.Track(r.Context())))
	})
}

// Track is Wrap for what is no HTTP handler: pass the result to the manager's
// Load or Iterate, and use what Load returns. One is for one request: it holds a
// copy of each session that was found.
func (s *Store) Track(ctx context.Context) context.Context {
	return context.WithValue(ctx, trackerKey{s}, &tracker{bases: make(map[string][]byte)})
}

// trackerKey is for one store: a request may have sessions of several.
type trackerKey struct{ store *Store }

// tracker remembers, under the names that the manager calls them by, sessions as
// the manager has them in memory. (Under their keys, a session that is Iterate's
// and the request's own too would be one; they are two in memory.) The nil
// tracker remembers nothing.
type tracker struct {
	mu    sync.Mutex // guards bases
	bases map[string][]byte
}

func (s *Store) tracker(ctx context.Context) *tracker {
	t, _ := ctx.Value(trackerKey{s}).(*tracker)
	return t
}

// found remembers a copy of data. A session that was found before stays what it
// was: it is the manager's, and MergeSession only looked.
func (t *tracker) found(name string, data []byte) {
	if _, known := t.base(name); !known {
		t.committed(name, data)
	}
}

// committed remembers a copy of data.
func (t *tracker) committed(name string, data []byte) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bases[name] = bytes.Clone(data)
}

func (t *tracker) base(name string) (data []byte, known bool) {
	if t == nil {
		return nil, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	data, known = t.bases[name]
	return data, known
}
