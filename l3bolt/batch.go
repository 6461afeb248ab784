//go:build !wasm

package l3bolt

import (
	bolt "go.etcd.io/bbolt"
)

// batch is what a step of a compaction writes, in memory of its own.
type batch struct {
	changes []pair
	data    []byte // what the pairs point to, in this array or in former ones
}

// pair is a key and its value of one of the copied buckets.
type pair struct {
	bucket     int
	key, value []byte
	gone       bool
}

// reset empties b, whose memory the next step uses.
func (b *batch) reset() { b.changes, b.data = b.changes[:0], b.data[:0] }

func (b *batch) copy(p []byte) []byte {
	at := len(b.data)
	b.data = append(b.data, p...)
	return b.data[at:len(b.data):len(b.data)]
}

func (b *batch) put(bucket int, key, value []byte) {
	b.changes = append(b.changes, pair{bucket: bucket, key: b.copy(key), value: b.copy(value)})
}

func (b *batch) remove(bucket int, key []byte) {
	b.changes = append(b.changes, pair{bucket: bucket, key: b.copy(key), gone: true})
}

// write applies the changes. Pages that have to be split are left as full as
// fill says.
func (b *batch) write(tx *bolt.Tx, fill float64) error {
	var buckets [len(copied)]*bolt.Bucket
	for _, p := range b.changes {
		if buckets[p.bucket] == nil {
			made, err := tx.CreateBucketIfNotExists(copied[p.bucket])
			if err != nil {
				return err
			}
			made.FillPercent = fill
			buckets[p.bucket] = made
		}
		if err := p.write(buckets[p.bucket]); err != nil {
			return err
		}
	}
	return nil
}

func (p *pair) write(b *bolt.Bucket) error {
	if p.gone {
		return b.Delete(p.key)
	}
	return b.Put(p.key, p.value)
}
