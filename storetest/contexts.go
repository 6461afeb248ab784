package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/stratakv/strata/tiered"
)

var contextCases = []testCase{
	{
		name: "CancelledBefore",
		why:  "a context cancelled before the operation does nothing, and its error comes back, never ErrUnknownOutcome",
		run: func(p *probe) {
			ctx, cancel := context.WithCancel(p.ctx)
			cancel()
			p.endedContext(ctx, context.Canceled)
		},
	},
	{
		name: "TooLateBefore",
		why:  "a context whose deadline has passed before the operation does nothing either",
		run: func(p *probe) {
			ctx, cancel := context.WithDeadline(p.ctx, time.Unix(1, 0))
			defer cancel()
			p.endedContext(ctx, context.DeadlineExceeded)
		},
	},
	{
		name: "CancelledInScan",
		why:  "a Scan whose context ends yields its error once and is over, at the next chunk at the latest",
		run: func(p *probe) {
			p.fill(700)
			ctx, cancel := context.WithCancel(p.ctx)
			defer cancel()
			var last error
			met, faults := 0, 0
			for it, err := range p.store.Scan(ctx, "k") {
				cancel()
				if last = err; err != nil {
					faults++
					p.sameItem("the Item beside Scan's error", it, tiered.Item{})
					continue
				}
				met++
			}
			if met > 256 || faults != 1 {
				p.Errorf("Scan with a cancelled context: got %d records and %d errors, want at most 256 and 1", met, faults)
			}
			p.want("Scan", last, context.Canceled)
		},
	},
}

// endedContext tries every method with a context that has ended.
func (p *probe) endedContext(ctx context.Context, want error) {
	p.set("key", "value", time.Hour)
	before := p.item("key")
	for call, err := range calls(ctx, p.store, before) {
		p.want(call, err, want)
		if errors.Is(err, tiered.ErrUnknownOutcome) {
			p.Errorf("%s: got %v, want a known outcome", call, err)
		}
		p.sameItem("after "+call, p.item("key"), before)
	}
	p.wantAbsent("context had ended", "new")
}

// calls calls every method with ctx, those that write with what would change
// it or make the key "new", and gives their errors.
func calls(ctx context.Context, s Store, it tiered.Item) map[string]error {
	var b tiered.Batch
	b.Set(it.Key, []byte("batch"), 0)
	b.Set("new", []byte("batch"), 0)
	errs := map[string]error{
		"View":             s.View(ctx, it.Key, func([]byte) error { return errors.New("fn was called") }),
		"Set":              s.Set(ctx, it.Key, []byte("new"), 0),
		"Set of a new key": s.Set(ctx, "new", []byte("new"), 0),
		"Delete":           s.Delete(ctx, it.Key),
		"Touch":            s.Touch(ctx, it.Key, time.Minute),
		"CompareAndDelete": s.CompareAndDelete(ctx, it.Key, it.Version),
		"Write":            s.Write(ctx, &b),
	}
	_, errs["Get"] = s.Get(ctx, it.Key)
	_, errs["GetItem"] = s.GetItem(ctx, it.Key)
	_, errs["GetMany"] = s.GetMany(ctx, []string{it.Key})
	_, errs["SetItem"] = s.SetItem(ctx, tiered.Item{Key: it.Key, Value: []byte("new")})
	_, errs["CompareAndSet"] = s.CompareAndSet(ctx, it.Key, it.Version, []byte("new"), 0)
	_, errs["Update"] = s.Update(ctx, it.Key, give("new", 0))
	_, errs["DeletePrefix"] = s.DeletePrefix(ctx, "")
	_, errs["DeleteExpired"] = s.DeleteExpired(ctx)
	for _, err := range s.Scan(ctx, "") {
		errs["Scan"] = err
	}
	if _, ok := errs["Scan"]; !ok {
		errs["Scan"] = nil
	}
	return errs
}
