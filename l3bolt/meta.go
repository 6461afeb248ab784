//go:build !wasm

package l3bolt

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/stratakv/strata/tiered/tier"
	bolt "go.etcd.io/bbolt"
)

// The buckets of store.db. bucketDict is there once a dictionary is kept.
var (
	bucketMeta    = []byte("meta")
	bucketRecords = []byte("records")
	bucketExpiry  = []byte("expiry")
	bucketDict    = []byte("dict")
)

// The values of bucket meta, little endian, each followed by its crc32c:
//
//	format   format u32 | zero u32 | required features u64
//	identity store id 16 B | hash seed u64
//	epoch    u64 | opening u64, random
//	state    position u64 | version u64 | usage | stamp (as in the journal)
//	fresh    empty; there while segments of the store that this one replaced may lie around
//	next     as state: where a checkpoint that has begun will bring it; none: no checkpoint has
//	recount  empty; there while the state's usage counts records that damage took
//	over     usage: what of the state's, and of the journal's, checkpoints found counted twice; none: zeros
var (
	metaFormat   = []byte("format")
	metaIdentity = []byte("identity")
	metaEpoch    = []byte("epoch")
	metaState    = []byte("state")
	metaFresh    = []byte("fresh")
	metaRecount  = []byte("recount")
	metaNext     = []byte("next")
	metaOver     = []byte("over")
)

const (
	storeFormat   = 1
	knownFeatures = featureDictionaries

	// featureDictionaries: frames may name dictionaries of bucketDict.
	featureDictionaries = 1 << 0
)

// meta is what bucket meta holds.
type meta struct {
	id      [16]byte
	seed    uint64
	epoch   uint64
	opening uint64 // 0: never opened
	fresh   bool
	recount bool
	over    tier.Usage
	state   state
	next    state // the zero state: none
}

// state is what a store of groups amounts to after one of them.
type state struct {
	sequence uint64 // of that group in the journal, 0: none yet
	version  uint64
	usage    tier.Usage // with what blind changes replaced
	stamp    tier.Stamp
}

// newMeta is the meta of an empty store with an identity of its own.
func newMeta(fresh bool) meta {
	var b [24]byte
	// crypto/rand.Read never fails.
	_, _ = rand.Read(b[:])
	m := meta{seed: binary.LittleEndian.Uint64(b[16:]), fresh: fresh}
	copy(m.id[:], b[:16])
	return m
}

// newOpening is the identity of an opening.
func newOpening() uint64 {
	var b [8]byte
	// crypto/rand.Read never fails.
	_, _ = rand.Read(b[:])
	return max(binary.LittleEndian.Uint64(b[:]), 1)
}

// create writes m and makes the buckets.
func (m *meta) create(tx *bolt.Tx) error {
	for _, name := range [][]byte{bucketMeta, bucketRecords, bucketExpiry} {
		if _, err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	b := tx.Bucket(bucketMeta)
	format := formatValue(0)
	identity := binary.LittleEndian.AppendUint64(append([]byte(nil), m.id[:]...), m.seed)
	for _, put := range []struct{ key, value []byte }{{metaFormat, format}, {metaIdentity, identity}} {
		if err := b.Put(put.key, summed(put.value)); err != nil {
			return err
		}
	}
	if err := putEpoch(tx, 0, 0); err != nil {
		return err
	}
	if err := putState(tx, state{}); err != nil {
		return err
	}
	if m.fresh {
		return b.Put(metaFresh, summed(nil))
	}
	return nil
}

func formatValue(features uint64) []byte {
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, storeFormat), features)
}

// requireFeature notes that whoever opens the store must know feature.
func requireFeature(tx *bolt.Tx, g *guard, feature uint64) error {
	b := tx.Bucket(bucketMeta)
	r := metaReader{b: b}
	field := r.field(metaFormat)
	_, features := field.u64(), field.u64()
	if r.err != nil || features&feature != 0 {
		return r.err
	}
	if err := g.touch(bucketMeta, metaFormat, false); err != nil {
		return err
	}
	return b.Put(metaFormat, summed(formatValue(features|feature)))
}

func putEpoch(tx *bolt.Tx, epoch, opening uint64) error {
	b := binary.LittleEndian.AppendUint64(nil, epoch)
	return tx.Bucket(bucketMeta).Put(metaEpoch, summed(binary.LittleEndian.AppendUint64(b, opening)))
}

func putState(tx *bolt.Tx, s state) error {
	return tx.Bucket(bucketMeta).Put(metaState, encodeState(s))
}

func encodeState(s state) []byte {
	b := binary.LittleEndian.AppendUint64(nil, s.sequence)
	b = binary.LittleEndian.AppendUint64(b, s.version)
	return summed(appendStamp(appendUsage(b, s.usage), s.stamp))
}

func (r *reader) state() state {
	return state{sequence: r.u64(), version: r.u64(), usage: r.usage(), stamp: r.stamp()}
}

// readMeta reads bucket meta. An unknown format or feature is refused before
// anything else is looked at.
func readMeta(tx *bolt.Tx) (meta, error) {
	var m meta
	b := tx.Bucket(bucketMeta)
	if b == nil {
		return m, fmt.Errorf("%w: no bucket meta", tier.ErrCorrupt)
	}
	if err := checkFormat(b); err != nil {
		return m, err
	}
	if tx.Bucket(bucketRecords) == nil || tx.Bucket(bucketExpiry) == nil {
		return m, fmt.Errorf("%w: no bucket for records or for their expiry", tier.ErrCorrupt)
	}
	r := metaReader{b: b}
	identity := r.field(metaIdentity)
	copy(m.id[:], identity.bytes(16))
	m.seed = identity.u64()
	epoch := r.field(metaEpoch)
	m.epoch, m.opening = epoch.u64(), epoch.u64()
	s := r.field(metaState)
	m.state = s.state()
	next, over := &reader{}, &reader{}
	if b.Get(metaNext) != nil {
		next = r.field(metaNext)
		m.next = next.state()
	}
	if b.Get(metaOver) != nil {
		over = r.field(metaOver)
		m.over = over.usage()
	}
	if r.err == nil && (identity.bad || epoch.bad || s.bad || next.bad || over.bad) {
		r.err = fmt.Errorf("%w: meta of unknown form", tier.ErrCorrupt)
	}
	m.fresh, m.recount = b.Get(metaFresh) != nil, b.Get(metaRecount) != nil
	return m, r.err
}

func checkFormat(b *bolt.Bucket) error {
	r := metaReader{b: b}
	field := r.field(metaFormat)
	format, features := field.u64(), field.u64()
	if r.err != nil {
		return r.err
	}
	if field.bad || format != storeFormat {
		return fmt.Errorf("%w: format %d, this build knows %d", tier.ErrUnavailable, format, storeFormat)
	}
	if unknown := features &^ knownFeatures; unknown != 0 {
		return fmt.Errorf("%w: needs features %#x, which this build does not know", tier.ErrUnavailable, unknown)
	}
	return nil
}

// metaReader takes values out of bucket meta; the first fault stays in err.
type metaReader struct {
	b   *bolt.Bucket
	err error
}

// field returns a reader over a copy of the value.
func (m *metaReader) field(key []byte) *reader {
	raw := m.b.Get(key)
	value, ok := unsummed(raw)
	if !ok && m.err == nil {
		m.err = fmt.Errorf("%w: meta value %s is missing or fails its checksum", tier.ErrCorrupt, key)
	}
	return &reader{b: append([]byte(nil), value...)}
}

// summed appends b's checksum, which bbolt's pages do not have.
func summed(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func unsummed(b []byte) ([]byte, bool) {
	if len(b) < 4 {
		return nil, false
	}
	value, sum := b[:len(b)-4], b[len(b)-4:]
	return value, binary.LittleEndian.Uint32(sum) == crc32.Checksum(value, castagnoli)
}
