//go:build !wasm

package l3bolt

import (
	"bytes"

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
	if err := d.checkpoint(); err != nil {
		return err
	}
	d.freeze()
	return d.checkpoint()
}

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
	g, err := decodeGroup(payload)
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
