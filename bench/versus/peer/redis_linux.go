package peer

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
	"github.com/stratakv/strata/bench/versus/records"
)

// Server is a redis-server of one's own, on a Unix socket.
type Server struct {
	cmd    *exec.Cmd
	socket string
	admin  rueidis.Client
}

// StartRedis starts a server whose files are in dir. sync is its appendfsync;
// "no": it has no log at all. It makes no snapshots and does not rewrite its
// log, so that neither disturbs it while it is measured.
func StartRedis(ctx context.Context, dir, sync string) (*Server, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("%w: redis-server (Debian: redis-server)", ErrMissing)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	// A socket's path must be short, whatever dir is.
	sockets, err := os.MkdirTemp("", "strata-redis-")
	if err != nil {
		return nil, err
	}
	log := map[bool]string{true: "yes", false: "no"}[sync != "no"]
	s := &Server{socket: filepath.Join(sockets, "s")}
	s.cmd = exec.Command(path, "--port", "0", "--unixsocket", s.socket, "--dir", dir, "--daemonize", "no",
		"--save", "", "--appendonly", log, "--appendfsync", sync, "--auto-aof-rewrite-percentage", "0", "--loglevel", "warning")
	// A Ctrl-C is for this process, which ends the server when it has ended what uses it.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := s.cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(sockets))
	}
	if s.admin, err = s.connect(ctx); err != nil {
		return nil, errors.Join(err, s.end())
	}
	return s, nil
}

// connect waits for the server: it may have a log to read.
func (s *Server) connect(ctx context.Context) (client rueidis.Client, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		client, err = s.dial(rueidis.ClientOption{DisableCache: true})
		if err == nil {
			if err = client.Do(ctx, client.B().Ping().Build()).Error(); err == nil {
				return client, nil
			}
			client.Close()
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("redis-server does not answer: %w", err)
		case <-tick.C:
		}
	}
}

func (s *Server) dial(o rueidis.ClientOption) (rueidis.Client, error) {
	o.InitAddress, o.ForceSingleClient = []string{s.socket}, true
	o.DialCtxFn = func(ctx context.Context, address string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
		return d.DialContext(ctx, "unix", address)
	}
	return rueidis.NewClient(o)
}

// Sync sets appendfsync: "always" or "everysec".
func (s *Server) Sync(ctx context.Context, sync string) error {
	return s.admin.Do(ctx, s.admin.B().ConfigSet().ParameterValue().ParameterValue("appendfsync", sync).Build()).Error()
}

// Close ends the server and waits for it.
func (s *Server) Close() error {
	s.admin.Close()
	return s.end()
}

func (s *Server) end() error {
	err := s.cmd.Process.Signal(syscall.SIGTERM)
	if err != nil {
		err = errors.Join(err, s.cmd.Process.Kill())
	}
	return errors.Join(err, s.cmd.Wait(), os.RemoveAll(filepath.Dir(s.socket)))
}

// How a client talks to Redis.
type Mode int

// The modes.
const (
	// Pipelined is rueidis as it comes: callers share few connections, and what
	// they ask at once goes together.
	Pipelined Mode = iota
	// Alone has a connection for each caller, and one command on it at a time.
	Alone
	// Cached is Pipelined with reads from the client's own memory of CacheBytes,
	// which the server invalidates.
	Cached
)

// Redis is a client. Its records have a lifetime.
type Redis struct {
	client rueidis.Client
	cached bool
}

// Client connects. callers is for Alone.
func (s *Server) Client(mode Mode, callers int) (*Redis, error) {
	o := rueidis.ClientOption{DisableCache: mode != Cached, CacheSizeEachConn: CacheBytes}
	if mode == Alone {
		o.DisableAutoPipelining, o.BlockingPoolSize = true, callers
	}
	client, err := s.dial(o)
	if err != nil {
		return nil, err
	}
	return &Redis{client, mode == Cached}, nil
}

func (r *Redis) Get(ctx context.Context, key string) ([]byte, error) {
	get := r.client.B().Get().Key(key)
	if r.cached {
		return r.client.DoCache(ctx, get.Cache(), time.Hour).AsBytes()
	}
	return r.client.Do(ctx, get.Build()).AsBytes()
}

func (r *Redis) Set(ctx context.Context, key string, value []byte) error {
	return r.client.Do(ctx, r.set(key, value)).Error()
}

func (r *Redis) set(key string, value []byte) rueidis.Completed {
	return r.client.B().Set().Key(key).Value(rueidis.BinaryString(value)).Px(records.TTL).Build()
}

// Load pipelines a thousand at a time.
func (r *Redis) Load(ctx context.Context, n int, record func(int) (string, []byte)) error {
	const each = 1000
	for first := 0; first < n; first += each {
		commands := make(rueidis.Commands, 0, each)
		for i := first; i < min(first+each, n); i++ {
			commands = append(commands, r.set(record(i)))
		}
		for _, answer := range r.client.DoMulti(ctx, commands...) {
			if err := answer.Error(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Client is rueidis's, for other commands. It ends with Close.
func (r *Redis) Client() rueidis.Client { return r.client }

func (r *Redis) Close() error {
	r.client.Close()
	return nil
}
