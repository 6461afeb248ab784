package tiertest_test

import (
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/stratakv/strata/tiered/tier"
	"github.com/stratakv/strata/tiered/tiertest"
)

// disk is what a toy leaves behind when it is closed.
type disk struct {
	records map[string]tier.Record
	state   tier.State
	commits int
}

// toy is a Durable over a map: honest with the empty fault, and else broken
// in the one way that fault names.
type toy struct {
	fault  string
	opened tier.State
	reads  atomic.Int64 // calls of Load and Scan, written by readers

	mu        sync.RWMutex // guards what follows
	disk      *disk
	late      *tier.Group       // fault "publishes late": not yet visible
	index     []string          // fault "stale scan index": the keys of the first group
	consumed  map[string]bool   // fault "due consumes"
	firstLine map[string]int64  // fault "due ignores touch": deadlines as first set
	tombs     int               // fault "scan stops at removed": removals so far
	stats     tier.Usage        // what Stats tells
	timed     bool              // whether a deadline was ever seen in this opening
	arena     map[string][]byte // fault "aliases": the memory that is written over
	removed   map[string]tier.Record
}

// toys gives a factory of toys with the fault.
func toys(fault string) tiertest.Factory {
	return func() (tiertest.Subject, error) {
		d := &disk{records: map[string]tier.Record{}}
		if _, err := rand.Read(d.state.ID[:]); err != nil {
			return tiertest.Subject{}, err
		}
		if fault == "old state" {
			d.state.Version = 1
		}
		first := openToy(fault, d)
		last := first
		return tiertest.Subject{Durable: first, Reopen: func() (tier.Durable, error) {
			last.spoil()
			last = openToy(fault, d)
			return last, nil
		}}, nil
	}
}

func openToy(fault string, d *disk) *toy {
	d.state.Epoch++
	t := &toy{fault: fault, disk: d, opened: d.state, stats: d.state.Usage}
	t.consumed, t.firstLine = map[string]bool{}, map[string]int64{}
	t.arena, t.removed = map[string][]byte{}, map[string]tier.Record{}
	for _, rec := range d.records {
		t.timed = t.timed || rec.Deadline != 0
	}
	if fault == "due index lost at reopening" && d.state.Epoch > 1 {
		t.timed = false
	}
	return t
}

// spoil is what the faults of reopening do to the disk.
func (t *toy) spoil() {
	d := t.disk
	switch t.fault {
	case "drops version at reopening":
		d.state.Version = 0
	case "reopen revives":
		maps.Copy(d.records, t.removed)
	case "replays 64 groups":
		if d.commits > 64 {
			for _, key := range slices.Sorted(maps.Keys(d.records))[:1] {
				delete(d.records, key)
			}
		}
	}
}

func (t *toy) State() tier.State {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.fault == "state moves" {
		return t.disk.state
	}
	return t.opened
}

func (t *toy) Load(key string) (tier.Record, bool, error) {
	t.reads.Add(1)
	t.mu.RLock()
	defer t.mu.RUnlock()
	rec, ok := t.disk.records[t.keyOf(key)]
	rec.Key = key
	if t.fault == "expires by itself" && rec.Expired(1_700_000_000_000) {
		return tier.Record{}, false, nil
	}
	return rec, ok, nil
}

func (t *toy) Heads(keys []string, heads []tier.Head, blind []bool) error {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for i, key := range keys {
		if t.leavesOut(blind, i) {
			heads[i] = tier.Head{}
			continue
		}
		rec, ok := t.disk.records[t.keyOf(key)]
		if ok || t.fault != "heads left as they were" {
			heads[i] = rec.Head
		}
	}
	return nil
}

func (t *toy) leavesOut(blind []bool, i int) bool {
	switch {
	case blind == nil:
		return false
	case t.fault == "leaves out any head":
		blind[i] = true
	case t.fault != "blind changes are not settled":
		blind[i] = false
	}
	return blind[i]
}

func (t *toy) Stats() tier.DurableStats {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.fault == "usage forgets" {
		return tier.DurableStats{Usage: tier.Usage{Records: int64(t.disk.commits)}}
	}
	return tier.DurableStats{Usage: t.stats, Commits: uint64(t.disk.commits)}
}

func (t *toy) Timed() bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.timed && t.fault != "never timed"
}

func (t *toy) Overcount() tier.Usage {
	if t.fault == "overcount out of nothing" {
		return tier.Usage{Records: 1}
	}
	return tier.Usage{}
}

func (t *toy) Close() error { return nil }

// keyOf is where a key is kept.
func (t *toy) keyOf(key string) string {
	if t.fault == "keys end at zero bytes" {
		return strings.TrimRight(key, "\x00")
	}
	return key
}

var errRefused = errors.New("refused")
