package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/redis/rueidis"
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
		server, err := exec.LookPath("redis-server")
		if err != nil {
			return nil, fmt.Errorf("%w: redis-server is not installed (Debian: redis-server)", errMissing)
		}
		if dir, err = os.MkdirTemp(dir, "redis-"); err != nil {
			return nil, err
		}
		log := map[bool]string{true: "yes", false: "no"}[sync != "no"]
		socket := filepath.Join(dir, "s")
		cmd := exec.Command(server, "--port", "0", "--unixsocket", socket, "--dir", dir, "--daemonize", "no",
			"--save", "", "--appendonly", log, "--appendfsync", sync, "--loglevel", "warning")
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		client, err := connect(ctx, socket)
		if err != nil {
			return nil, errors.Join(err, end(cmd))
		}
		return onSCS(redisStore{client}, counting, unwrapped, func() error {
			client.Close()
			return end(cmd)
		}), nil
	}
}

// connect waits for the server, five seconds at most.
func connect(ctx context.Context, socket string) (client rueidis.Client, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		client, err = rueidis.NewClient(rueidis.ClientOption{
			InitAddress: []string{socket}, ForceSingleClient: true, DisableCache: true,
			DialCtxFn: func(ctx context.Context, address string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
				return d.DialContext(ctx, "unix", address)
			},
		})
		if err == nil {
			return client, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("redis-server does not answer: %w", err)
		case <-tick.C:
		}
	}
}

// end ends the server, and waits for it.
func end(cmd *exec.Cmd) error {
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	return cmd.Wait()
}
