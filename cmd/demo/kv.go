package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/stratakv/strata/tiered"
)

// getRecord answers GET and HEAD. Cache-Control makes a cache ask again each
// time, in spite of Expires: a record may be replaced long before its deadline.
func (s *service) getRecord(w http.ResponseWriter, r *http.Request, key string) error {
	if _, err := queryOf(r); err != nil {
		return err
	}
	it, err := s.store.GetItem(r.Context(), key)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", etag(it.Version))
	h.Set("X-Strata-Tier", it.Tier.String())
	if !it.Expires.IsZero() {
		h.Set("Expires", it.Expires.UTC().Format(http.TimeFormat))
	}
	// ServeContent answers If-Match, If-None-Match, Range and HEAD from the tag.
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(it.Value))
	return nil
}

// putRecord answers PUT.
func (s *service) putRecord(w http.ResponseWriter, r *http.Request, key string) error {
	query, err := queryOf(r, "ttl")
	if err != nil {
		return err
	}
	var ttl time.Duration
	if query.Has("ttl") {
		if ttl, err = parseTTL(query.Get("ttl")); err != nil {
			return badRequest("ttl: %v", err)
		}
	}
	cond, err := parseCondition(r.Header)
	if err != nil {
		return err
	}
	value, release, err := s.bodies.read(w, r, maxValueBytes)
	if err != nil {
		return err
	}
	defer release()
	it, err := s.put(r.Context(), cond, key, value, ttl)
	if err != nil {
		return s.withCurrent(w, r, key, it, err)
	}
	w.Header().Set("ETag", etag(it.Version))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// put writes under cond. It returns the record as written, or with ErrVersion
// the one that refused the write, if it is known.
func (s *service) put(ctx context.Context, cond condition, key string, value []byte, ttl time.Duration) (tiered.Item, error) {
	switch cond.kind {
	case never:
		return tiered.Item{}, tiered.ErrVersion
	case ifAbsent:
		return s.store.CompareAndSet(ctx, key, 0, value, ttl)
	case ifVersion:
		return s.store.CompareAndSet(ctx, key, cond.version, value, ttl)
	case ifPresent:
		return s.store.Update(ctx, key, func(_ tiered.Item, found bool) ([]byte, time.Duration, error) {
			if !found {
				return nil, 0, tiered.ErrVersion
			}
			return value, ttl, nil
		})
	}
	return s.store.Put(ctx, key, value, ttl)
}

// deleteRecord answers DELETE.
func (s *service) deleteRecord(w http.ResponseWriter, r *http.Request, key string) error {
	if _, err := queryOf(r); err != nil {
		return err
	}
	cond, err := parseCondition(r.Header)
	if err != nil {
		return err
	}
	if err := s.remove(r.Context(), cond, key); err != nil {
		return s.withCurrent(w, r, key, tiered.Item{}, err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *service) remove(ctx context.Context, cond condition, key string) error {
	switch cond.kind {
	case never:
		return tiered.ErrVersion
	case ifAbsent:
		return badRequest("If-None-Match has no meaning with DELETE")
	case ifVersion:
		return s.store.CompareAndDelete(ctx, key, cond.version)
	case ifPresent:
		_, err := s.store.Update(ctx, key, func(_ tiered.Item, found bool) ([]byte, time.Duration, error) {
			if !found {
				return nil, 0, tiered.ErrVersion
			}
			return nil, 0, tiered.Remove
		})
		return err
	}
	return s.store.Delete(ctx, key)
}

// withCurrent adds the current ETag to the answer of a refused condition: that
// of it, or else of what is there now.
func (s *service) withCurrent(w http.ResponseWriter, r *http.Request, key string, it tiered.Item, err error) error {
	if !errors.Is(err, tiered.ErrVersion) {
		return err
	}
	if it.Version == 0 {
		if now, getErr := s.store.GetItem(r.Context(), key); getErr == nil {
			it = now
		}
	}
	if it.Version != 0 {
		w.Header().Set("ETag", etag(it.Version))
	}
	return err
}

// queryOf parses the query and refuses what is not in allowed: a misspelt ttl
// must not become a record without one.
func queryOf(r *http.Request, allowed ...string) (url.Values, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badRequest("query is malformed")
	}
	for name, values := range query {
		if !slices.Contains(allowed, name) {
			return nil, badRequest("unknown query parameter %s (a ? in a key is written %%3F)", short(name))
		}
		if len(values) > 1 {
			return nil, badRequest("query parameter %s is given twice", name)
		}
	}
	return query, nil
}

// parseTTL reads a lifetime; zero means no expiry.
func parseTTL(text string) (time.Duration, error) {
	ttl, err := time.ParseDuration(text)
	if err != nil || ttl < 0 || strings.HasPrefix(text, "-") {
		return 0, errors.New("want a duration such as 30m or 24h, or 0 for no expiry")
	}
	return ttl, nil
}
