package session

import (
	"context"
	"slices"
	"unicode/utf8"

	"github.com/stratakv/strata/codec/value"
)

// maxFlashes is how many flashes a session holds; older ones give way.
const maxFlashes = 64

// Flash leaves v under key for later requests: the first that calls Flashes for
// the key gets it, after what was left there before. A session holds 64 of them
// at most; the oldest give way. ErrArgument: key is not UTF-8.
func (s *Session) Flash(key string, v any) error { return leave(s, s.ctx, key, v, s.m.values) }

// Flashes gives what earlier requests left under key, oldest first, and takes it
// away when the request is committed, unless KeepFlash is called. What this
// request leaves is not among them. If the request changes nothing else, that it
// cannot be saved is no error: the flashes are then shown again.
func (s *Session) Flashes(key string) ([]any, error) { return flashes(s, s.ctx, key, s.m.values) }

// KeepFlash keeps the flashes of keys, all without keys, for another request
// although this one was given them.
func (s *Session) KeepFlash(keys ...string) error {
	return s.change(s.ctx, "keep flash", func() error {
		if len(keys) == 0 {
			s.mine.keepAll = true
		}
		if s.mine.keep == nil {
			s.mine.keep = make(map[string]bool)
		}
		for _, key := range keys {
			s.mine.keep[key] = true
		}
		return nil
	})
}

func leave[T any](s *Session, ctx context.Context, key string, v T, codec value.Codec[T]) error {
	if !utf8.ValidString(key) {
		return argument("flash", "key is not UTF-8")
	}
	data, err := codec.Encode(v)
	if err != nil {
		return outage("flash", err)
	}
	return s.change(ctx, "flash", func() error {
		s.mine.flashes = append(s.mine.flashes, flash{key: key, value: data})
		return nil
	})
}

func flashes[T any](s *Session, ctx context.Context, key string, codec value.Codec[T]) ([]T, error) {
	found, err := s.show(ctx, key)
	if err != nil {
		return nil, err
	}
	values := make([]T, len(found))
	for i, f := range found {
		if err := codec.Decode(f.value, &values[i]); err != nil {
			return nil, outage("flashes", err)
		}
	}
	return values, nil
}

// show gives the flashes of key, and notes that they were given out. After a
// failed load it is no attempt at a change.
func (s *Session) show(ctx context.Context, key string) (found []flash, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.open(ctx, "flashes"); err != nil || s.base == nil {
		return nil, err
	}
	for _, f := range s.base.flashes {
		if f.key != key {
			continue
		}
		found = append(found, f)
		if !slices.Contains(s.mine.shown, f.generation) {
			s.mine.shown = append(s.mine.shown, f.generation)
		}
	}
	return found, nil
}

// goes reports whether c takes f away.
func (c *changes) goes(f flash) bool {
	return slices.Contains(c.shown, f.generation) && !c.keepAll && !c.keep[f.key]
}
