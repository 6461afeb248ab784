package tiered

import (
	"context"
	"time"

	"github.com/stratakv/strata/codec/value"
)

// Typed reads and writes values of one type under keys with one prefix. Its
// errors are the store's, and those of its value codec.
type Typed[T any] struct {
	s      *Store
	prefix string
	codec  value.Codec[T]
}

// TypedOption changes how a [Typed] works.
type TypedOption func(*typedOptions)

type typedOptions struct{ shared bool }

// Shared lets all callers of a process have the same decoded value of an L1
// entry: faster, and for values only that nobody changes. It has no effect yet; a
// caller must keep to it from now on.
func Shared() TypedOption { return func(o *typedOptions) { o.shared = true } }

// NewTyped makes a Typed over s for keys that begin with prefix.
func NewTyped[T any](s *Store, prefix string, c value.Codec[T], opts ...TypedOption) *Typed[T] {
	var o typedOptions
	for _, opt := range opts {
		opt(&o)
	}
	return &Typed[T]{s: s, prefix: prefix, codec: c}
}

// Get returns the live value of key. ErrNotFound: there is none.
func (t *Typed[T]) Get(ctx context.Context, key string) (T, error) {
	var v T
	err := t.s.View(ctx, t.prefix+key, func(b []byte) error {
		return wrap("decode", 0, t.codec.Decode(b, &v))
	})
	return v, err
}

// Set stores v under key as [Store.Set] does.
func (t *Typed[T]) Set(ctx context.Context, key string, v T, ttl time.Duration) error {
	b, err := t.codec.Encode(v)
	if err != nil {
		return wrap("encode", 0, err)
	}
	return t.s.Set(ctx, t.prefix+key, b, ttl)
}

// Delete removes key; that it is absent is no error.
func (t *Typed[T]) Delete(ctx context.Context, key string) error {
	return t.s.Delete(ctx, t.prefix+key)
}

// Update makes key's new value from its old one, atomically, as [Store.Update]
// does; fn may return [Keep] or [Remove]. It returns the value after the
// Update, the zero T if the record is absent then.
func (t *Typed[T]) Update(ctx context.Context, key string, fn func(old T, found bool) (T, time.Duration, error)) (T, error) {
	var now T
	it, err := t.s.Update(ctx, t.prefix+key, func(old Item, found bool) ([]byte, time.Duration, error) {
		var v T
		if found {
			if err := t.codec.Decode(old.Value, &v); err != nil {
				return nil, 0, err
			}
		}
		v, ttl, err := fn(v, found)
		if err != nil {
			return nil, 0, err
		}
		b, err := t.codec.Encode(v)
		return b, ttl, err
	})
	if err != nil || it.Version == 0 {
		return now, err
	}
	return now, wrap("decode", 0, t.codec.Decode(it.Value, &now))
}
