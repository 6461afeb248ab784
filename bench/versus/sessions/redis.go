package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/redis/rueidis"

	"github.com/stratakv/strata/bench/versus/peer"
)

// redisStore keeps scs's sessions in Redis.
type redisStore struct{ client rueidis.Client }

func (s redisStore) Find(token string) ([]byte, bool, error) {
	b, err := s.client.Do(context.Background(), s.client.B().Get().Key(token).Build()).AsBytes()
	if rueidis.IsRedisNil(err) {
		return nil, false, nil
	}
	return b, err == nil, err
}

func (s redisStore) Commit(token string, b []byte, expiry time.Time) error {
	set := s.client.B().Set().Key(token).Value(rueidis.BinaryString(b)).PxatMillisecondsTimestamp(expiry.UnixMilli())
	return s.client.Do(context.Background(), set.Build()).Error()
}

func (s redisStore) Delete(token string) error {
	return s.client.Do(context.Background(), s.client.B().Del().Key(token).Build()).Error()
}

// openRedis starts a redis-server for a system of its own, on a Unix socket.
// sync is appendfsync, "no": without a log at all.
func openRedis(sync string) func(context.Context, string, bool) (*system, error) {
	return func(ctx context.Context, dir string, counting bool) (*system, error) {
		dir, err := os.MkdirTemp(dir, "redis-")
		if err != nil {
			return nil, err
		}
		server, err := peer.StartRedis(ctx, dir, sync)
		if errors.Is(err, peer.ErrMissing) {
			return nil, fmt.Errorf("%w: redis-server is not installed (Debian: redis-server)", errMissing)
		}
		if err != nil {
			return nil, err
		}
		client, err := server.Client(peer.Pipelined, 0)
		if err != nil {
			return nil, errors.Join(err, server.Close())
		}
		return onSCS(redisStore{client.Client()}, counting, unwrapped, func() error {
			return errors.Join(client.Close(), server.Close())
		}), nil
	}
}
