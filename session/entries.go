package session

import (
	"context"
	"slices"
	"time"
	"unicode/utf8"
)

// Get gives the value of key, decoded for the caller: nil, bool, int64 (or
// big.Int), float64, string, []byte, []any, map[string]any or time.Time. Use a
// [Key] for other types. An error is an outage or a value that cannot be
// decoded, never an absent one.
func (s *Session) Get(key string) (v any, found bool, err error) {
	return get(s, s.ctx, key, s.m.values)
}

// raw gives the bytes of key's value.
func (s *Session) raw(ctx context.Context, key string) (data []byte, found bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.load(ctx); err != nil {
		return nil, false, err
	}
	e, found := s.entry(key)
	return e.value, found, nil
}

// entry is the live entry of key as this request sees it.
func (s *Session) entry(key string) (e entry, found bool) {
	if mine, touched := s.mine.values[key]; touched {
		if mine == nil {
			return entry{}, false
		}
		e, found = *mine, true
	} else if s.base != nil {
		e, found = s.base.entry(key)
	}
	if found && e.expires != 0 {
		found = e.live(s.m.now())
	}
	return e, found
}

// Set puts v under key. v is encoded at once. ErrArgument: key is not UTF-8.
func (s *Session) Set(key string, v any) error { return set(s, s.ctx, key, v, 0, s.m.values) }

// SetFor is Set for ttl at most: after that the key is absent, whether the
// session lives on or not. Using the session does not extend it. ErrArgument:
// ttl is not positive or above 100 years.
func (s *Session) SetFor(key string, v any, ttl time.Duration) error {
	if ttl <= 0 || ttl > maxLifetime {
		return argument("set", "lifetime is not positive or above 100 years")
	}
	return set(s, s.ctx, key, v, ttl, s.m.values)
}

// put puts an encoded value under key.
func (s *Session) put(ctx context.Context, key string, data []byte, ttl time.Duration) error {
	if !utf8.ValidString(key) {
		return argument("set", "key is not UTF-8")
	}
	return s.change(ctx, "set", func() error {
		e := &entry{key: key, value: data}
		if ttl > 0 {
			e.expires = s.m.now() + milliseconds(ttl)
		}
		s.mine.put(key, e)
		return nil
	})
}

func (c *changes) put(key string, e *entry) {
	if c.values == nil {
		c.values = make(map[string]*entry)
	}
	c.values[key] = e
}

// Delete takes key away; that it is absent is no error.
func (s *Session) Delete(key string) error { return s.remove(s.ctx, key) }

func (s *Session) remove(ctx context.Context, key string) error {
	return s.change(ctx, "delete", func() error {
		s.mine.put(key, nil)
		return nil
	})
}

// Clear takes away all keys that this request sees. Flashes, user and lifetimes
// stay. Keys that another request adds meanwhile stay too.
func (s *Session) Clear() error {
	return s.change(s.ctx, "clear", func() error {
		for _, key := range s.keys() {
			s.mine.put(key, nil)
		}
		return nil
	})
}

// Keys gives the keys that have a value, in the order of their bytes.
func (s *Session) Keys() ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.use(); err != nil {
		return nil, err
	}
	return s.keys(), nil
}

func (s *Session) keys() []string {
	var keys []string
	add := func(key string) {
		if _, found := s.entry(key); found {
			keys = append(keys, key)
		}
	}
	for key := range s.mine.values {
		add(key)
	}
	if s.base != nil {
		for _, e := range s.base.values {
			if _, twice := s.mine.values[e.key]; !twice {
				add(e.key)
			}
		}
	}
	slices.Sort(keys)
	return keys
}
