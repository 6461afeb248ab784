//go:build !wasm

package l3bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/stratakv/strata/internal/failpoint"
	"github.com/stratakv/strata/tiered/tier"
	bolt "go.etcd.io/bbolt"
)

// Dictionaries lie in a bucket of their own, under "d" and their id in big
// endian; the value, little endian, followed by its crc32c:
//
//	trained i64 | raw i64 | stored i64 | prefix length u16 | prefix | bytes
//
// An entry is written once and never changed or removed: pages that bbolt has
// freed, too, hold nothing but true ones.

const (
	dictionaryKeyBytes = 5
	dictionaryHead     = 26
	// maxDictionary bounds a dictionary, maxDictionaries how many are kept.
	maxDictionary   = 1 << 20
	maxDictionaries = 1024
	// dictionaryPages is what bbolt writes besides the dictionary: the pages
	// that lead to it, and the freelist.
	dictionaryPages = 64 << 10
)

var _ tier.DictionaryKeeper = (*DB)(nil)

func dictionaryKey(id uint32) []byte { return binary.BigEndian.AppendUint32([]byte{'d'}, id) }

func appendDictionary(b []byte, t tier.Dictionary) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(t.Trained))
	b = binary.LittleEndian.AppendUint64(b, uint64(t.Raw))
	b = binary.LittleEndian.AppendUint64(b, uint64(t.Stored))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(t.Prefix)))
	return append(append(b, t.Prefix...), t.Bytes...)
}

// parseDictionary reads an entry into memory of its own.
func parseDictionary(key, raw []byte) (t tier.Dictionary, ok bool) {
	b, sound := unsummed(raw)
	if !sound || len(key) != dictionaryKeyBytes || key[0] != 'd' || len(b) < dictionaryHead {
		return t, false
	}
	t.ID = binary.BigEndian.Uint32(key[1:])
	t.Trained = int64(binary.LittleEndian.Uint64(b))
	t.Raw = int64(binary.LittleEndian.Uint64(b[8:]))
	t.Stored = int64(binary.LittleEndian.Uint64(b[16:]))
	prefix := int(binary.LittleEndian.Uint16(b[24:]))
	if b = b[dictionaryHead:]; prefix > len(b) {
		return tier.Dictionary{}, false
	}
	t.Prefix, t.Bytes = string(b[:prefix]), bytes.Clone(b[prefix:])
	return t, idOf(t.Bytes) == t.ID
}

// idOf is the id that a dictionary's bytes hold, 0 if they are none.
func idOf(b []byte) uint32 {
	if len(b) < 8 || len(b) > maxDictionary || string(b[:4]) != "\x37\xa4\x30\xec" {
		return 0
	}
	return binary.LittleEndian.Uint32(b[4:])
}

// Dictionaries returns all dictionaries that are kept. With ErrCorrupt, those
// that are sound.
func (d *DB) Dictionaries() ([]tier.Dictionary, error) {
	var all []tier.Dictionary
	damaged := 0
	err := d.base.view(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketDict)
		if b == nil {
			return nil
		}
		return b.ForEach(func(k, raw []byte) error {
			if t, ok := parseDictionary(k, raw); ok {
				all = append(all, t)
			} else {
				damaged++
			}
			return nil
		})
	})
	if damaged > 0 {
		err = errors.Join(err, fmt.Errorf("%w: %s: %d dictionaries are damaged", tier.ErrCorrupt, d.base.path, damaged))
	}
	return all, err
}

// KeepDictionary writes t into store.db, in a transaction of its own, and
// returns when that is synced (D9). It may wait for a checkpoint.
func (d *DB) KeepDictionary(t tier.Dictionary) error {
	if t.ID == 0 || idOf(t.Bytes) != t.ID || len(t.Prefix) > maxKeyBytes {
		return fmt.Errorf("%w: no dictionary, or one over %d bytes", tier.ErrTooLarge, maxDictionary)
	}
	d.checkMu.Lock()
	defer d.checkMu.Unlock()
	if err := d.status.broken(); err != nil {
		return failed(tier.ErrUnavailable, "keep a dictionary in", d.base.path, err)
	}
	if kept, err := d.keptAlready(t); kept || err != nil {
		return err
	}
	// What checkpoints need (D8) is not for it.
	if half := d.opts.SpareBytes / 2; half > 0 && isFull(d.base.extend(half+int64(len(t.Bytes))+dictionaryPages)) {
		return failed(tier.ErrFull, "keep a dictionary in", d.base.path, errKeptBack)
	}
	err := d.base.update(func(tx *bolt.Tx, g *guard) error { return putDictionary(tx, g, t) })
	switch {
	case err == nil:
		failpoint.Pass("l3bolt-dictionary")
		return d.keepRoom()
	case errors.Is(err, tier.ErrCorrupt):
		return err
	case rolledBack(err):
		return failed(tier.ErrFull, "keep a dictionary in", d.base.path, err)
	}
	f := &fault{"keep a dictionary in", d.base.path, err}
	d.status.breakBy(f)
	return fmt.Errorf("%w: %w", tier.ErrUnavailable, f)
}

// keptAlready reports whether t is there, and why it cannot be added.
func (d *DB) keptAlready(t tier.Dictionary) (bool, error) {
	all, err := d.Dictionaries()
	if err != nil && !errors.Is(err, tier.ErrCorrupt) {
		return false, err
	}
	for _, old := range all {
		switch {
		case old.ID != t.ID:
		case bytes.Equal(old.Bytes, t.Bytes):
			return true, nil
		default:
			return false, fmt.Errorf("%w: another dictionary has this id", tier.ErrVersion)
		}
	}
	if len(all) >= maxDictionaries {
		return false, fmt.Errorf("%w: %d dictionaries are kept", tier.ErrTooLarge, len(all))
	}
	return false, nil
}

func putDictionary(tx *bolt.Tx, g *guard, t tier.Dictionary) error {
	key := dictionaryKey(t.ID)
	if err := g.touch(bucketDict, key, false); err != nil {
		return err
	}
	b, err := tx.CreateBucketIfNotExists(bucketDict)
	if err != nil {
		return err
	}
	if b.Get(key) != nil {
		return fmt.Errorf("%w: the dictionary of this id is damaged", tier.ErrCorrupt)
	}
	if err := requireFeature(tx, g, featureDictionaries); err != nil {
		return err
	}
	return b.Put(key, summed(appendDictionary(nil, t)))
}

// SalvageDictionaries reads the store.db at path, damaged or not, and returns
// the undamaged dictionaries in it: what [Salvage] gives can be decoded with
// them. It looks for them in every page, free ones too, as a dictionary is
// never changed. Errors are those of Salvage, without the reports of damage.
func SalvageDictionaries(path string) ([]tier.Dictionary, error) {
	f, size, err := openAtRest(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	unlock, err := lockForSalvage(f, path)
	if err != nil {
		return nil, err
	}
	defer unlock()
	r := &salvageReader{f: f, left: salvageReads*size + 1<<20}
	m, found, err := newestMeta(r, size)
	if err != nil {
		return nil, failed(tier.ErrUnavailable, "read", path, err)
	}
	if !found {
		return nil, corrupt(path, 0, "no valid meta page")
	}
	s := &salvage{r: r, f: &pageFile{r: r, file: path, size: int64(m.pageSize), pages: m.pages}}
	s.inFile = uint64(size) / uint64(m.pageSize)
	return s.dictionaries()
}

// dictionaries looks into every page.
func (s *salvage) dictionaries() ([]tier.Dictionary, error) {
	var all []tier.Dictionary
	met := make(map[uint32]struct{})
	for id := uint64(2); id < s.inFile; id++ {
		l, err := s.openLeaf(id)
		if errors.Is(err, errReadEnough) {
			return all, err
		}
		if err != nil || !l.sound {
			continue
		}
		for _, t := range l.dictionaries() {
			if _, ok := met[t.ID]; !ok {
				met[t.ID] = struct{}{}
				all = append(all, t)
			}
		}
		id += l.overflow
	}
	return all, nil
}

// dictionaries gives those of a leaf, and of the inline bucket that it may hold.
func (l *leafReader) dictionaries() (found []tier.Dictionary) {
	for i := range l.elements() {
		at := int64(boltPageHeader + pageElement*i)
		head, err := l.bytes(at, pageElement)
		if err != nil {
			return found
		}
		flags, pos := binary.NativeEndian.Uint32(head), int64(binary.NativeEndian.Uint32(head[4:]))
		size, n := int64(binary.NativeEndian.Uint32(head[8:])), int64(binary.NativeEndian.Uint32(head[12:]))
		if size > dictionaryKeyBytes || n > maxDictionary+maxPageKey {
			continue
		}
		entry, err := l.bytes(at+pos, size+n)
		if err != nil {
			continue
		}
		key, value := entry[:size], entry[size:]
		if flags&elementBucket != 0 && string(key) == string(bucketDict) && len(value) > bucketHeader+boltPageHeader && !l.inline {
			page := value[bucketHeader:]
			inner := &leafReader{f: l.f, id: l.id, page: page, total: int64(len(page)), inline: true}
			found = append(found, inner.dictionaries()...)
			continue
		}
		if t, ok := parseDictionary(key, value); ok {
			found = append(found, t)
		}
	}
	return found
}
