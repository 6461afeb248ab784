//go:build !wasm

package l3bolt

import bolt "go.etcd.io/bbolt"

// Features are the required features that store.db names.
func (d *DB) Features() (features uint64, err error) {
	err = d.base.view(func(tx *bolt.Tx) error {
		r := metaReader{b: tx.Bucket(bucketMeta)}
		field := r.field(metaFormat)
		_, features = field.u64(), field.u64()
		return r.err
	})
	return features, err
}

// RootPage is the offset of the root page of the store.db at path, and the
// length of a page.
func RootPage(path string) (offset, size int64, err error) {
	f, length, err := openAtRest(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	m, err := soundMeta(f, path, length)
	return int64(m.root) * int64(m.pageSize), int64(m.pageSize), err
}
