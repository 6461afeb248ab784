//go:build !wasm

package tiered_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/tiered/tier"
)

const far = 100 * time.Hour

// recorder runs random operations against a store and keeps their history.
type recorder struct {
	s     *tiered.Store
	keys  []string
	start time.Time
	uniq  atomic.Int64

	mu      sync.Mutex // guards history
	history []porcupine.Operation
}

// worker does n operations; each goroutine has its own.
func (r *recorder) worker(id, n int, rng *rand.Rand) error {
	known := map[string]uint64{} // versions seen, for compare-and-set
	for range n {
		key := r.keys[rng.IntN(len(r.keys))]
		var e event
		var err error
		call, before := time.Since(r.start), r.s.NowMilli()
		switch rng.IntN(14) {
		case 0, 1, 2, 3:
			e, err = r.get(key, rng)
		case 4, 5:
			e, err = r.set(key, before, rng)
		case 6:
			e, err = event{Kind: "delete"}, r.s.Delete(context.Background(), key)
		case 7, 8, 9:
			e, err = r.cas(key, known[key], rng)
		case 10, 11:
			e, err = r.update(key)
		case 12:
			e, err = r.touch(key)
		case 13:
			if err := r.batch(id, call, before); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", e.Kind, err)
		}
		if e.Version != 0 {
			known[key] = e.Version
		}
		e.Key = key
		r.record(id, e, call, before)
	}
	return nil
}

func (r *recorder) record(id int, e event, call time.Duration, before int64) {
	e.Before, e.After = before, r.s.NowMilli()
	back := time.Since(r.start)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history = append(r.history, porcupine.Operation{ClientId: id, Input: e, Call: int64(call), Return: int64(back)})
}

func (r *recorder) unique() string { return fmt.Sprint(r.uniq.Add(1)) }

func (r *recorder) get(key string, rng *rand.Rand) (event, error) {
	if rng.IntN(4) == 0 {
		for it, err := range r.s.Scan(context.Background(), key) {
			return event{Kind: "get", OK: true, Seen: string(it.Value), Version: it.Version}, err
		}
		return event{Kind: "get"}, nil
	}
	it, err := r.s.GetItem(context.Background(), key)
	if errors.Is(err, tiered.ErrNotFound) {
		return event{Kind: "get"}, nil
	}
	return event{Kind: "get", OK: true, Seen: string(it.Value), Version: it.Version}, err
}

// set gives deadlines that come soon, so that records expire all the time.
func (r *recorder) set(key string, now int64, rng *rand.Rand) (event, error) {
	value := r.unique()
	it := tiered.Item{Key: key, Value: []byte(value)}
	if rng.IntN(3) > 0 {
		it.Expires = time.UnixMilli(now + 20 + rng.Int64N(60))
	}
	it, err := r.s.SetItem(context.Background(), it)
	return event{Kind: "set", Value: value, Version: it.Version, Deadline: ms(it)}, err
}

func (r *recorder) cas(key string, version uint64, rng *rand.Rand) (event, error) {
	if rng.IntN(3) == 0 {
		version = 0
	}
	value := r.unique()
	it, err := r.s.CompareAndSet(context.Background(), key, version, []byte(value), far)
	e := event{Kind: "cas", Value: value, Expect: version}
	switch {
	case err == nil:
		e.OK, e.Version, e.Deadline = true, it.Version, ms(it)
	case errors.Is(err, tiered.ErrVersion):
		e.Found, e.Seen, e.Version, err = it.Version != 0, string(it.Value), it.Version, nil
	}
	return e, err
}

func (r *recorder) update(key string) (event, error) {
	e := event{Kind: "rmw", OK: true, Value: r.unique()}
	it, err := r.s.Update(context.Background(), key, func(old tiered.Item, found bool) ([]byte, time.Duration, error) {
		e.Found, e.Seen = found, string(old.Value)
		return []byte(e.Value), tiered.KeepTTL, nil
	})
	e.Version, e.Deadline = it.Version, ms(it)
	return e, err
}

func (r *recorder) touch(key string) (event, error) {
	err := r.s.Touch(context.Background(), key, far)
	if errors.Is(err, tiered.ErrNotFound) {
		return event{Kind: "touch"}, nil
	}
	return event{Kind: "touch", OK: true, Deadline: r.s.NowMilli() + far.Milliseconds()}, err
}

// batch sets all keys at once.
func (r *recorder) batch(id int, call time.Duration, before int64) error {
	var b tiered.Batch
	values := make([]string, len(r.keys))
	for i, key := range r.keys {
		values[i] = r.unique()
		b.Set(key, []byte(values[i]), 0)
	}
	if err := r.s.Write(context.Background(), &b); err != nil {
		return fmt.Errorf("batch: %w", err)
	}
	for i, key := range r.keys {
		r.record(id, event{Kind: "set", Key: key, Value: values[i]}, call, before)
	}
	return nil
}

// runHistory lets 8 goroutines work on few keys while the clock goes on and
// the sweeper runs, and judges what they saw.
func runHistory(t *testing.T, s *tiered.Store, host *storetest.Clock, opsEach int) error {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := &recorder{s: s, keys: []string{"a", "b", "c"}, start: time.Now()}
	stop := make(chan struct{})
	var side, work sync.WaitGroup
	side.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				host.Advance(time.Millisecond)
				_, _ = s.DeleteExpired(context.Background())
				runtime.Gosched() // under wasm nobody else takes the processor away
			}
		}
	})
	errs := make(chan error, 8)
	for id := range cap(errs) {
		work.Go(func() { errs <- r.worker(id, opsEach, rand.New(rand.NewPCG(seed, uint64(id)))) })
	}
	work.Wait()
	close(stop)
	side.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return judgeHistory(r.history)
}

func TestLinearizable(t *testing.T) {
	ops := 400
	if testing.Short() {
		ops = 100
	}
	t.Run("toy", func(t *testing.T) {
		s, host := openToy(t, slowToy(), tiered.Options{SweepEvery: time.Hour})
		if err := runHistory(t, s, host, ops); err != nil {
			t.Error(err)
		}
	})
	t.Run("memory", func(t *testing.T) {
		host := storetest.NewClock()
		s, err := tiered.OpenMemory(&tiered.Options{Clock: host})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := runHistory(t, s, host, ops); err != nil {
			t.Error(err)
		}
	})
	for name, tiering := range tierings {
		t.Run(name, func(t *testing.T) {
			host := storetest.NewClock()
			s, err := openTiered(t.TempDir(), &tiered.Options{Clock: host}, tiering)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := runHistory(t, s, host, ops); err != nil {
				t.Error(err)
			}
			t.Logf("%+v", s.Stats().L1)
			t.Logf("%+v", s.Stats().L2)
		})
	}
}

// slowToy is a toy whose commits take a moment, so that groups form and reads
// fall between their steps.
func slowToy() *toyDurable {
	d := newToyDurable()
	d.commitHook = func(*tier.Group) error {
		for range 50 {
			runtime.Gosched()
		}
		return nil
	}
	return d
}

// The controls: each of these faults must be found, or the test above proves
// nothing.

// peeking is a durable tier that tells of the group in commit.
type peeking struct {
	*toyDurable
	pending atomic.Pointer[tier.Group]
}

func newPeeking() *peeking {
	p := &peeking{toyDurable: slowToy()}
	slow := p.commitHook
	p.commitHook = func(g *tier.Group) error {
		p.pending.Store(g)
		defer p.pending.Store(nil)
		return slow(g)
	}
	return p
}

// unsynced is key's record in the group in commit.
func (p *peeking) unsynced(key string) (tier.Record, bool) {
	g := p.pending.Load()
	if g == nil {
		return tier.Record{}, false
	}
	for i := len(g.Changes) - 1; i >= 0; i-- {
		if c := g.Changes[i]; c.Key == key && c.Frame != nil {
			return tier.Record{Key: key, Frame: c.Frame, Head: c.Head}, true
		}
	}
	return tier.Record{}, false
}

// dirtyReads shows every second load what is not synced yet.
type dirtyReads struct {
	*peeking
	n atomic.Int64
}

func (d *dirtyReads) Load(key string) (tier.Record, bool, error) {
	if rec, ok := d.unsynced(key); ok && d.n.Add(1)%2 == 0 {
		return rec, true, nil
	}
	return d.toyDurable.Load(key)
}

// staleLoads answers every 20th load with an older record of the key.
type staleLoads struct {
	tier.Authority
	n   atomic.Int64
	old sync.Map
}

func (a *staleLoads) Load(ctx context.Context, key string) (tier.Record, bool, error) {
	if rec, ok := a.old.Load(key); ok && a.n.Add(1)%20 == 0 {
		return rec.(tier.Record), true, nil
	}
	rec, found, err := a.Authority.Load(ctx, key)
	if found && a.n.Add(1)%7 == 0 {
		a.old.Store(key, rec)
	}
	return rec, found, err
}

// lostOps loses the first change of groups of several.
type lostOps struct{ *toyDurable }

func (d lostOps) Commit(g *tier.Group) error {
	if len(g.Changes) > 2 {
		less := *g
		less.Changes = g.Changes[1:]
		g = &less
	}
	return d.toyDurable.Commit(g)
}

// hastyCAS refuses a compare-and-set by what is not synced yet, at once.
type hastyCAS struct {
	tier.Authority
	d *peeking
}

func (a hastyCAS) WriteOne(ctx context.Context, op tier.Op) (tier.Result, error) {
	if rec, ok := a.d.unsynced(op.Key); ok && op.Kind == tier.OpSet && op.If && rec.Version != op.Expect {
		return tier.Result{Current: rec, Err: tier.ErrVersion}, tier.ErrVersion
	}
	return a.Authority.WriteOne(ctx, op)
}

func TestLinearizableControls(t *testing.T) {
	peek := newPeeking()
	controls := []struct {
		name string
		d    tier.Durable
		wrap func(tier.Authority) tier.Authority
	}{
		{name: "dirty read before fsync", d: &dirtyReads{peeking: newPeeking()}},
		{name: "CAS judged on unsynced state", d: peek, wrap: func(a tier.Authority) tier.Authority { return hastyCAS{a, peek} }},
		{name: "lost op in a group", d: lostOps{slowToy()}},
		{name: "stale load", d: slowToy(), wrap: func(a tier.Authority) tier.Authority { return &staleLoads{Authority: a} }},
	}
	for _, c := range controls {
		t.Run(c.name, func(t *testing.T) {
			for range 20 { // a fault is a matter of chance
				host := storetest.NewClock()
				s, err := tiered.OpenOver(c.d, "", &tiered.Options{Clock: host, SweepEvery: time.Hour})
				if err != nil {
					t.Fatal(err)
				}
				if c.wrap != nil {
					s.WrapAuthority(c.wrap)
				}
				err = runHistory(t, s, host, 150)
				s.Close()
				if err != nil {
					t.Logf("caught: %v", err)
					return
				}
			}
			t.Error("not caught")
		})
	}
}
