package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stratakv/strata/bench/versus/measure"
)

// load is a mix of requests.
type load struct {
	name string
	page func(n int) string // of a client's n-th request
}

var loads = []load{
	{"read", func(int) string { return "/read" }},
	{"mixed", func(n int) string {
		if n%10 == 9 {
			return "/visit"
		}
		return "/read"
	}},
	{"login", func(int) string { return "/login" }},
}

// entrant is a system with its clients and what was measured.
type entrant struct {
	name     string
	survives string
	missing  error // why there is no system
	system   *system
	clients  []*client
	calls    map[string]callsPerRequest // of each load, if there is a store
	results  map[string][]result        // of each load, by round
}

type callsPerRequest struct{ reads, writes float64 }

// result is one measurement.
type result struct {
	perSecond float64
	p99       time.Duration
}

// openAll opens all systems and counts their calls. What it gives has to be
// closed, with an error too.
func openAll(ctx context.Context, dir string, set settings) (all []*entrant, err error) {
	for _, s := range systems {
		e := &entrant{name: s.name, survives: s.survives, results: map[string][]result{}}
		all = append(all, e)
		counted, err := s.open(ctx, dir, true)
		if errors.Is(err, errMissing) {
			e.missing = err
			continue
		}
		if err == nil {
			err = errors.Join(e.count(ctx, counted, set), counted.close())
		}
		if err == nil {
			e.system, err = s.open(ctx, dir, false)
		}
		if err == nil {
			e.clients, err = begin(ctx, e.system.handler, set.clients, set.sessions)
		}
		if err != nil {
			return all, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return all, nil
}

func (e *entrant) close() error {
	if e.system == nil {
		return nil
	}
	return e.system.close()
}

// count counts the calls of each load's requests, one after the other.
func (e *entrant) count(ctx context.Context, s *system, set settings) error {
	e.calls = map[string]callsPerRequest{}
	if s.counts == nil {
		return nil
	}
	clients, err := begin(ctx, s.handler, 1, set.sessions)
	if err != nil {
		return err
	}
	for _, l := range loads {
		before := s.counts()
		for n := range set.counted {
			if err := clients[0].ask(s.handler, l.page(n)); err != nil {
				return err
			}
		}
		after, n := s.counts(), float64(set.counted)
		e.calls[l.name] = callsPerRequest{float64(after.reads-before.reads) / n, float64(after.writes-before.writes) / n}
	}
	return nil
}

// measure lets e's clients send requests of l for a while.
func (e *entrant) measure(ctx context.Context, l load, set settings) error {
	if e.system == nil {
		return nil
	}
	if err := warm(e.system.handler, e.clients); err != nil {
		return err
	}
	runtime.GC()
	var stop atomic.Bool
	timer := time.AfterFunc(set.length, func() { stop.Store(true) })
	defer timer.Stop()
	start := time.Now()
	times, err := together(e.clients, func(c *client, times *measure.Histogram) error {
		for n := 0; !stop.Load() && ctx.Err() == nil; n++ {
			begin := time.Now()
			if err := c.ask(e.system.handler, l.page(n)); err != nil {
				return err
			}
			times.Add(time.Since(begin))
		}
		return ctx.Err()
	})
	took := time.Since(start)
	e.results[l.name] = append(e.results[l.name], result{float64(times.Count()) / took.Seconds(), times.Quantile(0.99)})
	return err
}

// begin makes clients with sessions.
func begin(ctx context.Context, h http.Handler, clients, sessions int) ([]*client, error) {
	all := make([]*client, clients)
	for i := range all {
		all[i] = newClient(ctx, sessions)
	}
	_, err := together(all, func(c *client, _ *measure.Histogram) error {
		for range c.cookies {
			if err := c.ask(h, "/begin"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, warm(h, all)
}

// warm reads every session once, so that none is new, or due to be written
// because of its age, while it is measured.
func warm(h http.Handler, all []*client) error {
	_, err := together(all, func(c *client, _ *measure.Histogram) error {
		for range c.cookies {
			if err := c.ask(h, "/read"); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// together runs do for all clients at once, and adds up their times.
func together(all []*client, do func(*client, *measure.Histogram) error) (*measure.Histogram, error) {
	var running sync.WaitGroup
	times, errs := make([]measure.Histogram, len(all)), make([]error, len(all))
	for i, c := range all {
		running.Go(func() { errs[i] = do(c, &times[i]) })
	}
	running.Wait()
	sum := new(measure.Histogram)
	for i := range times {
		sum.Merge(&times[i])
	}
	return sum, errors.Join(errs...)
}
