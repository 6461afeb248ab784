package tiered

import (
	"context"
	"reflect"
	"time"
	"unsafe"

	"github.com/stratakv/strata/codec/value"
)

// Typed reads and writes values of one type under keys with one prefix. Its
// errors are the store's, and those of its value codec.
type Typed[T any] struct {
	s      *Store
	prefix string
	codec  value.Codec[T]
	// maker stands for what decodes, where values are shared: those that another
	// maker has left with an entry are not this one's. nil: not shared.
	maker any
}

// TypedOption changes how a [Typed] works.
type TypedOption func(*typedOptions)

type typedOptions struct{ shared bool }

// Shared lets all callers of a process have the same decoded value of an L1
// entry: it is decoded once, by the first Get that finds or makes the entry, and
// a hit after that allocates nothing of its own. It is for values only that
// nobody changes. What Update gives to its function is always its own.
//
// A decoded value is as fresh as the entry that it is kept with, and goes with it;
// it counts against Options.L1Bytes by a rough guess. Two Typed over the same keys
// have it together if their codecs are equal; else the one who came last.
func Shared() TypedOption { return func(o *typedOptions) { o.shared = true } }

// NewTyped makes a Typed over s for keys that begin with prefix.
func NewTyped[T any](s *Store, prefix string, c value.Codec[T], opts ...TypedOption) *Typed[T] {
	var o typedOptions
	for _, opt := range opts {
		opt(&o)
	}
	t := &Typed[T]{s: s, prefix: prefix, codec: c}
	if o.shared {
		t.maker = t
		if reflect.ValueOf(c).Comparable() {
			t.maker = c
		}
	}
	return t
}

// Get returns the live value of key. ErrNotFound: there is none.
func (t *Typed[T]) Get(ctx context.Context, key string) (T, error) {
	if t.maker != nil {
		return t.getShared(ctx, key)
	}
	var v T
	err := t.s.View(ctx, t.prefix+key, func(b []byte) error {
		return wrap("decode", 0, t.codec.Decode(b, &v))
	})
	return v, err
}

// keyRoom is the longest full key that needs no memory of its own on a hit.
const keyRoom = 128

// getShared is Get of a value that others may have, too.
func (t *Typed[T]) getShared(ctx context.Context, key string) (v T, err error) {
	var room [keyRoom]byte
	full := append(append(room[:0], t.prefix...), key...)
	// peekDecoded keeps nothing of the key, which is not written to any more.
	kept, p, hit := t.s.peekDecoded(ctx, unsafe.String(unsafe.SliceData(full), len(full)), t.maker)
	if v, ok := kept.value.(T); ok {
		return v, nil
	}
	return t.share(ctx, string(full), kept, p, hit)
}

// share decodes what a hit has, or what it finds, and leaves that for others.
func (t *Typed[T]) share(ctx context.Context, key string, kept decodable, p place, hit bool) (T, error) {
	var v T
	if !hit {
		f, err := t.s.find(ctx, "view", key, p)
		if err != nil {
			return v, err
		}
		kept = decodable{raw: f.Value, version: f.Version}
	}
	if err := t.codec.Decode(kept.raw, &v); err != nil {
		return v, wrap("decode", 0, err)
	}
	t.s.keepDecoded(key, p, kept.version, t.maker, v)
	return v, nil
}

// decodable is what an L1 hit has for a Typed.
type decodable struct {
	value   any    // decoded, nil: not yet
	raw     []byte // lent
	version uint64
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
