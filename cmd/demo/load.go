package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	maxWorkers = 4096
	maxKeys    = 10_000_000
)

type loadConfig struct {
	url      string
	duration time.Duration
	workers  int
	writes   float64 // the part of the operations, 0 to 1
	keys     int
}

func parseLoadFlags(args []string, stdout io.Writer) (loadConfig, error) {
	var c loadConfig
	var writes string
	flags := flag.NewFlagSet("demo load", flag.ContinueOnError)
	flags.StringVar(&c.url, "url", "http://127.0.0.1:8080", "`URL` of the demo")
	flags.DurationVar(&c.duration, "d", 10*time.Second, "`duration` of the load, after the keys are filled")
	flags.IntVar(&c.workers, "c", 64, "`connections`, each with one request at a time")
	flags.StringVar(&writes, "write", "10%", "`percent` of the operations that write")
	flags.IntVar(&c.keys, "keys", 10_000, "`number` of sessions")
	if err := parseFlags(flags, args, stdout, "demo load [flags]"); err != nil {
		return c, err
	}
	base, err := url.Parse(c.url)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.RawQuery != "" {
		return c, usageError{fmt.Errorf("-url %q is not http://host:port", c.url)}
	}
	c.url = strings.TrimRight(c.url, "/")
	percent, err := strconv.ParseFloat(strings.TrimSuffix(writes, "%"), 64)
	switch {
	case err != nil || !(percent >= 0 && percent <= 100):
		return c, usageError{fmt.Errorf("-write %q is not a percentage", writes)}
	case c.duration <= 0:
		return c, usageError{errors.New("-d must be above 0")}
	case c.workers < 1 || c.workers > maxWorkers:
		return c, usageError{fmt.Errorf("-c must be 1 to %d", maxWorkers)}
	case c.keys < 1 || c.keys > maxKeys:
		return c, usageError{fmt.Errorf("-keys must be 1 to %d", maxKeys)}
	}
	c.writes = percent / 100
	return c, nil
}

// load fills the keys, runs the workers until the time is over or ctx ends, and
// prints the table. It is an error if any answer was wrong or failed.
func load(ctx context.Context, args []string, stdout, _ io.Writer) error {
	c, err := parseLoadFlags(args, stdout)
	if err != nil {
		return err
	}
	transport := &http.Transport{
		MaxConnsPerHost:     c.workers,
		MaxIdleConns:        c.workers,
		MaxIdleConnsPerHost: c.workers,
		DisableCompression:  true,
	}
	defer transport.CloseIdleConnections()
	l := &loader{
		config: c,
		client: &http.Client{
			Transport:     transport,
			Timeout:       30 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		ledger: newLedger(c.keys),
		begun:  time.Now(),
	}
	fmt.Fprintf(stdout, "filling %s sessions at %s\n", grouped(uint64(c.keys)), c.url)
	if err := l.fill(ctx); err != nil {
		return err
	}
	took := l.runWorkers(ctx, stdout)
	l.printTable(stdout, took)
	if wrong, failed := l.wrong.total(), l.failed.total(); wrong > 0 || failed > 0 {
		return fmt.Errorf("%s wrong answers, %s errors", grouped(wrong), grouped(failed))
	}
	if l.get.count()+l.put.count() == 0 {
		return errors.New("ended before any answer")
	}
	return nil
}

// loader is one run of the generator.
type loader struct {
	config loadConfig
	client *http.Client
	ledger *ledger
	begun  time.Time

	get, put      operation
	wrong, failed tally // answers that break a promise; requests without a proper answer
}

// runWorkers runs the load and returns how long it took. Requests that are
// running at the end are waited for, so that none counts as failed.
func (l *loader) runWorkers(ctx context.Context, stdout io.Writer) time.Duration {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(ctx, l.config.duration)
	defer cancel()
	var workers, progress sync.WaitGroup
	for n := range l.config.workers {
		workers.Go(func() { newWorker(l, n).run(ctx) })
	}
	if isTerminal(stdout) {
		progress.Go(func() { l.showProgress(ctx, stdout, begun) })
	}
	workers.Wait()
	took := time.Since(begun)
	cancel()
	progress.Wait()
	return took
}

func (l *loader) showProgress(ctx context.Context, stdout io.Writer, begun time.Time) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var before uint64
	for {
		select {
		case <-ctx.Done():
			fmt.Fprint(stdout, "\r\x1b[K")
			return
		case <-tick.C:
		}
		now := l.get.count() + l.put.count()
		fmt.Fprintf(stdout, "\r\x1b[K%v  %s ops/s  %s errors  %s wrong", time.Since(begun).Round(time.Second),
			grouped(now-before), grouped(l.failed.total()), grouped(l.wrong.total()))
		before = now
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
