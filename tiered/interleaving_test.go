//go:build !wasm

package tiered_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/tiered/tier"
)

// The orders of steps in which a copy could outlive its truth (DESIGN: the
// data's way), one test each. TestControls takes away what each one guards.

// latch holds up the first who passes once it is set, until open is called.
type latch struct{ gate atomic.Pointer[chan struct{}] }

func (l *latch) set() (open func()) {
	gate := make(chan struct{})
	l.gate.Store(&gate)
	return sync.OnceFunc(func() { close(gate) })
}

func (l *latch) pass() {
	if gate := l.gate.Swap(nil); gate != nil {
		<-*gate
	}
}

// publishing is a toy that can be held up when a group is published and its
// commit has not returned.
type publishing struct {
	*toyDurable
	published latch
}

func (p *publishing) State() tier.State {
	p.mu.Lock()
	defer p.mu.Unlock()
	return tier.State{Seed: 7, Epoch: 1, Opening: 1, Durable: true, Version: p.version, Usage: p.usage}
}

func (p *publishing) Commit(g *tier.Group) error {
	err := p.toyDurable.Commit(g)
	p.published.pass()
	return err
}

// slowAnswers can hold up what the authority has answered.
type slowAnswers struct {
	tier.Authority
	load, write latch
}

func (a *slowAnswers) Load(ctx context.Context, key string) (tier.Record, bool, error) {
	defer a.load.pass()
	return a.Authority.Load(ctx, key)
}

func (a *slowAnswers) LoadMany(ctx context.Context, keys []string) ([]tier.Record, error) {
	defer a.load.pass()
	return a.Authority.LoadMany(ctx, keys)
}

func (a *slowAnswers) Write(ctx context.Context, ops []tier.Op) ([]tier.Result, error) {
	defer a.write.pass()
	return a.Authority.Write(ctx, ops)
}

func (a *slowAnswers) WriteOne(ctx context.Context, op tier.Op) (tier.Result, error) {
	defer a.write.pass()
	return a.Authority.WriteOne(ctx, op)
}

// stage is a store with all tiers whose steps can be held up. Its record k has
// the value "old", of which no cache has a copy.
type stage struct {
	*tiered.Store
	t       *testing.T
	durable *publishing
	answers *slowAnswers
	end     latch // between L2 and the end of a group
	opens   []func()
}

// hold sets l. Whatever becomes of the test, it is opened before the store is
// closed.
func (st *stage) hold(l *latch) (open func()) {
	open = l.set()
	st.opens = append(st.opens, open)
	return open
}

// holdCommits makes all commits wait.
func (st *stage) holdCommits() (release func()) {
	release = held(st.durable.toyDurable)
	st.opens = append(st.opens, release)
	return release
}

func (st *stage) close() {
	for _, open := range st.opens {
		open()
	}
	_ = st.Store.Close()
}

// onStage runs fn in a synctest bubble.
func onStage(t *testing.T, opts tiered.Options, fn func(t *testing.T, st *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := &publishing{toyDurable: newToyDurable()}
		opts.Clock, opts.SweepEvery = storetest.NewClock(), time.Hour
		before, err := tiered.OpenOver(d, "", &opts)
		if err != nil {
			t.Fatal(err)
		}
		mustSet(t, before, "k", "old", 0)
		if err := before.Close(); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		opts.L2Bytes, opts.SharedDir = 1<<20, filepath.Join(dir, "shared")
		s, err := tiered.OpenOver(d, dir, &opts)
		if err != nil {
			t.Fatal(err)
		}
		st := &stage{Store: s, t: t, durable: d, answers: &slowAnswers{}}
		defer st.close()
		if !s.Stats().L2.Attached {
			if os.Getenv("CI") == "true" {
				t.Fatal("no L2")
			}
			t.Skip("this host has no L2")
		}
		s.WrapAuthority(func(a tier.Authority) tier.Authority {
			st.answers.Authority = a
			return st.answers
		})
		s.BeforeEnd(st.end.pass)
		fn(t, st)
	})
}

// replace gives k the value by a batch, which leaves nothing in L1.
func (st *stage) replace(value string) error {
	var b tiered.Batch
	b.Set("k", []byte(value), 0)
	return st.Write(context.Background(), &b)
}

// answer is what a call in another goroutine came to.
type answer struct {
	value string
	err   error
}

// begin runs fn until it has ended or is held up.
func (st *stage) begin(fn func() (string, error)) <-chan answer {
	done := make(chan answer, 1)
	go func() {
		value, err := fn()
		done <- answer{value, err}
	}()
	synctest.Wait()
	return done
}

func (st *stage) beginReplace(value string) <-chan answer {
	return st.begin(func() (string, error) { return value, st.replace(value) })
}

func (st *stage) beginGet() <-chan answer {
	return st.begin(func() (string, error) {
		value, err := st.Get(context.Background(), "k")
		return string(value), err
	})
}

// ended takes what has ended without an error.
func (st *stage) ended(done <-chan answer) string {
	st.t.Helper()
	synctest.Wait()
	select {
	case a := <-done:
		if a.err != nil {
			st.t.Fatal(a.err)
		}
		return a.value
	default:
		st.t.Fatal("the call is held up")
		return ""
	}
}

// wantPublished looks past all caches.
func (st *stage) wantPublished(want string) {
	st.t.Helper()
	for it, err := range st.Scan(context.Background(), "k") {
		if err != nil || string(it.Value) != want {
			st.t.Fatalf("a scan got %q, %v, want %q", it.Value, err, want)
		}
	}
}

// Bumping the generation before the commit alone is not enough.
func TestWhatWasReadBesideACommitIsNotTrustedAfterIt(t *testing.T) {
	onStage(t, tiered.Options{}, func(t *testing.T, st *stage) {
		release := st.holdCommits()
		replaced := st.beginReplace("new")
		wantValue(t, st.Store, "k", "old")
		release()
		st.ended(replaced)
		wantValue(t, st.Store, "k", "new")
	})
}

// Nor is bumping it after the commit alone: who has seen the new record must
// not meet a copy of the old one.
func TestCopiesAreNotTrustedOnceTheTruthHasMoved(t *testing.T) {
	onStage(t, tiered.Options{}, func(t *testing.T, st *stage) {
		wantValue(t, st.Store, "k", "old") // and keeps a copy in L1 and L2
		open := st.hold(&st.durable.published)
		replaced := st.beginReplace("new")
		st.wantPublished("new")
		wantValue(t, st.Store, "k", "new")
		open()
		st.ended(replaced)
		wantValue(t, st.Store, "k", "new")
	})
}

func TestLateFillOfL2IsRefused(t *testing.T) {
	onStage(t, tiered.Options{L1Bytes: -1}, func(t *testing.T, st *stage) {
		open := st.hold(&st.answers.load)
		read := st.beginGet()
		if err := st.replace("new"); err != nil {
			t.Fatal(err)
		}
		open()
		st.ended(read)
		wantValue(t, st.Store, "k", "new")
	})
}

// Until the end the generation is still the one that the reader read.
func TestFillBetweenL2AndEndIsRefused(t *testing.T) {
	onStage(t, tiered.Options{L1Bytes: -1}, func(t *testing.T, st *stage) {
		openLoad := st.hold(&st.answers.load)
		read := st.beginGet()
		openEnd := st.hold(&st.end)
		replaced := st.beginReplace("new")
		openLoad()
		st.ended(read)
		openEnd()
		st.ended(replaced)
		wantValue(t, st.Store, "k", "new")
	})
}

// A load that began in flight may end between L2 and the end of the same
// group, when the word is still the one that it read.
func TestLoadInFlightFillsNothing(t *testing.T) {
	onStage(t, tiered.Options{L1Bytes: -1}, func(t *testing.T, st *stage) {
		release := st.holdCommits()
		replaced := st.beginReplace("new")
		openLoad := st.hold(&st.answers.load)
		read := st.begin(func() (string, error) {
			items, err := st.GetMany(context.Background(), []string{"k"})
			return string(items["k"].Value), err
		})
		openEnd := st.hold(&st.end)
		release()
		synctest.Wait()
		openLoad()
		st.ended(read)
		openEnd()
		st.ended(replaced)
		wantValue(t, st.Store, "k", "new")
	})
}

func TestNobodyJoinsALoadThatBeganInFlight(t *testing.T) {
	onStage(t, tiered.Options{}, func(t *testing.T, st *stage) {
		release := st.holdCommits()
		replaced := st.beginReplace("new")
		openLoad := st.hold(&st.answers.load)
		first := st.beginGet()
		openPublished := st.hold(&st.durable.published)
		release()
		synctest.Wait()
		st.wantPublished("new")
		if got := st.ended(st.beginGet()); got != "new" {
			t.Errorf("a read after one that saw %q got %q", "new", got)
		}
		openLoad()
		openPublished()
		st.ended(first)
		st.ended(replaced)
	})
}

func TestOwnFillHasTheTagOfItsOwnEnd(t *testing.T) {
	onStage(t, tiered.Options{}, func(t *testing.T, st *stage) {
		open := st.hold(&st.answers.write)
		set := st.begin(func() (string, error) { return "", st.Set(context.Background(), "k", []byte("first"), 0) })
		if err := st.replace("second"); err != nil {
			t.Fatal(err)
		}
		open()
		st.ended(set)
		wantValue(t, st.Store, "k", "second")
	})
}

func TestOnlyTheLastOpOnAKeyIsKeptByItsCaller(t *testing.T) {
	onStage(t, tiered.Options{}, func(t *testing.T, st *stage) {
		release := st.holdCommits()
		first := st.begin(func() (string, error) { return "", st.Set(context.Background(), "other", nil, 0) })
		set := st.begin(func() (string, error) { return "", st.Set(context.Background(), "k", []byte("new"), 0) })
		deleted := st.begin(func() (string, error) { return "", st.Delete(context.Background(), "k") })
		release()
		st.ended(first)
		st.ended(set)
		st.ended(deleted)
		if got, err := st.Get(t.Context(), "k"); !errors.Is(err, tiered.ErrNotFound) {
			t.Errorf("after a Set and a Delete in one group: got %q, %v, want ErrNotFound", got, err)
		}
	})
}

// A commit that failed leaves no frame in L2 that was never the truth.
func TestRefusedCommitLeavesNothingInL2(t *testing.T) {
	onStage(t, tiered.Options{L1Bytes: -1}, func(t *testing.T, st *stage) {
		st.durable.commitHook = func(*tier.Group) error { return tier.ErrUnavailable }
		wantErr(t, st.replace("new"), tiered.ErrUnavailable)
		wantValue(t, st.Store, "k", "old")
	})
}

func TestVersionsGoOnAfterReopening(t *testing.T) {
	onStage(t, tiered.Options{}, func(t *testing.T, st *stage) { // reopened already
		before, err := st.GetItem(t.Context(), "k")
		if err != nil {
			t.Fatal(err)
		}
		after, err := st.Put(t.Context(), "k", nil, 0)
		if err != nil || after.Version <= before.Version {
			t.Errorf("the next version after %d: got %d, %v", before.Version, after.Version, err)
		}
	})
}

// hastyDue takes every record for due.
type hastyDue struct{ *toyDurable }

func (d hastyDue) Due(int64, int) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var keys []string
	for k := range d.recs {
		keys = append(keys, k)
	}
	return keys, nil
}

func TestSweepChecksDeadlinesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := storetest.NewClock()
		s, err := tiered.OpenOver(hastyDue{newToyDurable()}, "", &tiered.Options{Clock: host, SweepEvery: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		mustSet(t, s, "later", "v", time.Minute)
		mustSet(t, s, "never", "v", 0)
		if n, err := s.DeleteExpired(t.Context()); n != 0 || err != nil {
			t.Errorf("swept %d records, %v, want none", n, err)
		}
		wantValue(t, s, "later", "v")
		wantValue(t, s, "never", "v")
	})
}
