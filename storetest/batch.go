package storetest

import (
	"strings"
	"time"

	"github.com/stratakv/strata/tiered"
)

var batchCases = []testCase{
	{
		name: "Batch",
		why:  "a Batch applies all its ops in their order; the zero Batch is ready and does nothing",
		run: func(p *probe) {
			p.set("deleted", "value", 0)
			p.set("touched", "value", time.Second)
			var b tiered.Batch
			p.must("Write of an empty batch", p.store.Write(p.ctx, &b))
			b.Set("set", []byte("value"), time.Hour)
			b.Delete("deleted")
			b.Delete("absent")
			b.Touch("touched", time.Hour)
			b.Check("touched", 0)
			p.want("Write", p.store.Write(p.ctx, &b), tiered.ErrVersion)
			p.wantAbsent("refused", "set")
			b = tiered.Batch{}
			b.Set("set", []byte("value"), time.Hour)
			b.Delete("deleted")
			b.Delete("absent")
			b.Touch("touched", time.Hour)
			b.Set("twice", []byte("first"), 0)
			b.Set("twice", []byte("second"), 0)
			b.Set("gone", []byte("value"), 0)
			b.Delete("gone")
			p.must("Write", p.store.Write(p.ctx, &b))
			p.wantAbsent("batch deleted it", "deleted")
			p.wantAbsent("batch set and deleted it", "gone")
			p.wantValue("batch set it twice", "twice", "second")
			p.clock.Advance(time.Hour - time.Millisecond)
			p.wantValue("batch set it", "set", "value")
			p.wantValue("batch touched it", "touched", "value")
			p.clock.Advance(time.Millisecond)
			p.wantAbsent("at the batch's deadline", "set")
			p.wantAbsent("at the batch's deadline", "touched")
		},
	},
	{
		name: "BatchAllOrNothing",
		why:  "a batch that is refused at any place leaves no trace, whatever stood before that place",
		run:  batchAllOrNothing,
	},
	{
		name: "BatchCheck",
		why:  "Check compares with the live record as the ops before it left it; Check(key, 0) means absent",
		run:  batchCheck,
	},
	{
		name: "BatchTouch",
		why:  "Touch of a key that is absent refuses the batch; one that the batch has set before is there",
		run: func(p *probe) {
			var b tiered.Batch
			b.Set("other", []byte("value"), 0)
			b.Touch("absent", time.Hour)
			p.want("Write", p.store.Write(p.ctx, &b), tiered.ErrNotFound)
			p.wantAbsent("refused", "other")
			b = tiered.Batch{}
			b.Set("key", []byte("value"), time.Second)
			b.Touch("key", time.Hour)
			p.must("Write", p.store.Write(p.ctx, &b))
			p.clock.Advance(time.Minute)
			p.wantValue("set and touched in one batch", "key", "value")
			b = tiered.Batch{}
			b.Delete("key")
			b.Touch("key", time.Hour)
			p.want("Write", p.store.Write(p.ctx, &b), tiered.ErrNotFound)
			p.wantValue("refused", "key", "value")
		},
	},
	{
		name: "BatchAgain",
		why:  "a batch can be written again, and added to after that; a ttl counts from its Write",
		run: func(p *probe) {
			var b tiered.Batch
			b.Set("key", []byte("value"), time.Second)
			for i := range 3 {
				p.must("Write", p.store.Write(p.ctx, &b))
				p.wantValue("written", "key", "value")
				p.clock.Advance(time.Second)
				p.wantAbsent("at the deadline", "key")
				b.Set("counter", []byte{byte('0' + i)}, 0)
			}
			p.must("Write", p.store.Write(p.ctx, &b))
			p.wantValue("added to", "counter", "2")
			p.wantValue("added to", "key", "value")
		},
	},
	{
		name: "BatchCopies",
		why:  "P7: a Batch copies its bytes: what its maker does to them after Set is not seen",
		run: func(p *probe) {
			value := []byte("value")
			var b tiered.Batch
			b.Set("key", value, 0)
			copy(value, "wrong")
			p.must("Write", p.store.Write(p.ctx, &b))
			p.wantValue("written", "key", "value")
		},
	},
	{
		name: "BatchLarge",
		why:  "a batch of thousands of ops is as good as one of one",
		run: func(p *probe) {
			var b tiered.Batch
			for i := range 3000 {
				b.Set(strings.Repeat("k", i%7)+string(rune('a'+i%26)), []byte{byte(i), byte(i >> 8)}, 0)
			}
			p.must("Write", p.store.Write(p.ctx, &b))
			for i := 3000 - 182; i < 3000; i++ { // 7 · 26 keys
				p.wantValue("large batch", strings.Repeat("k", i%7)+string(rune('a'+i%26)), string([]byte{byte(i), byte(i >> 8)}))
			}
		},
	},
}

func batchAllOrNothing(p *probe) {
	p.set("a", "old", 0)
	p.set("b", "old", time.Hour)
	p.set("c", "old", 0)
	before := map[string]tiered.Item{"a": p.item("a"), "b": p.item("b"), "c": p.item("c")}
	fill := func(b *tiered.Batch) {
		b.Set("a", []byte("new"), time.Second)
		b.Touch("b", time.Second)
		b.Delete("c")
		b.Set("d", []byte("new"), 0)
	}
	refusals := map[string]struct {
		add  func(b *tiered.Batch)
		want error
	}{
		"Check of a wrong version":   {func(b *tiered.Batch) { b.Check("b", 1<<60) }, tiered.ErrVersion},
		"Check for absence":          {func(b *tiered.Batch) { b.Check("a", 0) }, tiered.ErrVersion},
		"Touch of an absent key":     {func(b *tiered.Batch) { b.Touch("absent", 0) }, tiered.ErrNotFound},
		"a negative ttl":             {func(b *tiered.Batch) { b.Set("e", nil, -1) }, tiered.ErrTTL},
		"a key too long to set":      {func(b *tiered.Batch) { b.Set(tooLong(), nil, 0) }, tiered.ErrTooLarge},
		"a key too long to delete":   {func(b *tiered.Batch) { b.Delete(tooLong()) }, tiered.ErrTooLarge},
		"a key too long to be there": {func(b *tiered.Batch) { b.Check(tooLong(), 0) }, tiered.ErrTooLarge},
	}
	for what, r := range refusals {
		for _, first := range []bool{false, true} {
			var b tiered.Batch
			if first {
				r.add(&b)
			}
			fill(&b)
			r.add(&b)
			fill(&b)
			p.want("Write with "+what, p.store.Write(p.ctx, &b), r.want)
			for key, it := range before {
				p.sameItem("refused for "+what, p.item(key), it)
			}
			p.wantAbsent("refused for "+what, "d")
		}
	}
}

func tooLong() string { return strings.Repeat("k", tiered.MaxKeyBytes+1) }

func batchCheck(p *probe) {
	v := p.setItem("key", "value").Version
	write := func(what string, want error, ops ...func(b *tiered.Batch)) {
		var b tiered.Batch
		for _, op := range ops {
			op(&b)
		}
		p.want("Write of "+what, p.store.Write(p.ctx, &b), want)
	}
	check := func(key string, version uint64) func(*tiered.Batch) {
		return func(b *tiered.Batch) { b.Check(key, version) }
	}
	set := func(key string) func(*tiered.Batch) {
		return func(b *tiered.Batch) { b.Set(key, []byte("new"), 0) }
	}
	del := func(key string) func(*tiered.Batch) {
		return func(b *tiered.Batch) { b.Delete(key) }
	}
	write("a Check alone", nil, check("key", v), check("absent", 0))
	write("a Check of another version", tiered.ErrVersion, check("key", v+1))
	write("a Check of an absent key", tiered.ErrVersion, check("absent", v))
	write("Set, Check of the version before", tiered.ErrVersion, set("key"), check("key", v))
	write("Delete, Check of the version before", tiered.ErrVersion, del("key"), check("key", v))
	write("Set, Check for absence", tiered.ErrVersion, set("absent"), check("absent", 0))
	p.wantAbsent("refused", "absent")
	p.wantValue("refused", "key", "value")
	write("Check, Set, Delete, Check for absence", nil,
		check("key", v), set("key"), del("key"), check("key", 0), set("absent"), del("absent"), check("absent", 0), set("done"))
	p.wantAbsent("deleted", "key")
	p.wantValue("behind Checks that hold", "done", "new")
}
