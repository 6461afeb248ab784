package storetest_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/tiered/tier"
)

// record is what a toy keeps under a key.
type record struct {
	value    []byte
	deadline int64 // unix ms, 0: none
	version  uint64
}

// disk is what a toy leaves behind when it is closed.
type disk struct {
	records map[string]record
	version uint64
	stamp   tier.Stamp // Store in nanoseconds
}

// toy is a store over a map: honest with the empty fault, and else broken in
// the one way that fault names.
type toy struct {
	fault string
	need  storetest.Need
	base  int64         // the store's time at boot, in nanoseconds
	boot  time.Duration // Clock.Boot at the opening
	reads atomic.Int64

	mu     sync.RWMutex // guards what follows
	disk   *disk
	closed bool
	closes int
	lost   int               // fault "acknowledges when closed"
	cache  map[string]record // faults that cache
	before map[string]record // fault "stale reads": the record before the last write
	first  map[string]int64  // fault "sweeps by the first deadline"
	counts map[string]uint64 // fault "versions repeat"
}

// toys gives a factory of toys with the fault.
func toys(fault string) storetest.Factory {
	return storetest.Factory{Tier: tiered.TierL3, Open: func(need storetest.Need) (storetest.Subject, error) {
		d := &disk{records: map[string]record{}}
		reopen := func() (storetest.Store, error) {
			d.spoil(fault)
			return openToy(fault, need, d), nil
		}
		return storetest.Subject{Store: openToy(fault, need, d), Reopen: reopen}, nil
	}}
}

func openToy(fault string, need storetest.Need, d *disk) *toy {
	t := &toy{fault: fault, need: need, disk: d, boot: need.Clock.Boot()}
	t.cache, t.before = map[string]record{}, map[string]record{}
	t.first, t.counts = map[string]int64{}, map[string]uint64{}
	wall := need.Clock.Wall().UnixNano()
	switch {
	case d.stamp.Store == 0 || fault == "clock starts anew":
		t.base = wall
	case d.stamp.BootID == need.Clock.BootID():
		t.base = d.stamp.Store + int64(t.boot-d.stamp.Boot)
	default:
		t.base = max(d.stamp.Store, wall)
	}
	t.stamp()
	return t
}

// spoil is what the faults of reopening do to the disk.
func (d *disk) spoil(fault string) {
	n := 0
	if fault == "reopened without the last version" {
		d.version = 0
	}
	for key, rec := range d.records {
		n++
		switch {
		case fault == "reopened without deadlines":
			rec.deadline = 0
			d.records[key] = rec
		case fault == "reopened with 500 records" && n > 500:
			delete(d.records, key)
		case fault == "reopened without the last version":
			d.version = max(d.version, rec.version)
		}
	}
}

// nano is the store's time: wall time at the opening, carried on by Boot.
func (t *toy) nano() int64 {
	if t.fault == "follows the wall clock" {
		return t.need.Clock.Wall().UnixNano()
	}
	return t.base + int64(t.need.Clock.Boot()-t.boot)
}

func (t *toy) now() int64 { return t.nano() / int64(time.Millisecond) }

// stamp keeps the store's time on the disk.
func (t *toy) stamp() {
	t.disk.stamp = tier.Stamp{Store: t.nano(), Boot: t.need.Clock.Boot(), BootID: t.need.Clock.BootID()}
}

// ready is what each call begins with.
func (t *toy) ready(ctx context.Context, keys ...string) error {
	if t.closed {
		switch t.fault {
		case "open when closed":
			return nil
		case "closed is unavailable":
			return tier.ErrUnavailable
		}
		return tier.ErrClosed
	}
	if err := ctx.Err(); err != nil && t.fault != "ignores contexts" {
		return err
	}
	for _, key := range keys {
		if len(key) > tiered.MaxKeyBytes && t.fault != "limits ignored" {
			return tier.ErrTooLarge
		}
	}
	return nil
}

// wrap is what each call ends with.
func (t *toy) wrap(key string, err error) error {
	if err != nil && t.fault == "errors name keys" {
		return fmt.Errorf("%s: %w", key, err)
	}
	return err
}

// live reports whether rec has not expired.
func (t *toy) live(rec record) bool {
	now := t.now()
	switch t.fault {
	case "ignores expiry":
		return true
	case "expires 1 ms late":
		return rec.deadline == 0 || rec.deadline >= now
	case "expires 1 ms early":
		return rec.deadline == 0 || rec.deadline > now+1
	case "expires after 30 days":
		return rec.deadline > now || rec.deadline == 0 && now < 1_800_000_000_000+30*86_400_000
	}
	return rec.deadline == 0 || rec.deadline > now
}

// lookup gives the live record of key.
func (t *toy) lookup(key string) (record, bool) {
	key = t.keyOf(key)
	rec, ok := t.disk.records[key]
	switch t.fault {
	case "caches for ever":
		if old, cached := t.cache[key]; cached {
			rec, ok = old, true
		}
	case "stale reads":
		if old, had := t.before[key]; had && t.reads.Load()%3 == 0 {
			rec, ok = old, true
		}
	case "empty is absent":
		ok = ok && len(rec.value) > 0
	}
	if !ok || !t.live(rec) {
		return record{}, false
	}
	return rec, true
}

func (t *toy) keyOf(key string) string {
	if t.fault == "keys end at zero bytes" {
		return strings.TrimRight(key, "\x00")
	}
	return key
}

// item is rec as the caller sees it.
func (t *toy) item(key string, rec record) tiered.Item {
	it := tiered.Item{Key: key, Value: t.out(rec.value), Version: rec.version, Tier: tiered.TierL3}
	if rec.deadline != 0 {
		it.Expires = time.UnixMilli(rec.deadline)
	}
	if t.fault == "deadlines in whole seconds" {
		it.Expires = it.Expires.Truncate(time.Second)
	}
	return it
}

// out gives bytes away.
func (t *toy) out(value []byte) []byte {
	if t.fault == "gives its own bytes" || t.fault == "overwrites in place" {
		return value
	}
	return append([]byte{}, value...)
}

func (t *toy) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closes++
	if t.closes > 1 && t.fault == "second Close fails" {
		return tier.ErrClosed
	}
	if !t.closed {
		t.stamp()
	}
	t.closed = true
	return nil
}

func (t *toy) Stats() tiered.Stats {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var st tiered.Stats
	st.L3.Records = int64(len(t.disk.records))
	st.L3.LiveBytes = t.liveBytes()
	return st
}

// liveBytes is what the quota counts.
func (t *toy) liveBytes() int64 {
	n := int64(0)
	for key, rec := range t.disk.records {
		n += int64(len(rec.value))
		if t.fault != "quota counts values" {
			n += int64(len(key))
		}
	}
	return n
}

// awaitReads lets readers run until n reads have passed, or gives up when
// nobody reads.
func (t *toy) awaitReads(n int64) {
	end := t.reads.Load() + n
	for range 2000 {
		if t.reads.Load() >= end {
			return
		}
		runtime.Gosched()
	}
}
