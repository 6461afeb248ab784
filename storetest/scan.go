package storetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stratakv/strata/tiered"
)

var scanCases = []testCase{
	{
		name: "Scan",
		why:  "Scan gives the live records whose keys begin with the prefix, whole, in the order of the keys' bytes",
		run: func(p *probe) {
			want := map[string]string{}
			for i, key := range oddKeys() {
				want[key] = fmt.Sprintf("value %d", i)
				p.set(key, want[key], 0)
			}
			p.set("deleted", "gone", 0)
			p.must("Delete", p.store.Delete(p.ctx, "deleted"))
			for _, prefix := range append(oddKeys(), "kk", "zz", "a\xfe", "\xfe", "dele") {
				p.wantScan(prefix, want)
			}
			for it := range p.store.Scan(p.ctx, "a") {
				p.sameItem("Scan", it, p.item(it.Key))
			}
		},
	},
	{
		name: "ScanEmpty",
		why:  "a Scan that meets nothing ends without an error",
		run: func(p *probe) {
			p.wantScan("", nil)
			p.set("b", "value", 0)
			p.wantScan("a", nil)
			p.wantScan("c", nil)
			p.wantScan("b\x00", nil)
		},
	},
	{
		name: "ScanManyRecords",
		why:  "a Scan of many chunks misses nothing and meets nothing twice, at each chunk's border",
		run: func(p *probe) {
			want := map[string]string{}
			var b tiered.Batch
			for i := range 1100 {
				key := fmt.Sprintf("k%04d", i)
				want[key] = fmt.Sprint(i)
				b.Set(key, []byte(want[key]), 0)
			}
			p.must("Write", p.store.Write(p.ctx, &b))
			p.wantScan("", want)
			for _, n := range []int{255, 256, 257, 511, 512, 513} {
				prefix := fmt.Sprintf("n%d/", n)
				b = tiered.Batch{}
				for i := range n {
					key := fmt.Sprintf("%s%04d", prefix, i)
					want[key] = "n"
					b.Set(key, []byte("n"), 0)
				}
				p.must("Write", p.store.Write(p.ctx, &b))
				p.wantScan(prefix, want)
			}
		},
	},
	{
		name: "ScanLargeValues",
		why:  "values of megabytes are scanned whole, one larger than a chunk too",
		run: func(p *probe) {
			want := map[string]string{}
			for i, n := range []int{400_000, 700_000, 3 << 20, 10, 1 << 20, 1<<20 + 1, 1<<20 - 1, 300_000, 0} {
				key := fmt.Sprintf("k%d", i)
				want[key] = string(noise(uint64(i), n))
				p.set(key, want[key], 0)
			}
			p.wantScan("", want)
		},
	},
	{
		name: "ScanBreak",
		why:  "a loop may break early, and the sequence can be ranged over again",
		run: func(p *probe) {
			for i := range 10 {
				p.set(fmt.Sprintf("k%d", i), "value", 0)
			}
			seq := p.store.Scan(p.ctx, "k")
			for n := range 5 {
				var keys []string
				for it, err := range seq {
					p.must("Scan", err)
					keys = append(keys, it.Key)
					if len(keys) > n {
						break
					}
				}
				if len(keys) != n+1 || keys[n] != fmt.Sprintf("k%d", n) {
					p.Errorf("Scan broken after %d: got %q", n+1, keys)
				}
			}
			p.set("afterwards", "value", 0)
			p.wantValue("after broken scans", "afterwards", "value")
		},
	},
	{
		name: "ScanExpired",
		why:  "P4: Scan meets no expired record; one that expires while it runs is met in the chunk at hand at most",
		run: func(p *probe) {
			var b tiered.Batch
			want := map[string]string{}
			for i := range 900 {
				key := fmt.Sprintf("k%03d", i)
				if i%300 == 299 {
					want[key] = "stays"
					b.Set(key, []byte("stays"), 0)
				} else {
					b.Set(key, []byte("goes"), time.Second)
				}
			}
			p.must("Write", p.store.Write(p.ctx, &b))
			met := 0
			for it, err := range p.store.Scan(p.ctx, "") {
				p.must("Scan", err)
				if string(it.Value) == "goes" {
					met++
				}
				if met == 1 {
					p.clock.Advance(time.Second)
				}
			}
			if met > 256 {
				p.Errorf("Scan: got %d records past their deadline, want at most a chunk of 256", met)
			}
			p.wantScan("", want)
		},
	},
}

// wantScan compares a Scan with the keys of want that have the prefix.
func (p *probe) wantScan(prefix string, want map[string]string) {
	var keys []string
	for key := range want {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	n := 0
	for it, err := range p.store.Scan(p.ctx, prefix) {
		p.must("Scan of "+short(prefix), err)
		if n == len(keys) {
			p.Errorf("Scan of %s: got %s behind the last of %d", short(prefix), short(it.Key), len(keys))
			return
		}
		if it.Key != keys[n] {
			p.Errorf("Scan of %s: got %s at place %d, want %s", short(prefix), short(it.Key), n, short(keys[n]))
			return
		}
		if string(it.Value) != want[it.Key] || it.Version == 0 {
			p.Errorf("Scan of %s: got %s, want value %s", short(prefix), describe(it), short(want[it.Key]))
		}
		n++
	}
	if n != len(keys) {
		p.Errorf("Scan of %s: got %d records, want %d", short(prefix), n, len(keys))
	}
}
