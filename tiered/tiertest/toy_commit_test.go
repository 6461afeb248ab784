package tiertest_test

import (
	"bytes"
	"runtime"

	"github.com/stratakv/strata/tiered/tier"
)

func (t *toy) Commit(g *tier.Group) error {
	switch {
	case t.fault == "refuses empty groups" && len(g.Changes) == 0:
		return errRefused
	case t.fault == "publishes half a group":
		half := *g
		half.Changes = g.Changes[:len(g.Changes)/2]
		t.publish(&half)
		t.awaitReads(40)
	case t.fault == "publishes late":
		own := *g
		own.Changes = append([]tier.Change(nil), g.Changes...)
		g, t.late = t.late, &own
		if g == nil {
			return nil
		}
	}
	return t.publish(g)
}

// awaitReads lets readers run until n calls have passed, or gives up when
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

func (t *toy) publish(g *tier.Group) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	changes := g.Changes
	if t.fault == "cuts groups at 1000" && len(changes) > 1000 {
		changes = changes[:1000]
	}
	seen := map[string]bool{}
	for _, c := range changes {
		if t.fault == "first change stands" && seen[c.Key] {
			continue
		}
		seen[c.Key] = true
		if err := t.apply(c); err != nil {
			return err
		}
	}
	t.stats = g.Usage
	d := t.disk
	d.commits++
	d.state.Version, d.state.Usage = g.Version, g.Usage
	if len(g.Changes) > 0 || t.fault != "empty groups leave no stamp" {
		d.state.Stamp = g.Stamp
	}
	return nil
}

func (t *toy) apply(c tier.Change) error {
	key := t.keyOf(c.Key)
	if c.Frame == nil {
		return t.remove(key)
	}
	records := t.disk.records
	old, present := records[key]
	rec := tier.Record{Key: key, Frame: c.Frame, Head: c.Head}
	switch t.fault {
	case "touch loses body":
		if c.Touch {
			rec.Frame = rec.Frame[:36]
		}
	case "large values cut":
		rec.Frame = rec.Frame[:min(len(rec.Frame), 1<<20)]
	case "versions of its own":
		rec.Version = old.Version + 1
	case "aliases":
		rec.Frame = t.inPlace(key, rec.Frame)
	case "evicts":
		if !present && len(records) >= 4000 {
			return nil
		}
	}
	if _, ok := t.firstLine[key]; !ok {
		t.firstLine[key] = c.Deadline
	}
	delete(t.consumed, key)
	if c.Deadline != 0 {
		t.timed = true
	}
	records[key] = rec
	return nil
}

// inPlace keeps a key's frames in one piece of memory for ever.
func (t *toy) inPlace(key string, frame []byte) []byte {
	if old := t.arena[key]; len(old) == len(frame) {
		copy(old, frame)
		return old
	}
	t.arena[key] = bytes.Clone(frame)
	return t.arena[key]
}

func (t *toy) remove(key string) error {
	old, present := t.disk.records[key]
	switch {
	case !present && t.fault == "refuses to remove nothing":
		return errRefused
	case t.fault == "loses a delete":
		return nil
	case present:
		t.removed[key] = old
		t.tombs++
	}
	delete(t.disk.records, key)
	return nil
}
