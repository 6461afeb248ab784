//go:build !wasm

package l3bolt_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stratakv/strata/l3bolt"
)

// TestDamagedMetaPageTakesNothingBack: bbolt falls back to its other meta page
// without a word. After Close no journal would show that it stands for less.
func TestDamagedMetaPageTakesNothingBack(t *testing.T) {
	for page := range 2 {
		dir := filepath.Join(memoryDir(t), fmt.Sprint(page))
		mk, m := newMaker(t, 21), emptyModel()
		db := mustOpen(t, dir, l3bolt.Options{SpareBytes: -1}, nil)
		for i := range 3 {
			g, after := mk.one(m, fmt.Sprint("key", i), "value", int64(i))
			mustCommit(t, db, g)
			m = after
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, "store.db")
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		size := os.Getpagesize()
		clear(data[page*size : (page+1)*size])
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		db = mustOpen(t, dir, l3bolt.Options{SpareBytes: -1}, nil)
		mk.same(t, db, m)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
