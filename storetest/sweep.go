package storetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/stratakv/strata/tiered"
)

var sweepCases = []testCase{
	{
		name: "DeletePrefix",
		why:  "DeletePrefix deletes what begins with the prefix, over many chunks, and says how many there were",
		run: func(p *probe) {
			p.fill(700)
			p.set("j", "stays", 0)
			p.set("l", "stays", 0)
			p.set("k\xff", "goes", 0)
			p.set("expired", "gone", time.Second)
			p.clock.Advance(time.Second)
			for _, d := range []struct {
				prefix string
				want   int
			}{{"k03", 100}, {"k03", 0}, {"none", 0}, {"k", 601}, {"expired", 0}, {"", 2}, {"", 0}} {
				if n, err := p.store.DeletePrefix(p.ctx, d.prefix); err != nil || n != d.want {
					p.Errorf("DeletePrefix(%q): got %d and error %v, want %d", d.prefix, n, err, d.want)
				}
				for it, err := range p.store.Scan(p.ctx, d.prefix) {
					p.Errorf("Scan after DeletePrefix(%q): got %s and error %v, want nothing", d.prefix, describe(it), err)
				}
				if d.prefix == "k" {
					p.wantValue("before the prefix", "j", "stays")
					p.wantValue("behind the prefix", "l", "stays")
				}
			}
		},
	},
	{
		name: "DeletePrefixOddKeys",
		why:  "any bytes are a prefix, and the empty one is that of all",
		run: func(p *probe) {
			for _, prefix := range append(oddKeys(), "a\xfe") {
				left := map[string]string{}
				gone := 0
				for _, key := range oddKeys() {
					p.set(key, "value", 0)
					if strings.HasPrefix(key, prefix) {
						gone++
						continue
					}
					left[key] = "value"
				}
				if n, err := p.store.DeletePrefix(p.ctx, prefix); err != nil || n != gone {
					p.Errorf("DeletePrefix(%s): got %d and error %v, want %d", short(prefix), n, err, gone)
				}
				p.wantScan("", left)
			}
		},
	},
	{
		name: "DeleteExpired",
		why:  "DeleteExpired removes what has expired, nothing else, and says how many records that were",
		run:  deleteExpired,
	},
	{
		name: "DeleteExpiredLooksAgain",
		why:  "P5: a record that was set or touched anew is not swept for the deadline that it had before",
		run: func(p *probe) {
			for i := range 30 {
				p.set(fmt.Sprintf("k%02d", i), "old", time.Second)
			}
			for i := range 30 {
				key := fmt.Sprintf("k%02d", i)
				switch i % 3 {
				case 0:
					p.set(key, "old", time.Hour)
				case 1:
					p.must("Touch", p.store.Touch(p.ctx, key, 0))
				}
			}
			p.clock.Advance(time.Second)
			p.wantSwept(10)
			for i := range 30 {
				if key := fmt.Sprintf("k%02d", i); i%3 == 2 {
					p.wantAbsent("swept", key)
				} else {
					p.wantValue("set or touched anew", key, "old")
				}
			}
		},
	},
}

func (p *probe) wantSwept(want int) {
	if n, err := p.store.DeleteExpired(p.ctx); err != nil || n != want {
		p.Errorf("DeleteExpired: got %d and error %v, want %d", n, err, want)
	}
}

func deleteExpired(p *probe) {
	p.wantSwept(0)
	var b tiered.Batch
	for i := range 2000 {
		b.Set(fmt.Sprintf("short %d", i), []byte("value"), time.Duration(1+i%100)*time.Millisecond)
	}
	b.Set("long", []byte("value"), time.Hour)
	b.Set("immortal", []byte("value"), 0)
	p.must("Write", p.store.Write(p.ctx, &b))
	p.wantSwept(0)
	p.clock.Advance(50 * time.Millisecond)
	p.wantSwept(1000)
	p.wantSwept(0)
	p.clock.Advance(50*time.Millisecond - 1)
	p.wantSwept(980)
	p.clock.Advance(1)
	p.wantSwept(20)
	if got := p.store.Stats().L3.Records; got != 2 {
		p.Errorf("Stats().L3.Records after DeleteExpired: got %d, want 2", got)
	}
	p.wantScan("", map[string]string{"long": "value", "immortal": "value"})
}
