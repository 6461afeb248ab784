package tiertest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/stratakv/strata/tiered/tier"
)

var recordCases = []testCase{
	{
		name: "Fresh",
		why:  "a fresh Durable holds nothing, has given no version and has no stamp, and has an identity of its own",
		run: func(p *probe) {
			st := p.durable.State()
			if st.Version != 0 || st.Usage != (tier.Usage{}) || st.Stamp != (tier.Stamp{}) {
				p.Errorf("State of a fresh Durable: got %+v, want no version, usage or stamp", st)
			}
			if st.ID == [16]byte{} {
				p.Errorf("State().ID: got zeros, want a random identity")
			}
			p.verifyAll("", "a", "\x00", "\xff")
		},
	},
	{
		name: "SetReplaceRemove",
		why:  "a key has the record of its last group: set, replaced, removed, set again",
		run: func(p *probe) {
			for _, value := range []string{"one", "two", "a longer value than before", ""} {
				p.set("key", []byte(value), 0)
				p.commit()
				p.verifyAll("ke", "key\x00", "keys")
			}
			p.remove("key")
			p.commit()
			p.verifyAll("key")
			p.set("key", []byte("again"), 0)
			p.commit()
			p.verifyAll()
		},
	},
	{
		name: "RemoveAbsent",
		why:  "the removal of a key that has no record is no fault",
		run: func(p *probe) {
			p.set("a", []byte("stays"), 0)
			p.remove("b")
			p.commit()
			p.remove("b")
			p.commit()
			p.verifyAll("b")
		},
	},
	{
		name: "LastChangeStands",
		why:  "of several changes of a key in one group the last one stands",
		run:  lastChangeStands,
	},
	{
		name: "TouchKeepsBody",
		why:  "a touch gives the record a new version and deadline and leaves its value",
		run: func(p *probe) {
			value := noise(3, 2000)
			p.set("a", value, 5000)
			p.set("b", []byte("short"), 0)
			p.commit()
			for _, deadline := range []int64{9000, 2000, 0, 7000} {
				p.touch("a", deadline)
				p.touch("b", deadline)
				p.commit()
				p.verifyAll()
			}
			rec, _ := p.load("a")
			got, err := p.codec.Decode(nil, "a", rec.Frame)
			if err != nil || !bytes.Equal(got, value) {
				p.Errorf("value after touches: got %d bytes and error %v, want the %d that were set", len(got), err, len(value))
			}
		},
	},
	{
		name: "ExpiredStay",
		why:  "a Durable judges no deadline: a record past it is loaded and scanned until a group removes it",
		run: func(p *probe) {
			p.set("long past", []byte("x"), 1)
			p.set("ahead", []byte("y"), epochMillis*2)
			p.commit()
			p.verifyAll()
			if due := p.due(epochMillis, 10); len(due) != 1 {
				p.Errorf("Due: got %d keys, want 1", len(due))
			}
			p.verifyAll() // asking what is due removes nothing
		},
	},
	{
		name: "Keys",
		why:  "a key is any bytes, 0 to 32,000 of them, and no two are the same",
		run: func(p *probe) {
			keys := oddKeys()
			for i, key := range keys {
				p.set(key, fmt.Appendf(nil, "value %d", i), 0)
			}
			p.commit()
			p.verifyAll("c", "\x00\x00\x00", strings.Repeat("k", 31_998))
			for _, key := range keys[:len(keys)/2] {
				p.remove(key)
			}
			p.commit()
			p.verifyAll(keys[:len(keys)/2]...)
		},
	},
	{
		name: "ValueSizes",
		why:  "a value is 0 bytes to megabytes, compressible or not",
		run: func(p *probe) {
			for i, n := range []int{0, 1, 127, 128, 4095, 4096, 65_535, 65_536, 1 << 20, 5 << 20} {
				p.set(fmt.Sprintf("noise %d", i), noise(uint64(n), n), 0)
				p.set(fmt.Sprintf("plain %d", i), bytes.Repeat([]byte{'x'}, n), 0)
				p.commit()
			}
			p.verifyAll()
		},
	},
	{
		name: "ManyRecords",
		why:  "5,000 records, set in groups in no order, are all there and in order",
		run: func(p *probe) {
			for i, k := range rand.New(rand.NewPCG(1, 2)).Perm(5000) {
				p.set(fmt.Sprintf("record %04d", k), fmt.Appendf(nil, "value of %d", k), int64(k%3)*int64(k))
				if i%500 == 499 {
					p.commit()
				}
			}
			p.verifyAll("record", "record 5000")
			p.verifyScan(tier.Range{Records: 256, MaxBytes: 1 << 20})
		},
	},
}

// lastChangeStands tries all orders of two and three changes of one key in
// one group, on an absent and on a present key.
func lastChangeStands(p *probe) {
	steps := []func(key string){
		func(key string) { p.set(key, []byte("first"), 0) },
		func(key string) { p.set(key, []byte("second, longer"), 40_000) },
		p.remove,
		func(key string) {
			if _, ok := p.records[key]; ok {
				p.touch(key, 30_000)
			}
		},
	}
	for i := range 4 * 4 * 4 * 2 {
		key := fmt.Sprintf("key %03d", i)
		if i >= 64 {
			p.set(key, []byte("before"), 0)
			p.commit()
		}
		steps[i%4](key)
		p.set("beside", fmt.Appendf(nil, "%d", i), 0)
		steps[i/4%4](key)
		steps[i/16%4](key)
		p.commit()
		p.verifyKey(key)
		p.verifyKey("beside")
	}
	p.verifyAll()
}

// oddKeys are keys that trees, prefixes and terminators stumble over.
func oddKeys() []string {
	long := strings.Repeat("k", 31_999)
	return []string{
		"", "\x00", "\x00\x00", "\x00\xff", "a", "a\x00", "a\x00b", "a\xff", "a\xff\xff", "b",
		"\xff", "\xff\x00", "\xff\xff", "\xff\xff\xff", "ключ", "a/b/c", "line\nbreak",
		long, long + "a", long + "b", strings.Repeat("\xff", 32_000), strings.Repeat("\x00", 32_000),
	}
}

// noise gives n bytes that do not compress, the same for the same seed.
func noise(seed uint64, n int) []byte {
	rng := rand.New(rand.NewPCG(seed, 7))
	b := make([]byte, 0, n+8)
	for len(b) < n {
		b = binary.LittleEndian.AppendUint64(b, rng.Uint64())
	}
	return b[:n]
}
