package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/stratakv/strata/tiered"
)

const (
	// maxHeaderBytes leaves room for the longest key with every byte escaped.
	maxHeaderBytes = 3*tiered.MaxKeyBytes + 32<<10
	// drainTime is what requests that are running get to finish.
	drainTime = 10 * time.Second
)

type serveConfig struct {
	addr   string
	dir    string
	memory bool
}

func parseServeFlags(args []string, stdout io.Writer) (serveConfig, error) {
	var c serveConfig
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.StringVar(&c.addr, "addr", "127.0.0.1:8080", "`host:port` to listen on; port 0: any free one")
	flags.StringVar(&c.dir, "dir", "", "`directory` of the store (default: strata-demo in the user's cache directory)")
	flags.BoolVar(&c.memory, "memory", false, "use the memory store; nothing stays")
	if err := parseFlags(flags, args, stdout, "demo [flags]   or   demo load [flags]"); err != nil {
		return c, err
	}
	if c.memory && c.dir != "" {
		return c, usageError{errors.New("-memory and -dir exclude each other")}
	}
	if _, _, err := net.SplitHostPort(c.addr); err != nil {
		return c, usageError{fmt.Errorf("-addr %q is not host:port", c.addr)}
	}
	if !c.memory && c.dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return c, fmt.Errorf("no cache directory for the store (%w); give -dir or -memory", err)
		}
		c.dir = filepath.Join(cache, "strata-demo")
	}
	return c, nil
}

// serve runs the service until ctx ends, then drains it and closes the store.
// It listens first: with the port taken, the directory stays untouched.
func serve(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	c, err := parseServeFlags(args, stdout)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", c.addr)
	if err != nil {
		return fmt.Errorf("%w (any free port: -addr 127.0.0.1:0)", err)
	}
	defer ln.Close() // closed already once the server ran
	st, disk, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := st.Close(); closeErr != nil {
			err = errors.Join(err, fmt.Errorf("closing the store: %w", closeErr))
		}
		if err == nil {
			fmt.Fprintln(stdout, "drained and closed")
		}
	}()
	c.greet(stdout, ln.Addr(), disk, st.Stats().Durable)
	log := slog.New(slog.NewTextHandler(stderr, nil))
	srv := newServer(newService(st, log).handler(c.addr), log)
	return serveUntil(ctx, srv, ln, drainTime)
}

// open opens the store and measures its disk.
func (c serveConfig) open(ctx context.Context) (*tiered.Store, diskReport, error) {
	var disk diskReport
	if !c.memory {
		err := os.MkdirAll(c.dir, 0o700)
		if err == nil {
			disk, err = probeDisk(c.dir)
		}
		if err != nil {
			return nil, disk, fmt.Errorf("directory of the store: %w (another one: -dir; none: -memory)", err)
		}
	}
	st, err := openStore(ctx, c.dir, c.memory)
	if errors.Is(err, tiered.ErrLocked) {
		return nil, disk, fmt.Errorf("the process that has %s open does not answer (another directory: -dir; none: -memory)", c.dir)
	}
	if err != nil {
		return nil, disk, fmt.Errorf("store in %s: %w", c.dir, err)
	}
	return st, disk, nil
}

// greet tells where everything is, and a line to try.
func (c serveConfig) greet(out io.Writer, at net.Addr, disk diskReport, durable bool) {
	base := "http://" + browsable(c.addr, at)
	fmt.Fprintf(out, "strata demo on %s/\n", base)
	switch {
	case c.memory:
		fmt.Fprintln(out, "  store  in memory; nothing stays when this ends")
	case durable:
		fmt.Fprintf(out, "  store  %s (%s)\n", c.dir, disk)
	default:
		fmt.Fprintf(out, "  store  %s (%s; survives a restart of this process, not of the machine)\n", c.dir, disk)
	}
	fmt.Fprintf(out, "  try    curl -i -X PUT -d world '%s/v1/kv/hello?ttl=30m'; curl -i %s/v1/kv/hello\n", base, base)
	fmt.Fprintf(out, "  load   go run ./cmd/demo load -url %s -d 10s\n", base)
	fmt.Fprintln(out, "  end    Ctrl-C finishes what runs and closes the store")
}

// browsable gives the host and port under which the listener answers here.
func browsable(addr string, at net.Addr) string {
	host, _, _ := net.SplitHostPort(addr) // checked with the flags
	_, port, err := net.SplitHostPort(at.String())
	if err != nil {
		return at.String()
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       2 * time.Minute, // scan lifts it, and has a write deadline of its own
		WriteTimeout:      3 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// serveUntil serves on ln until ctx ends; then it takes no more connections,
// lets the requests that are running finish within drain, and returns when the
// last one has. After drain it cuts them off and says so.
func serveUntil(ctx context.Context, srv *http.Server, ln net.Listener, drain time.Duration) error {
	requests, cut := context.WithCancel(context.Background())
	defer cut()
	srv.BaseContext = func(net.Listener) context.Context { return requests }
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ln) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	err := srv.Shutdown(limit)
	<-ended
	if err != nil {
		_ = srv.Close() // the listener is closed already; only connections are left
		cut()           // after that: nothing that gives up answers any more
		return fmt.Errorf("requests still running after %v were cut off", drain)
	}
	return nil
}
