package tiertest_test

import (
	"maps"
	"runtime"
	"slices"
	"strings"

	"github.com/stratakv/strata/tiered/tier"
)

func (t *toy) Scan(r tier.Range) (recs []tier.Record, more bool, err error) {
	t.reads.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	size := 0
	for _, key := range t.scanKeys(r) {
		if len(recs) == r.Records || size >= r.MaxBytes && t.fault != "scan ignores MaxBytes" {
			return recs, t.fault != "more ends early" || len(recs) > 3, nil
		}
		rec := t.disk.records[key]
		recs = append(recs, rec)
		size += len(rec.Frame)
		if t.fault == "half a chunk" {
			t.mu.Unlock()
			runtime.Gosched() // another moment
			t.mu.Lock()
		}
	}
	return recs, false, nil
}

// scanKeys gives the keys of r in the order in which the toy scans them.
func (t *toy) scanKeys(r tier.Range) []string {
	if t.fault == "scan stops at removed" && t.tombs > 1000 {
		return nil
	}
	if t.fault == "ignores From" {
		r.From = ""
	}
	keys := slices.DeleteFunc(t.orderedKeys(), func(key string) bool {
		return key < r.From || !t.hasPrefix(key, r.Prefix)
	})
	return keys
}

func (t *toy) hasPrefix(key, prefix string) bool {
	if t.fault == "prefix bound wraps" && prefix != "" {
		end := []byte(prefix)
		end[len(end)-1]++
		return key >= prefix && key < string(end)
	}
	return strings.HasPrefix(key, prefix)
}

func (t *toy) orderedKeys() []string {
	keys := slices.Collect(maps.Keys(t.disk.records))
	switch t.fault {
	case "unsorted scan":
		slices.SortFunc(keys, func(a, b string) int { return strings.Compare(b, a) })
	case "sorts by length":
		slices.SortFunc(keys, func(a, b string) int {
			if len(a) != len(b) {
				return len(a) - len(b)
			}
			return strings.Compare(a, b)
		})
	case "stale scan index":
		if t.index == nil {
			t.index = slices.Sorted(slices.Values(keys))
		}
		return slices.DeleteFunc(slices.Clone(t.index), func(key string) bool {
			_, ok := t.disk.records[key]
			return !ok
		})
	default:
		slices.Sort(keys)
	}
	return keys
}

func (t *toy) Due(now int64, limit int) ([]string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var due []string
	if t.fault == "at most 100 due" {
		limit = min(limit, 100)
	}
	for _, key := range slices.Sorted(maps.Keys(t.disk.records)) {
		if len(due) < limit && t.isDue(key, now) {
			due = append(due, key)
		}
	}
	if t.fault == "due consumes" {
		for _, key := range due {
			t.consumed[key] = true
		}
	}
	if t.fault == "forgets a key in Due" && len(due) > 1 {
		due = due[1:]
	}
	return due, nil
}

func (t *toy) isDue(key string, now int64) bool {
	h := t.disk.records[key].Head
	switch t.fault {
	case "due in whole seconds":
		return h.Deadline != 0 && h.Deadline/1000 <= now/1000
	case "due misses the last millisecond":
		return h.Deadline != 0 && h.Deadline < now
	case "the immortal are due":
		return h.Deadline <= now
	case "due ignores touch":
		h.Deadline = t.firstLine[key]
	case "due consumes":
		return h.Expired(now) && !t.consumed[key]
	case "due skips the empty key":
		return h.Expired(now) && key != ""
	case "due index lost at reopening":
		return h.Expired(now) && t.opened.Epoch == 1
	}
	return h.Expired(now)
}
