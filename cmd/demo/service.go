package main

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	maxRequests   = 1024      // handled at a time; more get 503
	maxBodiesHeld = 256 << 20 // bytes of bodies in memory
)

// service answers the requests over one store. It routes by the escaped path
// itself: http.ServeMux would clean it and redirect, and keys hold any bytes.
type service struct {
	store  store
	log    *slog.Logger
	begun  time.Time
	bodies *bodies
	page   *page
	counts counts
	slots  chan struct{} // one for each request that is handled
}

func newService(st store, log *slog.Logger) *service {
	return &service{
		store:  st,
		log:    log,
		begun:  time.Now(),
		bodies: newBodies(maxBodiesHeld),
		page:   newPage(),
		slots:  make(chan struct{}, maxRequests),
	}
}

// handler is the service behind its guard, with addr as the host of its own.
func (s *service) handler(addr string) http.Handler {
	return s.counted(s.limited(guard(addr, http.HandlerFunc(s.route))))
}

func (s *service) limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case s.slots <- struct{}{}:
		default:
			s.fail(w, &requestError{http.StatusServiceUnavailable, "too many requests at a time; nothing was done"})
			return
		}
		defer func() { <-s.slots }()
		next.ServeHTTP(w, r)
	})
}

// route finds the handler by path and method.
func (s *service) route(w http.ResponseWriter, r *http.Request) {
	if err := s.dispatch(w, r); err != nil {
		s.fail(w, err)
	}
}

func (s *service) dispatch(w http.ResponseWriter, r *http.Request) error {
	path := r.URL.EscapedPath()
	if escaped, found := strings.CutPrefix(path, "/v1/kv/"); found {
		key, err := url.PathUnescape(escaped)
		if err != nil {
			return badRequest("key is not path-escaped")
		}
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			return s.getRecord(w, r, key)
		case http.MethodPut:
			return s.putRecord(w, r, key)
		case http.MethodDelete:
			return s.deleteRecord(w, r, key)
		}
		return wrongMethod(w, "GET, HEAD, PUT, DELETE")
	}
	switch path {
	case "/v1/scan":
		if r.Method != http.MethodGet {
			return wrongMethod(w, "GET")
		}
		return s.scan(w, r)
	case "/v1/batch":
		if r.Method != http.MethodPost {
			return wrongMethod(w, "POST")
		}
		return s.batch(w, r)
	case "/v1/stats":
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			return wrongMethod(w, "GET, HEAD")
		}
		return s.stats(w, r)
	case "/":
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			return wrongMethod(w, "GET, HEAD")
		}
		return s.page.serve(w)
	}
	return &requestError{http.StatusNotFound, "no such path; see / and /v1/stats"}
}

func wrongMethod(w http.ResponseWriter, allow string) error {
	w.Header().Set("Allow", allow)
	return &requestError{http.StatusMethodNotAllowed, "method not allowed; use " + allow}
}
