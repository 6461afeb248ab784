package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/stratakv/strata/tiered"
)

var readCases = []testCase{
	{
		name: "Absent",
		why:  "a key that was never set is ErrNotFound, also in a fresh store",
		run: func(p *probe) {
			for _, key := range []string{"", "a", "\x00", "\xff", strings.Repeat("k", tiered.MaxKeyBytes)} {
				p.wantAbsent("fresh store", key)
			}
		},
	},
	{
		name: "Keys",
		why:  "a key is any bytes, 0 to 32,000 of them, and no two are the same",
		run: func(p *probe) {
			keys := oddKeys()
			for i, key := range keys {
				p.set(key, fmt.Sprintf("value %d", i), 0)
			}
			for i, key := range keys {
				p.wantValue("set", key, fmt.Sprintf("value %d", i))
			}
			for _, key := range keys[:len(keys)/2] {
				p.must("Delete", p.store.Delete(p.ctx, key))
				p.wantAbsent("deleted", key)
			}
			for i, key := range keys[len(keys)/2:] {
				p.wantValue("beside deleted ones", key, fmt.Sprintf("value %d", i+len(keys)/2))
			}
		},
	},
	{
		name: "ValueSizes",
		why:  "a value is 0 bytes to megabytes, compressible or not, and the empty one is not absence",
		run: func(p *probe) {
			p.must("Set", p.store.Set(p.ctx, "nil", nil, 0))
			p.wantValue("set to nil", "nil", "")
			for _, n := range []int{0, 1, 127, 128, 4096, 65_536, 1<<20 + 1, 5 << 20} {
				key := fmt.Sprintf("size %d", n)
				p.set(key, string(noise(uint64(n), n)), 0)
				p.wantValue("noise", key, string(noise(uint64(n), n)))
				p.set(key, strings.Repeat("x", n), 0)
				p.wantValue("plain", key, strings.Repeat("x", n))
			}
		},
	},
	{
		name: "ViewReturnsFnsError",
		why:  "View comes back with fn's own error, matchable",
		run: func(p *probe) {
			p.set("key", "value", 0)
			own := errors.New("fn's own")
			p.want("View", p.store.View(p.ctx, "key", func([]byte) error { return own }), own)
			p.wantValue("after View", "key", "value")
		},
	},
	{
		name: "ViewMayCallTheStore",
		why:  "View's fn may call the store, about the same key too, and what it was lent stays as it is",
		run: func(p *probe) {
			p.set("key", "the old value", 0)
			err := p.store.View(p.ctx, "key", func(value []byte) error {
				p.set("key", "a new value!!", 0)
				p.wantValue("inside View", "key", "a new value!!")
				p.must("Delete", p.store.Delete(p.ctx, "key"))
				p.set("other", "the old value", 0)
				if string(value) != "the old value" {
					p.Errorf("value lent by View: got %q after a write, want %q", value, "the old value")
				}
				return nil
			})
			p.must("View", err)
			p.wantAbsent("deleted in View", "key")
		},
	},
	{
		name: "GetMany",
		why:  "GetMany gives the live ones of the keys and nothing for the others, however many and repeated they are",
		run:  getMany,
	},
	{
		name: "Stats",
		why:  "Stats counts what is stored, is ready for JSON, and does not call memory durable",
		run: func(p *probe) {
			p.set("12345", "123", 0)
			p.set("1", "", 0)
			st := p.store.Stats()
			if st.L3.Records != 2 || st.L3.LiveBytes != 9 {
				p.Errorf("Stats: got %d records of %d live bytes, want 2 of 9", st.L3.Records, st.L3.LiveBytes)
			}
			if st.Durable && p.tier == tiered.TierMemory {
				p.Errorf("Stats().Durable of a memory store: got true, want false")
			}
			if _, err := json.Marshal(st); err != nil {
				p.Errorf("Stats as JSON: got %v, want nil", err)
			}
		},
	},
}

func getMany(p *probe) {
	p.set("expired", "gone", 10_000_000)
	p.clock.Advance(10_000_000)
	var keys []string
	for i := range 600 {
		key := fmt.Sprintf("k%03d", i)
		keys = append(keys, key, key)
		if i%2 == 0 {
			p.set(key, "value of "+key, 0)
		}
	}
	got, err := p.store.GetMany(p.ctx, append(keys, "expired", ""))
	p.must("GetMany", err)
	if len(got) != 300 {
		p.Errorf("GetMany: got %d items, want 300", len(got))
	}
	for i := 0; i < 600; i += 2 {
		key := fmt.Sprintf("k%03d", i)
		p.sameItem("GetMany", got[key], p.item(key))
		if string(got[key].Value) != "value of "+key {
			p.Errorf("GetMany: got %s, want the value of %s", describe(got[key]), key)
		}
	}
	if none, err := p.store.GetMany(p.ctx, nil); err != nil || len(none) != 0 {
		p.Errorf("GetMany of no keys: got %d items and error %v, want none", len(none), err)
	}
}

// oddKeys are keys that trees, prefixes and terminators stumble over.
func oddKeys() []string {
	long := strings.Repeat("k", tiered.MaxKeyBytes-1)
	return []string{
		"", "\x00", "\x00\x00", "\x00\xff", "a", "a\x00", "a\x00b", "a\xff", "a\xff\xff", "b",
		"\xff", "\xff\x00", "\xff\xff", "ключ", "a/b/c", "line\nbreak",
		long, long + "a", long + "b", strings.Repeat("\xff", tiered.MaxKeyBytes), strings.Repeat("\x00", tiered.MaxKeyBytes),
	}
}
