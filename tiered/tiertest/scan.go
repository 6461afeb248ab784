package tiertest

import (
	"fmt"
	"strings"

	"github.com/stratakv/strata/tiered/tier"
)

var scanCases = []testCase{
	{
		name: "ScanOrder",
		why:  "Scan is in the order of the keys' bytes, whatever the order of the groups was",
		run: func(p *probe) {
			for i, key := range oddKeys() {
				p.set(key, fmt.Appendf(nil, "%d", i), 0)
				if i%4 == 0 {
					p.commit()
				}
			}
			p.commit()
			p.verifyScan(everything(""))
		},
	},
	{
		name: "ScanPrefix",
		why:  "Scan gives the keys that begin with the prefix and no others; a prefix of 0xff has no upper neighbour",
		run: func(p *probe) {
			for i, key := range oddKeys() {
				p.set(key, fmt.Appendf(nil, "%d", i), 0)
			}
			p.commit()
			for _, prefix := range append(oddKeys(), "a/", "kk", "zz", "a\xfe", "\xfe") {
				p.verifyScan(everything(prefix))
				p.verifyScan(tier.Range{Prefix: prefix, Records: 1, MaxBytes: 1})
			}
		},
	},
	{
		name: "ScanFrom",
		why:  "Scan starts at From, inclusive, if that lies behind the beginning of the prefix",
		run: func(p *probe) {
			for _, key := range []string{"", "a", "b", "b\x00", "b1", "b3", "b\xff", "c"} {
				p.set(key, []byte(key), 0)
			}
			p.commit()
			for _, prefix := range []string{"", "b", "b1", "bb", "\xff"} {
				for _, from := range []string{"", "a", "a\xff", "b", "b\x00", "b2", "b3", "b3\x00", "b\xff\x00", "c", "d", "\xff\xff"} {
					r := everything(prefix)
					r.From = from
					p.verifyScan(r)
				}
			}
		},
	},
	{
		name: "ScanLimits",
		why:  "a chunk has at most Records records, ends with the one that reaches MaxBytes, and has at least one if there is any",
		run:  scanLimits,
	},
	{
		name: "ScanMore",
		why:  "more is true while records are left behind the chunk, so that nobody stops too early",
		run: func(p *probe) {
			for i := range 7 {
				p.set(fmt.Sprintf("m%d", i), []byte("value"), 0)
			}
			p.set("other", []byte("value"), 0)
			p.commit()
			for n := 1; n < 7; n++ {
				r := everything("m")
				r.Records = n
				recs, more, err := p.durable.Scan(r)
				if err != nil || len(recs) == 0 {
					p.Fatalf("Scan with Records %d: got %d records and error %v", n, len(recs), err)
				}
				if len(recs) < 7 && !more {
					p.Errorf("Scan with Records %d: got %d of 7 records and no more, want more", n, len(recs))
				}
			}
		},
	},
	{
		name: "ScanAfterChanges",
		why:  "what a later group replaced, removed or touched is scanned as that group left it",
		run: func(p *probe) {
			for i := range 60 {
				p.set(fmt.Sprintf("k%02d", i), fmt.Appendf(nil, "old %d", i), 0)
			}
			p.commit()
			p.verifyScan(everything("")) // whoever keeps an index builds it now
			for i := range 60 {
				key := fmt.Sprintf("k%02d", i)
				switch i % 4 {
				case 0:
					p.set(key, fmt.Appendf(nil, "new %d", i), 0)
				case 1:
					p.remove(key)
				case 2:
					p.touch(key, 9000)
				}
			}
			p.set("k", []byte("first of all"), 0)
			p.set("k99", []byte("last of all"), 0)
			p.commit()
			for _, n := range []int{1, 2, 7, 100} {
				p.verifyScan(tier.Range{Prefix: "k", Records: n, MaxBytes: 1 << 20})
			}
		},
	},
	{
		name: "ScanOverRemoved",
		why:  "a long run of removed keys is neither a record nor an end",
		run: func(p *probe) {
			for i := range 1500 {
				p.set(fmt.Sprintf("k%04d", i), []byte("v"), 0)
			}
			p.commit()
			for i := range 1500 {
				if i != 0 && i != 1499 {
					p.remove(fmt.Sprintf("k%04d", i))
				}
			}
			p.commit()
			p.verifyScan(tier.Range{Records: 1, MaxBytes: 1 << 20})
			p.verifyScan(tier.Range{From: "k0001", Records: 10, MaxBytes: 1})
		},
	},
}

func scanLimits(p *probe) {
	for i := range 40 {
		p.set(fmt.Sprintf("k%02d", i), noise(uint64(i), i*30), 0)
	}
	p.set("l", noise(40, 100_000), 0)
	p.set("m", []byte("behind the large one"), 0)
	p.commit()
	for _, records := range []int{1, 2, 39, 40, 41, 42, 43} {
		for _, maxBytes := range []int{1, 500, 5000, 100_000, 1 << 20} {
			p.verifyScan(tier.Range{Records: records, MaxBytes: maxBytes})
			p.verifyScan(tier.Range{Prefix: "k", Records: records, MaxBytes: maxBytes})
		}
	}
	recs, _, err := p.durable.Scan(tier.Range{Prefix: "l", Records: 5, MaxBytes: 1})
	if err != nil || len(recs) != 1 {
		p.Errorf("Scan of one record larger than MaxBytes: got %d records and error %v, want 1", len(recs), err)
	}
	if recs, more, err := p.durable.Scan(everything(strings.Repeat("z", 100))); len(recs) != 0 || more || err != nil {
		p.Errorf("Scan of an empty range: got %d records, more %v, error %v, want 0, false, nil", len(recs), more, err)
	}
}
