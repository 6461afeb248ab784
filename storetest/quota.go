package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/stratakv/strata/tiered"
)

// quotaBytes is the quota of the cases here. A memory store may take part of
// it for itself.
const quotaBytes = 512 << 10

var quotaCases = []testCase{
	{
		name: "QuotaKeepsTheOld",
		why:  "P2: where the quota ends a write is ErrFull; nothing is evicted, the old value stays, reads go on",
		need: Need{MaxBytes: quotaBytes},
		run: func(p *probe) {
			n := p.fillUp()
			before := p.item(quotaKey(0))
			large := noise(1, quotaBytes*9/10)
			p.want("Set of a larger value", p.store.Set(p.ctx, quotaKey(0), large, 0), tiered.ErrFull)
			_, err := p.store.CompareAndSet(p.ctx, quotaKey(0), before.Version, large, 0)
			p.want("CompareAndSet", err, tiered.ErrFull)
			_, err = p.store.Update(p.ctx, quotaKey(0), give(string(large), 0))
			p.want("Update", err, tiered.ErrFull)
			_, err = p.store.SetItem(p.ctx, tiered.Item{Key: "new", Value: large})
			p.want("SetItem", err, tiered.ErrFull)
			var b tiered.Batch
			b.Set(quotaKey(1), []byte("small"), 0)
			b.Set("new", large, 0)
			p.want("Write", p.store.Write(p.ctx, &b), tiered.ErrFull)
			p.sameItem("refused", p.item(quotaKey(0)), before)
			p.wantAbsent("refused", "new")
			for i := range n {
				p.wantValue("full", quotaKey(i), string(quotaValue(i)))
			}
			p.wantAbsent("full", quotaKey(n))
		},
	},
	{
		name: "QuotaFreesRoom",
		why:  "P2: Delete, a shorter deadline and a smaller value always work, and make room",
		need: Need{MaxBytes: quotaBytes},
		run: func(p *probe) {
			n := p.fillUp()
			p.must("Touch in a full store", p.store.Touch(p.ctx, quotaKey(0), time.Hour))
			p.must("Touch in a full store", p.store.Touch(p.ctx, quotaKey(0), time.Second))
			p.must("Delete in a full store", p.store.Delete(p.ctx, quotaKey(1)))
			p.must("Set where room was made", p.store.Set(p.ctx, quotaKey(n), quotaValue(n), 0))
			p.must("Set of a smaller value", p.store.Set(p.ctx, quotaKey(2), []byte("small"), 0))
			_, err := p.store.CompareAndSet(p.ctx, quotaKey(3), p.version(quotaKey(3)), []byte("small"), 0)
			p.must("CompareAndSet of a smaller value", err)
			_, err = p.store.Update(p.ctx, quotaKey(4), remove)
			p.must("Update with Remove", err)
			p.wantValue("made smaller", quotaKey(2), "small")
			p.must("Set where room was made", p.store.Set(p.ctx, quotaKey(n+1), quotaValue(n+1), 0))
			if got, err := p.store.DeletePrefix(p.ctx, ""); err != nil || got != n {
				p.Errorf("DeletePrefix in a full store: got %d and error %v, want %d", got, err, n)
			}
			if again := p.fillUp(); again != n {
				p.Errorf("an emptied store: got room for %d records, want %d as before", again, n)
			}
		},
	},
	{
		name: "QuotaSweepsFirst",
		why:  "P2: expired records are swept before a write is ErrFull, without anybody asking for it",
		need: Need{MaxBytes: quotaBytes},
		run: func(p *probe) {
			n := p.fillUp()
			for i := range n - 1 {
				p.must("Touch in a full store", p.store.Touch(p.ctx, quotaKey(i), time.Second))
			}
			p.clock.Advance(time.Second)
			for i := range n - 1 {
				p.must("Set over the expired", p.store.Set(p.ctx, quotaKey(n+i), quotaValue(n+i), 0))
			}
			p.wantValue("was not expired", quotaKey(n-1), string(quotaValue(n-1)))
			p.wantValue("over the expired", quotaKey(n), string(quotaValue(n)))
		},
	},
	{
		name: "QuotaIsExact",
		why:  "P2: MaxBytes counts keys and raw values, to the byte (stores with L3)",
		need: Need{MaxBytes: 100_000},
		run: func(p *probe) {
			if p.tier == tiered.TierMemory {
				return // its cap counts bookkeeping too
			}
			p.must("Set at the quota", p.store.Set(p.ctx, "key", make([]byte, 99_997), 0))
			p.want("Set of one byte more", p.store.Set(p.ctx, "key", make([]byte, 99_998), 0), tiered.ErrFull)
			p.want("Set of the empty value", p.store.Set(p.ctx, "k", nil, 0), tiered.ErrFull)
			p.must("Set of the empty key", p.store.Set(p.ctx, "", nil, 0))
			p.must("Set of one byte less", p.store.Set(p.ctx, "key", make([]byte, 99_996), 0))
			p.must("Set of one byte", p.store.Set(p.ctx, "k", nil, 0))
			p.must("Set of the same size", p.store.Set(p.ctx, "key", noise(1, 99_996), 0))
		},
	},
}

func quotaKey(i int) string { return fmt.Sprintf("quota %04d", i) }

func quotaValue(i int) []byte { return noise(uint64(i), 4000) }

// fillUp sets equal records until one is ErrFull, and says how many went in.
func (p *probe) fillUp() int {
	for i := range quotaBytes / 4000 {
		err := p.store.Set(p.ctx, quotaKey(i), quotaValue(i), 0)
		if errors.Is(err, tiered.ErrFull) {
			if i < 20 {
				p.Fatalf("a store with a quota of %d bytes: got room for %d records of 4,000", quotaBytes, i)
			}
			return i
		}
		p.must("Set", err)
	}
	p.Fatalf("a store with a quota of %d bytes: took more than that, want ErrFull", quotaBytes)
	return 0
}
