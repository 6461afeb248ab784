package storetest

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/stratakv/strata/tiered"
)

var scanBesideCases = []testCase{
	{
		name: "ScanMayWrite",
		why:  "the loop's body may call the store: set, replace and delete, behind and ahead",
		run: func(p *probe) {
			p.fill(600)
			met := 0
			for it, err := range p.store.Scan(p.ctx, "k") {
				p.must("Scan", err)
				met++
				p.set(it.Key, "replaced", 0)
				p.set("a"+it.Key, "behind", 0)
				p.set("z"+it.Key, "ahead, but outside the prefix", 0)
				if strings.HasSuffix(it.Key, "0") {
					p.must("Delete", p.store.Delete(p.ctx, it.Key))
				}
			}
			if met != 600 {
				p.Errorf("Scan with a writing loop: got %d records, want 600", met)
			}
			p.wantAbsent("deleted in the loop", "k0010")
			p.wantValue("replaced in the loop", "k0011", "replaced")
			p.wantValue("set in the loop", "ak0011", "behind")
		},
	},
	{
		name: "ScanDeletedAhead",
		why:  "what is deleted while a Scan runs is not met in a later chunk, and what stays is",
		run: func(p *probe) {
			p.fill(900)
			met := 0
			for it, err := range p.store.Scan(p.ctx, "k") {
				p.must("Scan", err)
				if met++; met > 1 {
					continue
				}
				n, err := p.store.DeletePrefix(p.ctx, "k08")
				if err != nil || n != 100 {
					p.Errorf("DeletePrefix: got %d and error %v, want 100", n, err)
				}
				if it.Key != "k0000" {
					p.Errorf("Scan: got %s first, want k0000", it.Key)
				}
			}
			if met != 800 {
				p.Errorf("Scan: got %d records, want the 800 that stayed", met)
			}
		},
	},
	{
		name: "ScanBesideWriters",
		why:  "what is in the store throughout a Scan is met exactly once, whatever is written, deleted and added beside it",
		run:  scanBesideWriters,
	},
}

// fill sets k0000 to as many as are asked for.
func (p *probe) fill(n int) {
	var b tiered.Batch
	for i := range n {
		b.Set(fmt.Sprintf("k%04d", i), []byte("value"), 0)
	}
	p.must("Write", p.store.Write(p.ctx, &b))
}

func scanBesideWriters(p *probe) {
	const stable = 700
	p.fill(stable)
	var stop atomic.Bool
	var wait waiter
	for w := range 2 {
		wait.Go(func() {
			for i := 0; !stop.Load(); i++ {
				// Between the stable keys, and onto them.
				between := fmt.Sprintf("k%04d/%d", i*37%stable, w)
				err := p.store.Set(p.ctx, between, []byte("value"), 0)
				if err == nil && i%2 == 0 {
					err = p.store.Delete(p.ctx, between)
				}
				if err == nil {
					err = p.store.Set(p.ctx, fmt.Sprintf("k%04d", i*53%stable), fmt.Append(nil, i), 0)
				}
				if err != nil {
					p.Errorf("write beside Scan: got %v, want nil", err)
				}
				runtime.Gosched()
			}
		})
	}
	defer wait.Wait()
	defer stop.Store(true)
	for range 8 {
		met, last := 0, ""
		for it, err := range p.store.Scan(p.ctx, "k") {
			p.must("Scan", err)
			if it.Key <= last {
				p.Fatalf("Scan: got %s behind %s", it.Key, last)
			}
			if last = it.Key; !strings.Contains(it.Key, "/") {
				met++
			}
			if met%50 == 0 {
				runtime.Gosched()
			}
		}
		if met != stable {
			p.Errorf("Scan beside writers: got %d of the records that stay, want %d", met, stable)
		}
	}
}
