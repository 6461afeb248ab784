package session

import (
	"context"
	"time"

	"github.com/stratakv/strata/codec/value"
)

// Key gives typed access to one key of a session. Make it once, with [NewKey];
// it is safe for concurrent use, in all sessions and managers.
type Key[T any] struct {
	name  string
	codec value.Codec[T]
}

// NewKey makes a Key for the key of that name, whose values are encoded as CBOR:
// struct tags `cbor` and `json` hold.
func NewKey[T any](name string) Key[T] { return Key[T]{name: name, codec: value.CBOR[T]()} }

// Get gives the value in ctx's session. An error is an outage, or a value that
// is no T, never an absent one. It panics as From does.
func (k Key[T]) Get(ctx context.Context) (v T, found bool, err error) {
	return get(From(ctx), ctx, k.name, k.codec)
}

// Set puts v into ctx's session, as [Session.Set] does.
func (k Key[T]) Set(ctx context.Context, v T) error {
	return set(From(ctx), ctx, k.name, v, 0, k.codec)
}

// SetFor puts v into ctx's session for ttl at most, as [Session.SetFor] does.
func (k Key[T]) SetFor(ctx context.Context, v T, ttl time.Duration) error {
	if ttl <= 0 || ttl > maxLifetime {
		return argument("set", "lifetime is not positive or above 100 years")
	}
	return set(From(ctx), ctx, k.name, v, ttl, k.codec)
}

// Delete takes the key away from ctx's session.
func (k Key[T]) Delete(ctx context.Context) error { return From(ctx).remove(ctx, k.name) }

// Flash leaves v under the key for later requests, as [Session.Flash] does.
func (k Key[T]) Flash(ctx context.Context, v T) error {
	return leave(From(ctx), ctx, k.name, v, k.codec)
}

// Flashes gives what earlier requests left under the key, as [Session.Flashes]
// does.
func (k Key[T]) Flashes(ctx context.Context) ([]T, error) {
	return flashes(From(ctx), ctx, k.name, k.codec)
}

func get[T any](s *Session, ctx context.Context, key string, codec value.Codec[T]) (v T, found bool, err error) {
	data, found, err := s.raw(ctx, key)
	if err != nil || !found {
		return v, false, err
	}
	if err := codec.Decode(data, &v); err != nil {
		return v, false, outage("get", err)
	}
	return v, true, nil
}

func set[T any](s *Session, ctx context.Context, key string, v T, ttl time.Duration, codec value.Codec[T]) error {
	data, err := codec.Encode(v)
	if err != nil {
		return outage("set", err)
	}
	return s.put(ctx, key, data, ttl)
}
