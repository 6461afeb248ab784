package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/stratakv/strata/tiered"
)

var updateCases = []testCase{
	{
		name: "Update",
		why:  "Update's fn sees the live record, or that there is none, and what it gives is stored",
		run: func(p *probe) {
			for i := range 10 {
				_, err := p.store.Update(p.ctx, "key", func(old tiered.Item, found bool) ([]byte, time.Duration, error) {
					if found != (i > 0) {
						p.Errorf("Update %d: got found %v, want %v", i, found, i > 0)
					}
					if found {
						p.sameItem("Update's old Item", old, p.item("key"))
					} else {
						p.sameItem("Update's old Item", old, tiered.Item{})
					}
					return append(old.Value, 'x'), time.Hour, nil
				})
				p.must("Update", err)
			}
			p.wantValue("ten updates", "key", "xxxxxxxxxx")
			if got, want := p.item("key").Expires, p.now().Add(time.Hour); !got.Equal(want) {
				p.Errorf("Update: got Expires %v, want %v", got, want)
			}
		},
	},
	{
		name: "UpdateKeep",
		why:  "Keep changes nothing; of an absent key it is (Item{}, nil)",
		run: func(p *probe) {
			it, err := p.store.Update(p.ctx, "absent", keep)
			p.must("Update", err)
			p.sameItem("Keep of an absent key", it, tiered.Item{})
			p.wantAbsent("kept", "absent")
			p.set("key", "value", time.Second)
			before := p.item("key")
			it, err = p.store.Update(p.ctx, "key", keep)
			p.must("Update", err)
			p.sameItem("Keep", it, before)
			p.sameItem("after Keep", p.item("key"), before)
		},
	},
	{
		name: "UpdateRemove",
		why:  "Remove deletes; of an absent key it is (Item{}, nil)",
		run: func(p *probe) {
			it, err := p.store.Update(p.ctx, "absent", remove)
			p.must("Update", err)
			p.sameItem("Remove of an absent key", it, tiered.Item{})
			p.set("key", "value", 0)
			_, err = p.store.Update(p.ctx, "key", remove)
			p.must("Update", err)
			p.wantAbsent("removed", "key")
		},
	},
	{
		name: "UpdateError",
		why:  "fn's own error comes back matchable, and nothing is done",
		run: func(p *probe) {
			own := errors.New("fn's own")
			failing := func(tiered.Item, bool) ([]byte, time.Duration, error) { return []byte("new"), 0, own }
			_, err := p.store.Update(p.ctx, "absent", failing)
			p.want("Update of an absent key", err, own)
			p.wantAbsent("fn failed", "absent")
			p.set("key", "value", 0)
			before := p.item("key")
			_, err = p.store.Update(p.ctx, "key", failing)
			p.want("Update", err, own)
			p.sameItem("fn failed", p.item("key"), before)
		},
	},
	{
		name: "UpdateLosesNothing",
		why:  "P3: Update is atomic: concurrent increments of a counter are all kept",
		run: func(p *probe) {
			const workers, each = 8, 40
			beside(workers, func(int) {
				for range each {
					if _, err := p.store.Update(p.ctx, "counter", increment); err != nil {
						p.Errorf("Update: got %v, want nil", err)
					}
				}
			})
			p.wantValue("concurrent increments", "counter", fmt.Sprint(workers*each))
		},
	},
	{
		name: "UpdateOfManyKinds",
		why:  "P3: Update, Remove and CompareAndSet of one key beside each other lose nothing that was acknowledged",
		run: func(p *probe) {
			const workers, each = 6, 40
			var taken [workers]int
			beside(workers, func(w int) {
				for i := range each {
					if i%4 == 3 {
						taken[w] += p.take("counter")
					} else if _, err := p.store.Update(p.ctx, "counter", increment); err != nil {
						p.Errorf("Update: got %v, want nil", err)
					}
				}
			})
			total := p.take("counter")
			for _, n := range taken {
				total += n
			}
			if want := workers * each / 4 * 3; total != want {
				p.Errorf("increments taken away by Remove: got %d, want %d", total, want)
			}
		},
	},
}

func increment(old tiered.Item, _ bool) ([]byte, time.Duration, error) {
	return fmt.Append(nil, number(old.Value)+1), 0, nil
}

// take removes the counter and gives what it held.
func (p *probe) take(key string) int {
	var n int
	_, err := p.store.Update(p.ctx, key, func(old tiered.Item, _ bool) ([]byte, time.Duration, error) {
		n = number(old.Value) // of the last run, which is the one that counts
		return nil, 0, tiered.Remove
	})
	if err != nil {
		p.Errorf("Update with Remove: got %v, want nil", err)
	}
	return n
}

// number reads a decimal, 0 from anything else.
func number(value []byte) int {
	n := 0
	for _, c := range value {
		n = n*10 + int(c-'0')
	}
	return n
}
