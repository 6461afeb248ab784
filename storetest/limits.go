package storetest

import (
	"strings"

	"github.com/stratakv/strata/tiered"
)

var batchLimitCases = []testCase{
	{
		name: "BatchLimits",
		why:  "P10: a batch of more ops or bytes than Limits allow is ErrTooLarge and does nothing",
		need: Need{Limits: tiered.Limits{ValueBytes: 10_000, BatchOps: 10, BatchBytes: 20_000}},
		run: func(p *probe) {
			var b tiered.Batch
			for i := range 10 {
				b.Set(string(rune('a'+i)), []byte("value"), 0)
			}
			p.must("Write at the limit of ops", p.store.Write(p.ctx, &b))
			b.Set("over", []byte("value"), 0)
			p.want("Write over the limit of ops", p.store.Write(p.ctx, &b), tiered.ErrTooLarge)
			p.wantAbsent("refused", "over")
			b = tiered.Batch{}
			b.Set("1", make([]byte, 9999), 0)
			b.Set("2", make([]byte, 9999), 0)
			p.must("Write at the limit of bytes", p.store.Write(p.ctx, &b))
			b.Delete("3")
			p.want("Write over the limit of bytes", p.store.Write(p.ctx, &b), tiered.ErrTooLarge)
			p.wantValue("refused", "1", string(make([]byte, 9999)))
		},
	},
}

var limitCases = []testCase{
	{
		name: "KeyTooLong",
		why:  "a key of 32,001 bytes is ErrTooLarge everywhere, and nothing is done",
		run:  keyTooLong,
	},
	{
		name: "ValueTooLarge",
		why:  "a value above Limits.ValueBytes is ErrTooLarge everywhere, and the old value stays",
		need: Need{Limits: tiered.Limits{ValueBytes: 1000}},
		run: func(p *probe) {
			most, over := make([]byte, 1000), make([]byte, 1001)
			p.must("Set at the limit", p.store.Set(p.ctx, "key", most, 0))
			before := p.item("key")
			p.want("Set", p.store.Set(p.ctx, "key", over, 0), tiered.ErrTooLarge)
			_, err := p.store.SetItem(p.ctx, tiered.Item{Key: "key", Value: over})
			p.want("SetItem", err, tiered.ErrTooLarge)
			_, err = p.store.CompareAndSet(p.ctx, "key", before.Version, over, 0)
			p.want("CompareAndSet", err, tiered.ErrTooLarge)
			_, err = p.store.Update(p.ctx, "key", give(string(over), 0))
			p.want("Update", err, tiered.ErrTooLarge)
			var b tiered.Batch
			b.Set("other", nil, 0)
			b.Set("key", over, 0)
			p.want("Write", p.store.Write(p.ctx, &b), tiered.ErrTooLarge)
			p.sameItem("refused", p.item("key"), before)
			p.wantAbsent("refused", "other")
		},
	},
}

func keyTooLong(p *probe) {
	key, s, ctx := tooLong(), p.store, p.ctx
	p.set(key[1:], "at the limit", 0)
	_, err := s.Get(ctx, key)
	p.want("Get", err, tiered.ErrTooLarge)
	_, err = s.GetItem(ctx, key)
	p.want("GetItem", err, tiered.ErrTooLarge)
	p.want("View", s.View(ctx, key, func([]byte) error { return nil }), tiered.ErrTooLarge)
	_, err = s.GetMany(ctx, []string{"a", key})
	p.want("GetMany", err, tiered.ErrTooLarge)
	p.want("Set", s.Set(ctx, key, nil, 0), tiered.ErrTooLarge)
	_, err = s.SetItem(ctx, tiered.Item{Key: key})
	p.want("SetItem", err, tiered.ErrTooLarge)
	p.want("Delete", s.Delete(ctx, key), tiered.ErrTooLarge)
	p.want("Touch", s.Touch(ctx, key, 0), tiered.ErrTooLarge)
	_, err = s.CompareAndSet(ctx, key, 0, nil, 0)
	p.want("CompareAndSet", err, tiered.ErrTooLarge)
	p.want("CompareAndDelete", s.CompareAndDelete(ctx, key, 0), tiered.ErrTooLarge)
	_, err = s.Update(ctx, key, give("", 0))
	p.want("Update", err, tiered.ErrTooLarge)
	p.wantValue("beside keys too long", strings.Repeat("k", tiered.MaxKeyBytes), "at the limit")
	n := 0
	for _, err := range s.Scan(ctx, "") {
		p.must("Scan", err)
		n++
	}
	if n != 1 {
		p.Errorf("Scan: got %d records, want 1", n)
	}
}
