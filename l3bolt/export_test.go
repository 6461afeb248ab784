//go:build !wasm

package l3bolt

import (
	"bytes"
	"iter"
	"slices"

	"github.com/stratakv/strata/tiered/tier"
	bolt "go.etcd.io/bbolt"
)

// Crash ends the DB as kill -9 would: nothing is written back, and the locks
// go.
func (d *DB) Crash() error {
	d.status.breakBy(&fault{"crash", d.dir, errCrash})
	return d.Close()
}

type crashError struct{}

func (crashError) Error() string { return "crash" }

var errCrash error = crashError{}

// Checkpoint writes all that is published into bbolt.
func (d *DB) Checkpoint() error {
	d.commitMu.Lock()
	defer d.commitMu.Unlock()
	if err := d.checkpoint(true); err != nil {
		return err
	}
	d.freeze()
	return d.checkpoint(true)
}

// SomePieces freezes what is published and writes n pieces of it, of size
// changes each, as a checkpoint does; and leaves it at that. It returns how many
// changes it wrote. No checkpoint may follow.
func (d *DB) SomePieces(n, size int) (written int, err error) {
	d.commitMu.Lock()
	defer d.commitMu.Unlock()
	d.checkpointMu.Lock()
	defer d.checkpointMu.Unlock()
	d.checkMu.Lock()
	defer d.checkMu.Unlock()
	d.freeze()
	c := d.newCheckpoint(d.frozen)
	for ; err == nil && n > 0 && len(c.keys) > 0; n-- {
		p := &piece{c: c}
		err = c.write(p, c.keys[:min(size, len(c.keys))], nil)
		c.keys, written = c.keys[p.keys:], written+p.keys
	}
	return written, err
}

// CheckpointSteps is a checkpoint of what is published, in pieces of size changes
// each, with whatever the caller does between them. Whoever breaks out of it must
// let the DB crash.
func (d *DB) CheckpointSteps(size int) iter.Seq[error] {
	return func(yield func(error) bool) {
		d.commitMu.Lock()
		d.freeze()
		d.commitMu.Unlock()
		d.checkpointMu.Lock()
		defer d.checkpointMu.Unlock()
		c := d.newCheckpoint(d.frozen)
		for ends := false; !ends; {
			d.checkMu.Lock()
			keys, p := c.keys[:min(size, len(c.keys))], &piece{c: c}
			var early []string
			if len(keys) == len(c.keys) {
				early, p.mayEnd = c.early, true
			}
			err := c.write(p, keys, early)
			c.keys, ends = c.keys[p.keys:], p.ends
			d.checkMu.Unlock()
			if !yield(err) || err != nil {
				return
			}
		}
	}
}

// Pieces is how many pieces checkpoints wrote.
func (d *DB) Pieces() uint64 { return d.pieces.Load() }

// OldSegments are the files that are kept to make segments of.
func (d *DB) OldSegments() []string {
	d.journal.mu.Lock()
	defer d.journal.mu.Unlock()
	return slices.Clone(d.journal.stock.old)
}

// ReadySegment is the segment that was made ahead, "" if there is none.
func (d *DB) ReadySegment() string {
	d.journal.stock.making.Lock()
	defer d.journal.stock.making.Unlock()
	if d.journal.stock.ready == nil {
		return ""
	}
	return d.journal.stock.ready.name
}

// PreparesWhenTold ends the journal's goroutine that makes segments ahead.
func (d *DB) PreparesWhenTold() {
	s := &d.journal.stock
	close(s.stop)
	<-s.done
	s.stop = make(chan struct{})
}

// Prepare makes the next segment ahead, as the journal's goroutine does.
func (d *DB) Prepare() { d.journal.prepare() }

// EarlyLen is the number of entries in early.
func (d *DB) EarlyLen() int {
	d.expiry.mu.Lock()
	defer d.expiry.mu.Unlock()
	return len(d.expiry.slots)
}

// Summed appends a meta value's checksum.
func Summed(b []byte) []byte { return summed(append([]byte(nil), b...)) }

// Marked reports whether the next opening counts the usage anew.
func (d *DB) Marked() (marked bool, err error) {
	err = d.base.view(func(tx *bolt.Tx) error {
		marked = tx.Bucket(bucketMeta).Get(metaRecount) != nil
		return nil
	})
	return marked, err
}

// Paused runs fn while no checkpoint runs.
func (d *DB) Paused(fn func()) {
	d.checkpointMu.Lock()
	defer d.checkpointMu.Unlock()
	d.checkMu.Lock()
	defer d.checkMu.Unlock()
	fn()
}

// Replay gives the payloads of the records in data, a whole segment.
func Replay(data []byte, fn func(payload []byte)) error {
	w := &window{r: bytes.NewReader(data), file: "segment", size: int64(len(data))}
	h, err := w.readSegmentHeader()
	if err != nil {
		return err
	}
	_, _, err = replaySegment(w, h, func(_ int64, _ uint64, payload []byte) error {
		fn(payload)
		return nil
	})
	return err
}

// EncodeGroup is g's payload.
func EncodeGroup(g *tier.Group) []byte { return appendGroup(nil, g) }

// DecodeGroup gives the keys of a payload.
func DecodeGroup(payload []byte) ([]string, error) {
	g, err := decodeGroup(payload, nil)
	var keys []string
	for _, c := range g.changes {
		keys = append(keys, c.key)
	}
	return keys, err
}

// EncodeValue is a record's value in bbolt.
func EncodeValue(indexed bool, slot uint64, frame []byte) []byte {
	return appendValue(nil, value{indexed: indexed, slot: slot, frame: frame})
}

// DecodeValue takes a record's value apart.
func DecodeValue(b []byte) (indexed bool, slot uint64, frame []byte, err error) {
	v, err := parseValue(b)
	return v.indexed, v.slot, v.frame, err
}

// Disk is the file system as compactions see it.
type Disk = disk

// Compact compacts store.db now, in steps of so many bytes, on disk; nil is the
// real one. The DB must not compact by itself. Close waits for it as it does for
// the goroutine, which has ended.
func (d *DB) Compact(stepBytes int, on *Disk) error {
	<-d.compactor.done
	d.compactor.done = make(chan struct{})
	defer close(d.compactor.done)
	if on != nil {
		d.compactor.running.Lock()
		d.compactor.disk = *on
		d.compactor.running.Unlock()
	}
	return d.compact(pace{stepBytes: stepBytes})
}

// RealDisk is the operating system's.
func RealDisk() Disk { return realDisk() }

// SyncsStore reports whether bbolt syncs what it writes.
func (d *DB) SyncsStore() bool {
	b := d.base.current.Load().bolt
	return !b.NoSync && !b.NoGrowSync
}

// Checkpoints reports whether a checkpoint could run now.
func (d *DB) Checkpoints() bool {
	free := d.checkMu.TryLock()
	if free {
		d.checkMu.Unlock()
	}
	return free
}

// Stopped is closed when Close has begun.
func (d *DB) Stopped() <-chan struct{} { return d.stop }
