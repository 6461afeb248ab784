//go:build !wasm

package tiered_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/l3bolt/faultfs"
	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/tiered/tier"
)

// A refused CAS shows an unsynced value whose group then failed.
func TestRefusedCASOfAFailedGroupTellsNothing(t *testing.T) {
	for _, fate := range []error{tier.ErrUnavailable, tier.ErrTooLarge} {
		synctest.Test(t, func(t *testing.T) {
			d := newToyDurable()
			s, _ := openToy(t, d, tiered.Options{})
			gate := make(chan struct{})
			n := 0
			d.commitHook = func(*tier.Group) error {
				n++
				if n == 1 {
					<-gate
					return nil
				}
				return fate
			}
			go s.Set(context.Background(), "first", nil, 0)
			synctest.Wait()
			var setErr, casErr, delErr error
			var it tiered.Item
			var wg sync.WaitGroup
			wg.Go(func() { setErr = s.Set(context.Background(), "k", []byte("secret"), 0) })
			synctest.Wait()
			wg.Go(func() { it, casErr = s.CompareAndSet(context.Background(), "k", 0, []byte("b"), 0) })
			synctest.Wait()
			wg.Go(func() { delErr = s.CompareAndDelete(context.Background(), "k", 0) })
			synctest.Wait()
			close(gate)
			wg.Wait()
			_, getErr := s.Get(context.Background(), "k")
			if errors.Is(casErr, tiered.ErrVersion) {
				t.Errorf("fate %v: set %v; CAS got %v with value %q version %d; CAD %v; but Get says %v", fate, setErr, casErr, it.Value, it.Version, delErr, getErr)
			}
		})
	}
}

// After a failed fsync no-op and refused writes are acknowledged.
func TestNothingIsAcknowledgedAfterAnUnknownOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newToyDurable()
		s, _ := openToy(t, d, tiered.Options{})
		dead := false
		d.commitHook = func(*tier.Group) error {
			if dead {
				return tier.ErrUnavailable
			}
			dead = true
			return tier.ErrUnknownOutcome
		}
		wantErr(t, s.Set(t.Context(), "k", []byte("v"), 0), tiered.ErrUnknownOutcome)
		if err := s.Delete(t.Context(), "k"); !errors.Is(err, tiered.ErrUnavailable) {
			t.Errorf("Delete after unknown: %v (the record may be on disk)", err)
		}
		if err := s.CompareAndDelete(t.Context(), "k", 0); !errors.Is(err, tiered.ErrUnavailable) {
			t.Errorf("CompareAndDelete(0): %v", err)
		}
		var b tiered.Batch
		b.Check("k", 0)
		if err := s.Write(t.Context(), &b); !errors.Is(err, tiered.ErrUnavailable) {
			t.Errorf("Check(0): %v", err)
		}
		if err := s.Touch(t.Context(), "k", 1); !errors.Is(err, tiered.ErrUnavailable) {
			t.Errorf("Touch: %v", err)
		}
	})
}

// The outcome that is unknown may be that of a sweep before a group.
func TestUnknownSweepEndsWritingToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newToyDurable()
		s, host := openToy(t, d, tiered.Options{MaxBytes: 100, SweepEvery: time.Hour})
		mustSet(t, s, "k", strings.Repeat("v", 90), time.Second)
		host.Advance(time.Minute)
		fate := tier.ErrUnknownOutcome
		d.commitHook = func(*tier.Group) error { err := fate; fate = tier.ErrUnavailable; return err }
		wantErr(t, s.Set(t.Context(), "j", make([]byte, 90), 0), tiered.ErrFull)
		d.commitHook = nil
		wantErr(t, s.Delete(t.Context(), "absent"), tiered.ErrUnavailable)
	})
}

// A second Touch forgets that the first one's outcome is unknown.
func TestUnknownTouchStaysUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newToyDurable()
		s, host := openToy(t, d, tiered.Options{SweepEvery: time.Hour})
		mustSet(t, s, "k", "v", time.Second)
		dead := false
		d.commitHook = func(*tier.Group) error {
			if dead {
				return tier.ErrUnavailable
			}
			dead = true
			return tier.ErrUnknownOutcome
		}
		wantErr(t, s.Touch(t.Context(), "k", time.Hour), tiered.ErrUnknownOutcome)
		wantErr(t, s.Touch(t.Context(), "k", time.Hour), tiered.ErrUnavailable)
		host.Advance(2 * time.Second)
		_, err := s.Get(t.Context(), "k")
		wantErr(t, err, tiered.ErrUnavailable)
	})
}

// Options are validated after Fresh has emptied the store.
func TestRefusedOptionsChangeNothing(t *testing.T) {
	for name, o := range map[string]tiered.Options{
		"follower": {Fresh: true, Role: tiered.RoleFollower},
		"codec":    {Fresh: true, Codec: codec.Options{Level: 9}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s, err := tiered.Open(dir, nil)
			if err != nil {
				t.Fatal(err)
			}
			mustSet(t, s, "k", "v", 0)
			s.Close()
			if s, err := tiered.Open(dir, &o); err == nil {
				s.Close()
				t.Fatal("opened")
			} else {
				t.Log(err)
			}
			s, err = tiered.Open(dir, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if _, err := s.Get(t.Context(), "k"); err != nil {
				t.Errorf("after a refused Open: %v", err)
			}
		})
	}
}

// SetItem in the past is a removal; it must work on a full disk.
func TestSetItemInThePastWorksOnAFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newToyDurable()
		s, host := openToy(t, d, tiered.Options{})
		mustSet(t, s, "k", "v", 0)
		d.commitHook = func(g *tier.Group) error {
			if !g.Reserve {
				return tier.ErrFull
			}
			return nil
		}
		_, err := s.SetItem(t.Context(), tiered.Item{Key: "k", Expires: host.Wall().Add(-time.Hour)})
		if err != nil {
			t.Errorf("SetItem that deletes: %v", err)
		}
	})
}

// DeleteExpired calls pile up.
func TestCallsInTheQueueAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newToyDurable()
		s, _ := openToy(t, d, tiered.Options{SweepEvery: time.Hour, Limits: tiered.Limits{QueueBytes: 1}})
		release := held(d)
		go s.Set(context.Background(), "k", nil, 0)
		synctest.Wait()
		for range 5000 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Microsecond)
			_, err := s.DeleteExpired(ctx)
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
		}
		if n := s.Pending(); n > 100 {
			t.Errorf("pending: %d", n)
		}
		release()
		synctest.Wait()
	})
}

// Keep returns what fn scribbled.
func TestKeepReturnsTheRecord(t *testing.T) {
	s, _ := tiered.OpenMemory(nil)
	defer s.Close()
	mustSet(t, s, "k", "abc", 0)
	it, err := s.Update(t.Context(), "k", func(old tiered.Item, found bool) ([]byte, time.Duration, error) {
		copy(old.Value, "XYZ")
		return nil, 0, tiered.Keep
	})
	if err != nil || string(it.Value) != "abc" {
		t.Errorf("Update says the record is %q, %v", it.Value, err)
	}
}

// A chunk is no snapshot when an expired record is loaded again.
// scanHook does something behind each chunk's snapshot.
type scanHook struct {
	*toyDurable
	after func()
}

func (d *scanHook) Scan(r tier.Range) ([]tier.Record, bool, error) {
	recs, more, err := d.toyDurable.Scan(r)
	if f := d.after; f != nil {
		d.after = nil
		f()
	}
	return recs, more, err
}

func TestScanChunkIsASnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &scanHook{toyDurable: newToyDurable()}
		host := storetest.NewClock()
		s, err := tiered.OpenOver(d, "", &tiered.Options{Clock: host, SweepEvery: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		mustSet(t, s, "p/a", "old", 0)
		mustSet(t, s, "p/b", "old", time.Second)
		host.Advance(2 * time.Second)
		d.after = func() {
			var b tiered.Batch
			b.Set("p/a", []byte("new"), 0)
			b.Set("p/b", []byte("new"), 0)
			if err := s.Write(context.Background(), &b); err != nil {
				t.Error(err)
			}
		}
		var got []string
		for it, err := range s.Scan(t.Context(), "p/") {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, it.Key+"="+string(it.Value))
		}
		if g := strings.Join(got, " "); g != "p/a=old" && g != "p/a=new p/b=new" {
			t.Errorf("one chunk: %s", g)
		}
	})
}

// SetItem in the past over an expired record.
func TestSetItemInThePastOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newToyDurable()
		s, host := openToy(t, d, tiered.Options{SweepEvery: time.Hour})
		mustSet(t, s, "k", "v", time.Second)
		host.Advance(time.Minute)
		it, err := s.SetItem(t.Context(), tiered.Item{Key: "k", Expires: host.Wall().Add(-time.Hour)})
		if err != nil || it.Version != 0 {
			t.Errorf("nothing to delete, but version %d, %v", it.Version, err)
		}
	})
}

// One value of ValueBytes cannot be in a batch by default.
func TestBatchOfOneLargestValue(t *testing.T) {
	s, _ := tiered.OpenMemory(&tiered.Options{MaxBytes: 200 << 20})
	defer s.Close()
	v := make([]byte, 64<<20)
	if err := s.Set(t.Context(), "k", v, 0); err != nil {
		t.Fatal(err)
	}
	var b tiered.Batch
	b.Set("k", v, 0)
	if err := s.Write(t.Context(), &b); err != nil {
		t.Errorf("the same in a batch: %v", err)
	}
}

// stamped is a toy that is opened with a stamp.
type stamped struct {
	*toyDurable
	stamp tier.Stamp
}

func (d *stamped) State() tier.State {
	st := d.toyDurable.State()
	st.Stamp = d.stamp
	st.Version = d.version
	st.Usage = d.usage
	return st
}

// A late, slowing plan is durable but not adopted; Close keeps no newer one.
func TestLatePlanDoesNotTurnTheReopenedClockBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &stamped{toyDurable: newToyDurable()}
		host := storetest.NewClock()
		s, err := tiered.OpenOver(d, "", &tiered.Options{Clock: host, SweepEvery: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		mustSet(t, s, "k", "v", 20*time.Second)
		host.Step(-time.Minute)
		d.commitHook = func(*tier.Group) error { host.Advance(20 * time.Second); return nil } // a disk that stalls
		mustSet(t, s, "other", "v", 0)
		d.commitHook = nil
		host.Advance(5 * time.Second)
		_, err = s.Get(t.Context(), "k")
		wantErr(t, err, tiered.ErrNotFound)
		before := s.NowMilli()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		d.stamp = d.stamps[len(d.stamps)-1]
		s, err = tiered.OpenOver(d, "", &tiered.Options{Clock: host, SweepEvery: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if now := s.NowMilli(); now < before {
			t.Errorf("reopened in the same boot: the clock went back by %d ms", before-now)
		}
		if v, err := s.Get(t.Context(), "k"); err == nil {
			t.Errorf("an expired record that was seen gone is back: %q", v)
		}
	})
}

// After a failed fsync reads go on by the old plan, for ever.
func TestUnknownPlanDoesNotTurnTheReopenedClockBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &stamped{toyDurable: newToyDurable()}
		host := storetest.NewClock()
		s, err := tiered.OpenOver(d, "", &tiered.Options{Clock: host, SweepEvery: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		mustSet(t, s, "k", "v", 10*time.Hour)
		host.Step(-time.Hour)
		var lost tier.Stamp
		d.commitHook = func(g *tier.Group) error { lost = g.Stamp; return tier.ErrUnknownOutcome }
		wantErr(t, s.Set(t.Context(), "other", nil, 0), tiered.ErrUnknownOutcome)
		host.Advance(12 * time.Hour)
		_, err = s.Get(t.Context(), "k")
		wantErr(t, err, tiered.ErrNotFound)
		before := s.NowMilli()
		s.Close()
		d.stamp = lost // the group had reached the disk after all
		d.commitHook = nil
		s, err = tiered.OpenOver(d, "", &tiered.Options{Clock: host, SweepEvery: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if now := s.NowMilli(); now < before {
			t.Errorf("the clock went back by %d s", (before-now)/1000)
		}
		if v, err := s.Get(t.Context(), "k"); err == nil {
			t.Errorf("an expired record that was seen gone is back: %q", v)
		}
	})
}

// A late speeding plan makes the clock jump.
func TestLatePlanMakesNoJump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newToyDurable()
		s, host := openToy(t, d, tiered.Options{SweepEvery: time.Hour})
		host.Step(time.Hour)
		var before int64
		d.commitHook = func(*tier.Group) error { host.Advance(60 * time.Second); before = s.NowMilli(); return nil }
		mustSet(t, s, "other", "v", 0)
		if now := s.NowMilli(); now != before {
			t.Errorf("in no time the clock went %d ms ahead", now-before)
		}
	})
}

// Due's error hides the keys that came with it.
// dueErr finds damage whenever it looks for what is due.
type dueErr struct{ *toyDurable }

func (d dueErr) Due(now int64, most int) ([]string, error) {
	k, _ := d.toyDurable.Due(now, most)
	return k, fmt.Errorf("%w: index", tier.ErrCorrupt)
}

func TestDamageInTheIndexDoesNotStopSweeping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newToyDurable()
		host := storetest.NewClock()
		s, err := tiered.OpenOver(dueErr{d}, "", &tiered.Options{Clock: host, MaxBytes: 100, SweepEvery: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		mustSet(t, s, "k", strings.Repeat("v", 90), time.Second)
		host.Advance(time.Minute)
		if err := s.Set(t.Context(), "j", make([]byte, 90), 0); err != nil {
			t.Errorf("all is expired, but %v", err)
		}
	})
}

// The stamp of an idle store is never more than a second old.
func TestStampIsNeverASecondOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newToyDurable()
		s, host := openToy(t, d, tiered.Options{SweepEvery: time.Hour})
		pass := func(dt time.Duration) {
			for ; dt > 0; dt -= 10 * time.Millisecond {
				host.Advance(10 * time.Millisecond)
				time.Sleep(10 * time.Millisecond) // of the bubble
				synctest.Wait()
				if n := len(d.stamps); n > 0 {
					if age := time.Duration(s.NowMilli()*1e6 - d.stamps[n-1].Store); age > time.Second {
						t.Fatalf("the stamp is %v old", age)
					}
				}
			}
		}
		pass(310 * time.Millisecond)
		if len(d.stamps) != 0 {
			t.Fatal("a store without deadlines was stamped")
		}
		mustSet(t, s, "k", "v", time.Hour)
		pass(20 * time.Second)
		if n := len(d.stamps); n > 30 {
			t.Errorf("stamps in 20 s: got %d, want at most 30", n)
		}
	})
}

// A session whose deletion was acknowledged after a failed fsync came back.
func TestDeleteAfterAFailedFsyncIsNotAcknowledged(t *testing.T) {
	dir := t.TempDir()
	fs := faultfs.New(dir)
	open := func() *tiered.Store {
		t.Helper()
		db, err := l3bolt.Open(dir, &l3bolt.Options{FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		s, err := tiered.OpenOver(db, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	mustSet(t, s, "x", "1", 0)
	fs.Inject(faultfs.Fault{Op: faultfs.Datasync, Call: 1, Err: errors.New("EIO"), After: true})
	wantErr(t, s.Set(t.Context(), "session", []byte("secret"), 0), tiered.ErrUnknownOutcome)
	_, err := s.Get(t.Context(), "session")
	wantErr(t, err, tiered.ErrNotFound)
	wantErr(t, s.Delete(t.Context(), "session"), tiered.ErrUnavailable)
	wantValue(t, s, "x", "1")
	_ = s.Close()
	fs.Heal()
	s = open()
	defer s.Close()
	wantValue(t, s, "x", "1")
}

// What touches load beside their own bytes is bounded: by request and by group.
func TestTouchesHoldBoundedMemory(t *testing.T) {
	raw := tiered.Options{Codec: codec.Options{Level: -1}, Limits: tiered.Limits{GroupBytes: 1 << 20, BatchBytes: 8 << 20}}
	synctest.Test(t, func(t *testing.T) {
		d := newToyDurable()
		s, _ := openToy(t, d, raw)
		var b tiered.Batch
		b.Set("k", make([]byte, 1<<20), 0)
		for range 500 {
			b.Touch("k", time.Hour)
		}
		wantErr(t, s.Write(t.Context(), &b), tiered.ErrTooLarge)
		_, err := s.Get(t.Context(), "k")
		wantErr(t, err, tiered.ErrNotFound)
	})
	synctest.Test(t, func(t *testing.T) {
		d := newToyDurable()
		s, _ := openToy(t, d, raw)
		for i := range 24 {
			mustSet(t, s, fmt.Sprint(i), strings.Repeat("x", 1<<19), 0)
		}
		release := held(d)
		most := 0
		wait := d.commitHook
		d.commitHook = func(g *tier.Group) error {
			sum := 0
			for _, c := range g.Changes {
				sum += len(c.Frame)
			}
			most = max(most, sum)
			return wait(g)
		}
		var wg sync.WaitGroup
		wg.Go(func() { s.Set(context.Background(), "first", nil, 0) })
		synctest.Wait()
		for i := range 24 {
			wg.Go(func() {
				if err := s.Touch(context.Background(), fmt.Sprint(i), time.Hour); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		release()
		wg.Wait()
		if most > 2<<20 {
			t.Errorf("a group of %d KiB with GroupBytes of 1 MiB", most>>10)
		}
	})
}

// slowLoad holds one load up.
type slowLoad struct {
	*toyDurable
	at, hold chan struct{} // nil: no more
}

func (d *slowLoad) Load(key string) (tier.Record, bool, error) {
	if at := d.at; at != nil {
		d.at = nil
		close(at)
		<-d.hold
	}
	return d.toyDurable.Load(key)
}

// A load that others share ends with the ctx of whoever called it, and theirs
// go on.
func TestSharedLoadEndsWithItsOwnContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &slowLoad{toyDurable: newToyDurable()}
		host := storetest.NewClock()
		s, err := tiered.OpenOver(d, "", &tiered.Options{Clock: host, L1Bytes: -1, SweepEvery: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		mustSet(t, s, "k", "v", time.Second)
		d.at, d.hold = make(chan struct{}), make(chan struct{})
		at := d.at
		ctx, cancel := context.WithCancel(context.Background())
		leader, joiner := make(chan error, 1), make(chan error, 1)
		go func() { _, err := s.Get(ctx, "k"); leader <- err }()
		<-at // the leader has read a trusted word
		go func() { _, err := s.Get(context.Background(), "k"); joiner <- err }()
		synctest.Wait()
		release := held(d.toyDurable)
		defer release()
		touched := make(chan error, 1)
		go func() { touched <- s.Touch(context.Background(), "k", time.Hour) }()
		synctest.Wait()
		host.Advance(2 * time.Second)
		close(d.hold) // the load meets an expired record whose Touch is in flight
		synctest.Wait()
		cancel()
		wantErr(t, <-leader, context.Canceled)
		release()
		if err := <-touched; err != nil {
			t.Fatal(err)
		}
		if err := <-joiner; err != nil {
			t.Errorf("the one who joined: %v", err)
		}
	})
}

// Each View counts once.
func TestViewCountsOnce(t *testing.T) {
	s, err := tiered.OpenOver(newToyDurable(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	wantErr(t, s.View(t.Context(), "absent", func([]byte) error { return nil }), tiered.ErrNotFound)
	if got := s.Stats().L1; got.Misses != 1 || got.Hits != 0 {
		t.Errorf("L1 hits and misses: got %d, %d, want 0, 1", got.Hits, got.Misses)
	}
}
