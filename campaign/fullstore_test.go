//go:build linux

package campaign_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stratakv/strata/tiered"
)

// fullStore is a store on a disk that gets full, and what it must hold.
type fullStore struct {
	t     *testing.T
	dir   string
	clock *stepClock
	s     *tiered.Store
	fullCase

	mu        sync.Mutex
	want      map[string][]byte // guarded by mu while the writers run
	refused   int               // likewise
	shortened int               // records that a touch gave a deadline
}

const (
	fullValue   = 8 << 10
	fullWriters = 4
	fullPatient = time.Minute // ten times the longest back-off of checkpoints
)

func (f *fullStore) life() {
	t := f.t
	f.open()
	f.setShortLived(40)
	f.store()
	free := func() {}
	if f.limit {
		free = f.fill(t, f.dir)
	}
	f.writeUntilFull()
	if !f.limit {
		free = f.fill(t, f.dir)
	}
	t.Logf("full with %d records, %d KiB", len(f.want), len(f.want)*fullValue>>10)
	f.step("full", f.verify)
	f.step("refuse", f.refuses)
	f.step("delete", func() error { return f.remove(20) })
	f.step("shorten", func() error { return f.shorten(10) })
	f.step("expire", f.expire)
	f.step("read on", f.verify)
	f.step("reopen", f.reopen)
	f.step("read after reopening", f.verify)
	f.step("delete most", func() error { return f.remove(len(f.want) - 30) })
	f.step("recover by deletions", f.recovers)
	free()
	f.step("recover by room", f.recovers)
	f.step("read at the end", f.verify)
	f.close()
}

// step is one thing that a full store must be able to do.
func (f *fullStore) step(name string, fn func() error) {
	f.t.Helper()
	start := time.Now()
	err := fn()
	f.t.Logf("%-22s %5d ms, %d records", name, time.Since(start).Milliseconds(), len(f.want))
	if err != nil {
		f.t.Errorf("%s: %v", name, err)
	}
	if f.t.Failed() {
		f.t.FailNow()
	}
}

func (f *fullStore) open() {
	f.t.Helper()
	s, err := tiered.Open(filepath.Join(f.dir, "store"), &tiered.Options{Clock: f.clock, SweepEvery: time.Hour, SharedDir: os.Getenv(sharedEnv)})
	if err != nil {
		f.t.Fatalf("open: %v", err)
	}
	f.s = s
	f.t.Cleanup(func() { _ = s.Close() })
}

// reopen closes the full store, checks it and opens it again. What Close cannot
// write back stays in the journal, and it says so.
func (f *fullStore) reopen() error {
	if err := f.s.Close(); err != nil && !errors.Is(err, tiered.ErrFull) {
		return err
	}
	if err := checkStore(filepath.Join(f.dir, "store")); err != nil {
		return err
	}
	f.open()
	return nil
}

func (f *fullStore) close() {
	if err := f.s.Close(); err != nil {
		f.t.Errorf("close: %v", err)
	}
	if err := checkStore(filepath.Join(f.dir, "store")); err != nil {
		f.t.Errorf("check: %v", err)
	}
}

// fullBytes is key's value, which no codec makes smaller.
func fullBytes(key string) []byte {
	value := make([]byte, fullValue)
	h := fnv.New64a()
	_, _ = h.Write([]byte(key))
	rng := rand.New(rand.NewPCG(h.Sum64(), 0))
	for i := range value {
		value[i] = byte(rng.Uint32())
	}
	return value
}

func (f *fullStore) set(key string, ttl time.Duration) error {
	value := fullBytes(key)
	err := f.s.Set(context.Background(), key, value, ttl)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		f.want[key] = value
	} else if errors.Is(err, tiered.ErrFull) {
		f.refused++
	}
	return err
}

func (f *fullStore) setShortLived(n int) {
	for i := range n {
		if err := f.set(fmt.Sprintf("short/%d", i), time.Minute); err != nil {
			f.t.Fatal(err)
		}
	}
}

// store writes records and has store.db take them.
func (f *fullStore) store() {
	for i := 0; i < f.stored; {
		var b tiered.Batch
		for range 50 {
			key := fmt.Sprintf("w0/stored/%d", i)
			f.want[key] = fullBytes(key)
			b.Set(key, f.want[key], 0)
			i++
		}
		if err := f.s.Write(context.Background(), &b); err != nil {
			f.t.Fatal(err)
		}
		if i%500 == 0 { // no more at once than the journal's first segment takes
			if err := f.reopen(); err != nil {
				f.t.Fatal(err)
			}
		}
	}
}

// expire lets the short-lived records expire and be swept.
func (f *fullStore) expire() error {
	f.clock.step(2 * time.Minute)
	due := f.shortened
	for key := range f.want {
		if strings.HasPrefix(key, "short/") {
			delete(f.want, key) // gone at its deadline, swept or not
			due++
		}
	}
	n, err := f.s.DeleteExpired(context.Background())
	if err == nil && n != due {
		f.t.Errorf("DeleteExpired: got %d, want %d", n, due)
	}
	return err
}

func (f *fullStore) writeUntilFull() {
	var wg sync.WaitGroup
	for w := range fullWriters {
		wg.Go(func() {
			for i := range 20_000 {
				err := f.set(fmt.Sprintf("w%d/%05d", w, i), 0)
				if errors.Is(err, tiered.ErrFull) {
					return
				}
				if err != nil {
					f.t.Errorf("write: %v", err)
					return
				}
			}
			f.t.Error("the disk does not get full")
		})
	}
	wg.Wait()
	if f.t.Failed() {
		f.t.FailNow()
	}
}

// refuses: a checkpoint may have given room back since the disk was filled, so
// it is filled until writes are refused.
func (f *fullStore) refuses() error {
	ctx, key := context.Background(), "w0/00000"
	for start := time.Now(); time.Since(start) < fullPatient; {
		err := f.set(fmt.Sprintf("more/%d", len(f.want)), 0)
		if err == nil {
			continue
		}
		if !errors.Is(err, tiered.ErrFull) {
			return err
		}
		err = f.s.Set(ctx, key, make([]byte, fullValue), 0)
		if err == nil {
			f.want[key] = make([]byte, fullValue)
			continue
		}
		f.refused++
		if got, getErr := f.s.Get(ctx, key); getErr != nil || !bytes.Equal(got, f.want[key]) {
			f.t.Errorf("after a refused overwrite: got %d bytes, %v; want the old value", len(got), getErr)
		}
		if errors.Is(err, tiered.ErrFull) {
			return nil
		}
		return err
	}
	return errors.New("writes go on though the disk is full")
}

// verify reads everything, one by one and in a scan.
func (f *fullStore) verify() error {
	t, ctx := f.t, context.Background()
	for key, want := range f.want {
		if got, err := f.s.Get(ctx, key); err != nil || !bytes.Equal(got, want) {
			t.Errorf("get %s: got %d bytes, %v; want %d", key, len(got), err, len(want))
		}
	}
	met := 0
	for it, err := range f.s.Scan(ctx, "") {
		if err != nil {
			return err
		}
		met++
		if !bytes.Equal(f.want[it.Key], it.Value) {
			t.Errorf("scan: %s is not what was written", it.Key)
		}
	}
	if met != len(f.want) {
		t.Errorf("scan: met %d records, want %d", met, len(f.want))
	}
	return nil
}

// some returns n keys without a deadline.
func (f *fullStore) some(n int) []string {
	var keys []string
	for key := range f.want {
		if key[0] == 'w' && len(keys) < n {
			keys = append(keys, key)
		}
	}
	return keys
}

// remove deletes n records: the first ones each by itself, the others in
// batches, or it would take a minute.
func (f *fullStore) remove(n int) error {
	keys := f.some(n)
	for i := 0; i < len(keys); {
		some := keys[i:min(i+1, len(keys))]
		if i >= 500 {
			some = keys[i:min(i+32, len(keys))]
		}
		if err := f.delete(some); err != nil {
			return err
		}
		for _, key := range some {
			delete(f.want, key)
		}
		i += len(some)
	}
	return nil
}

func (f *fullStore) delete(keys []string) error {
	if len(keys) == 1 {
		return f.s.Delete(context.Background(), keys[0])
	}
	var b tiered.Batch
	for _, key := range keys {
		b.Delete(key)
	}
	return f.s.Write(context.Background(), &b)
}

// shorten gives n records a deadline that the next step of the clock passes.
func (f *fullStore) shorten(n int) error {
	for _, key := range f.some(n) {
		if err := f.s.Touch(context.Background(), key, time.Minute); err != nil {
			return err
		}
		delete(f.want, key)
		f.shortened++
	}
	return nil
}

// recovers waits for checkpoints to give room back.
func (f *fullStore) recovers() error {
	var err error
	for start := time.Now(); time.Since(start) < fullPatient; time.Sleep(10 * time.Millisecond) {
		if err = f.set("recovered", 0); err == nil || !errors.Is(err, tiered.ErrFull) {
			return err
		}
	}
	return err
}
