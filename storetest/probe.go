package storetest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/stratakv/strata/internal/suite"
	"github.com/stratakv/strata/tiered"
)

// callLimit ends a call that hangs, if the store heeds its context.
const callLimit = time.Minute

// probe is one case at work. Only Errorf and the fields may be used by
// goroutines that a case starts; what may end the case belongs to its own.
type probe struct {
	suite.Faults

	store   Store
	subject Subject
	clock   *Clock
	tier    tiered.Tier
	ctx     context.Context // ends after callLimit
}

func newProbe(s Subject, clock *Clock, t tiered.Tier) (*probe, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), callLimit)
	return &probe{store: s.Store, subject: s, clock: clock, tier: t, ctx: ctx}, cancel
}

func (p *probe) close() {
	if p.store != nil {
		if err := p.store.Close(); err != nil {
			p.Errorf("Close: got %v, want nil", err)
		}
	}
	if p.subject.Cleanup != nil {
		p.subject.Cleanup()
	}
}

// reopen closes the store, runs while it is closed, and opens it again.
func (p *probe) reopen(meanwhile func()) {
	s := p.store
	p.store = nil
	if err := s.Close(); err != nil {
		p.Errorf("Close: got %v, want nil", err)
	}
	meanwhile()
	s, err := p.subject.Reopen()
	if err != nil {
		p.Fatalf("Reopen: got %v, want nil", err)
	}
	p.store = s
}

// now is the store's time as long as nobody has stepped its wall clock.
func (p *probe) now() time.Time { return p.clock.Wall().Truncate(time.Millisecond) }

// must ends the case if a call that is to work does not.
func (p *probe) must(call string, err error) {
	if err != nil {
		p.Fatalf("%s: got %v, want nil", call, err)
	}
}

// want notes a fault unless err matches target.
func (p *probe) want(call string, err, target error) {
	if !errors.Is(err, target) {
		p.Errorf("%s: got %v, want %v", call, err, target)
	}
}

func (p *probe) set(key, value string, ttl time.Duration) {
	p.must("Set", p.store.Set(p.ctx, key, []byte(value), ttl))
}

// setItem is SetItem for an immortal record, checked, for its version.
func (p *probe) setItem(key, value string) tiered.Item {
	it, err := p.store.SetItem(p.ctx, tiered.Item{Key: key, Value: []byte(value)})
	p.must("SetItem", err)
	p.sameItem("SetItem", it, tiered.Item{Key: key, Value: []byte(value), Version: it.Version})
	if it.Version == 0 {
		p.Errorf("SetItem: got version 0, want a version")
	}
	if it.Tier != p.tier {
		p.Errorf("SetItem: got tier %q, want %q", it.Tier, p.tier)
	}
	return it
}

func (p *probe) item(key string) tiered.Item {
	it, err := p.store.GetItem(p.ctx, key)
	p.must("GetItem of "+short(key), err)
	return it
}

func (p *probe) version(key string) uint64 { return p.item(key).Version }

// wantValue checks that key is there, by each way to read it.
func (p *probe) wantValue(when, key, want string) {
	got, err := p.store.Get(p.ctx, key)
	if err != nil || string(got) != want {
		p.Errorf("%s: Get(%s): got %s and error %v, want %s", when, short(key), short(string(got)), err, short(want))
	}
	it, err := p.store.GetItem(p.ctx, key)
	if err != nil || it.Key != key || string(it.Value) != want || it.Version == 0 {
		p.Errorf("%s: GetItem(%s): got %s and error %v, want %s", when, short(key), describe(it), err, short(want))
	}
	var lent string
	err = p.store.View(p.ctx, key, func(value []byte) error { lent = string(value); return nil })
	if err != nil || lent != want {
		p.Errorf("%s: View(%s): got %s and error %v, want %s", when, short(key), short(lent), err, short(want))
	}
	many, err := p.store.GetMany(p.ctx, []string{key})
	if err != nil || len(many) != 1 || string(many[key].Value) != want {
		p.Errorf("%s: GetMany(%s): got %d items and error %v, want %s", when, short(key), len(many), err, short(want))
	}
}

// wantAbsent checks that key is not there, by each way to read it.
func (p *probe) wantAbsent(when, key string) {
	_, err := p.store.Get(p.ctx, key)
	p.want(when+": Get of "+short(key), err, tiered.ErrNotFound)
	_, err = p.store.GetItem(p.ctx, key)
	p.want(when+": GetItem of "+short(key), err, tiered.ErrNotFound)
	err = p.store.View(p.ctx, key, func([]byte) error {
		p.Errorf("%s: View(%s): fn was called, want ErrNotFound alone", when, short(key))
		return nil
	})
	p.want(when+": View of "+short(key), err, tiered.ErrNotFound)
	if many, err := p.store.GetMany(p.ctx, []string{key}); err != nil || len(many) != 0 {
		p.Errorf("%s: GetMany(%s): got %d items and error %v, want none", when, short(key), len(many), err)
	}
	for it, err := range p.store.Scan(p.ctx, key) {
		if err != nil || it.Key == key {
			p.Errorf("%s: Scan met %s with error %v, want it absent", when, short(it.Key), err)
		}
	}
}

// sameItem compares all but Tier.
func (p *probe) sameItem(when string, got, want tiered.Item) {
	if got.Key != want.Key || !bytes.Equal(got.Value, want.Value) || !got.Expires.Equal(want.Expires) || got.Version != want.Version {
		p.Errorf("%s: got %s, want %s", when, describe(got), describe(want))
	}
}

func describe(it tiered.Item) string {
	expires := "never"
	if !it.Expires.IsZero() {
		expires = it.Expires.UTC().Format(time.RFC3339Nano)
	}
	return fmt.Sprintf("{key %s, value %s, expires %s, version %d}", short(it.Key), short(string(it.Value)), expires, it.Version)
}

// short makes bytes fit into a message.
func short(s string) string {
	if len(s) > 32 {
		return fmt.Sprintf("%.32q… (%d bytes)", s, len(s))
	}
	return fmt.Sprintf("%q", s)
}

// noise gives n bytes that do not compress, the same for the same seed.
func noise(seed uint64, n int) []byte {
	rng := rand.New(rand.NewPCG(seed, 7))
	b := make([]byte, 0, n+8)
	for len(b) < n {
		b = binary.LittleEndian.AppendUint64(b, rng.Uint64())
	}
	return b[:n]
}
