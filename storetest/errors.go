package storetest

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/stratakv/strata/tiered"
)

var errorCases = []testCase{
	{
		name: "SilentErrors",
		why:  "an error matches one sentinel and names neither key nor value: both may be session tokens",
		need: Need{Limits: tiered.Limits{ValueBytes: 1000}, MaxBytes: 100_000},
		run:  silentErrors,
	},
}

func silentErrors(p *probe) {
	const key, value = "sEcrEt-kEy", "sEcrEt-vAluE"
	s, ctx := p.store, p.ctx
	p.set(key, value, 0)
	large := []byte(strings.Repeat(value, 100))
	_, get := s.Get(ctx, key+"?")
	_, cas := s.CompareAndSet(ctx, key, 0, []byte(value), 0)
	_, item := s.SetItem(ctx, tiered.Item{Key: key, Value: large})
	_, update := s.Update(ctx, key, give(value, -1))
	var check, touch, bad tiered.Batch
	check.Check(key, 1<<60)
	touch.Touch(key+"?", 0)
	bad.Set(key, []byte(value), -1)
	p.silent("Get", get, tiered.ErrNotFound)
	p.silent("Touch", s.Touch(ctx, key+"?", 0), tiered.ErrNotFound)
	p.silent("Set", s.Set(ctx, key, []byte(value), -time.Hour), tiered.ErrTTL)
	p.silent("Set", s.Set(ctx, key, large, 0), tiered.ErrTooLarge)
	p.silent("Delete", s.Delete(ctx, strings.Repeat(key, 10_000)), tiered.ErrTooLarge)
	p.silent("SetItem", item, tiered.ErrTooLarge)
	p.silent("CompareAndSet", cas, tiered.ErrVersion)
	p.silent("CompareAndDelete", s.CompareAndDelete(ctx, key, 1<<60), tiered.ErrVersion)
	p.silent("Update", update, tiered.ErrTTL)
	p.silent("Write of a Check", s.Write(ctx, &check), tiered.ErrVersion)
	p.silent("Write of a Touch", s.Write(ctx, &touch), tiered.ErrNotFound)
	p.silent("Write of a bad ttl", s.Write(ctx, &bad), tiered.ErrTTL)
	var full error
	for i := 0; full == nil && i < 1000; i++ {
		full = s.Set(ctx, key+string(rune('a'+i)), noise(uint64(i), 1000), 0)
	}
	p.silent("Set in a full store", full, tiered.ErrFull)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	p.silent("Set with a cancelled context", s.Set(cancelled, key, []byte(value), 0), context.Canceled)
	p.must("Close", s.Close())
	p.silent("Set of a closed store", s.Set(ctx, key, []byte(value), 0), tiered.ErrClosed)
	_, get = s.Get(ctx, key)
	p.silent("Get of a closed store", get, tiered.ErrClosed)
}

// silent wants an error that matches want, no other sentinel, and says
// nothing of the case's key and value.
func (p *probe) silent(call string, err, want error) {
	p.want(call, err, want)
	if err == nil {
		return
	}
	for _, other := range []error{
		tiered.ErrNotFound, tiered.ErrClosed, tiered.ErrTTL, tiered.ErrTooLarge, tiered.ErrFull, tiered.ErrVersion,
		tiered.ErrCorrupt, tiered.ErrUnknownOutcome, tiered.ErrUnavailable, tiered.ErrLocked,
	} {
		if other != want && errors.Is(err, other) {
			p.Errorf("%s: got an error that matches %q too, want %q alone", call, other, want)
		}
	}
	if strings.Contains(err.Error(), "sEcrEt") {
		p.Errorf("%s: got an error that names a key or a value", call)
	}
}
