package l3mem_test

import (
	"testing"

	"github.com/stratakv/strata/tiered/tier"
)

// FuzzOps reads the input as operations, three bytes each, on a store that is
// small enough to be full, and compares it with a map.
func FuzzOps(f *testing.F) {
	f.Add([]byte{0, 1, 2, 0, 2, 255, 64, 1, 9, 128, 2, 0, 200, 0, 0}, true)
	f.Add([]byte{3, 1, 255, 3, 2, 255, 3, 3, 255, 67, 1, 0, 131, 1, 7}, false)
	f.Fuzz(func(t *testing.T, ops []byte, evict bool) {
		if len(ops) > 3000 {
			t.Skip("long inputs show no more")
		}
		m := newModel(t, 64<<10, evict)
		var group []tier.Change
		for i := 0; i+2 < len(ops); i += 3 {
			op, key, arg := ops[i], fuzzKey(ops[i+1]), int(ops[i+2])
			switch op >> 6 {
			case 0:
				group = append(group, m.set(key, arg*37, int64(arg%5)))
			case 1:
				group = append(group, m.remove(key))
			case 2:
				group = append(group, m.set(key, arg, 0))
			case 3:
				if m.records[key].Version != 0 && len(group) == 0 {
					group = append(group, m.touch(key, int64(arg)))
				}
			}
			if op&1 == 0 {
				m.commit(int64(arg%7), group...)
				group = nil
			}
		}
		m.verify()
		m.verifyDue(3)
	})
}

// fuzzKey makes keys of several lengths, prefixes of each other among them.
func fuzzKey(b byte) string {
	const long = "session:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\x00\x00"
	return long[:int(b)%len(long)] + string("\x00ab"[b%3])
}
