package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/stratakv/strata/tiered"
)

var modelCases = []testCase{
	{
		name: "Model",
		why:  "random calls give what a plain map gives, while time passes and the store is reopened",
		run:  func(p *probe) { runModel(p, rand.Uint64()) },
	},
}

const (
	modelSteps = 1500 // the length of a random run
	modelKeys  = 14   // the keys that it uses
)

// model is a random run over few keys, and what the store must hold.
type model struct {
	*probe
	rng   *rand.Rand
	items map[string]tiered.Item // expired ones too
	last  uint64                 // the largest version seen
}

func runModel(p *probe, seed uint64) {
	p.Seed = seed
	m := &model{probe: p, rng: rand.New(rand.NewPCG(seed, 0)), items: map[string]tiered.Item{}}
	steps := []func(key string){
		m.stepSet, m.stepSet, m.stepSetItem, m.stepDelete, m.stepTouch, m.stepCompare, m.stepCompareDelete, m.stepUpdate,
		m.stepBatch, m.stepBatch, m.stepScan, m.stepMany, m.stepTime, m.stepTime, m.stepSweep,
	}
	for i := 0; i < modelSteps && p.Err() == nil; i++ {
		key := m.key()
		steps[m.rng.IntN(len(steps))](key)
		m.verify(key)
		m.verify(m.key())
		if i%150 == 149 && p.subject.Reopen != nil {
			p.reopen(func() { p.clock.Advance(m.span()) })
		}
	}
}

// live gives the record of key as a reader must see it.
func (m *model) live(key string) (tiered.Item, bool) {
	it, ok := m.items[key]
	if !ok || !it.Expires.IsZero() && !it.Expires.After(m.now()) {
		return tiered.Item{}, false
	}
	return it, true
}

func (m *model) verify(key string) {
	got, err := m.store.GetItem(m.ctx, key)
	want, ok := m.live(key)
	if !ok {
		m.want("GetItem of "+short(key), err, tiered.ErrNotFound)
		return
	}
	m.must("GetItem of "+short(key), err)
	m.sameItem("GetItem", got, want)
}

// wrote puts what a write made into the model. The version is taken from the
// store, and must be larger than all before.
func (m *model) wrote(call, key string, value []byte, expires time.Time) tiered.Item {
	version := m.version(key)
	if version <= m.last {
		m.Errorf("%s of %s: got version %d after %d, want a larger one", call, short(key), version, m.last)
	}
	m.last = version
	m.items[key] = tiered.Item{Key: key, Value: value, Expires: expires, Version: version}
	return m.items[key]
}

func (m *model) stepSet(key string) {
	value, ttl := m.value(), m.ttl()
	m.must("Set", m.store.Set(m.ctx, key, value, ttl))
	m.wrote("Set", key, value, m.deadline(ttl))
}

func (m *model) stepSetItem(key string) {
	in := tiered.Item{Key: key, Value: m.value(), Expires: m.now().Add(m.span() - 5*time.Millisecond)}
	out, err := m.store.SetItem(m.ctx, in)
	m.must("SetItem", err)
	if !in.Expires.After(m.now()) {
		delete(m.items, key)
		return
	}
	m.sameItem("SetItem", out, m.wrote("SetItem", key, in.Value, in.Expires))
}

func (m *model) stepDelete(key string) {
	m.must("Delete", m.store.Delete(m.ctx, key))
	delete(m.items, key)
}

func (m *model) stepTouch(key string) {
	ttl := m.ttl()
	err := m.store.Touch(m.ctx, key, ttl)
	old, ok := m.live(key)
	if !ok {
		m.want("Touch", err, tiered.ErrNotFound)
		return
	}
	m.must("Touch", err)
	m.wrote("Touch", key, old.Value, m.deadline(ttl))
}

// expected gives a version to compare with, often the right one.
func (m *model) expected(key string) uint64 {
	switch m.rng.IntN(6) {
	case 0:
		return 0
	case 1:
		return m.items[m.key()].Version
	}
	cur, _ := m.live(key)
	return cur.Version
}

func (m *model) stepCompare(key string) {
	version, value, ttl := m.expected(key), m.value(), m.ttl()
	cur, _ := m.live(key)
	expires := m.deadline(ttl)
	if m.rng.IntN(3) == 0 {
		ttl, expires = tiered.KeepTTL, cur.Expires
	}
	it, err := m.store.CompareAndSet(m.ctx, key, version, value, ttl)
	if version != cur.Version {
		m.want("CompareAndSet", err, tiered.ErrVersion)
		m.sameItem("ErrVersion's Item", it, cur)
		return
	}
	m.must("CompareAndSet", err)
	m.sameItem("CompareAndSet", it, m.wrote("CompareAndSet", key, value, expires))
}

func (m *model) stepCompareDelete(key string) {
	version := m.expected(key)
	cur, _ := m.live(key)
	err := m.store.CompareAndDelete(m.ctx, key, version)
	if version != cur.Version {
		m.want("CompareAndDelete", err, tiered.ErrVersion)
		return
	}
	m.must("CompareAndDelete", err)
	delete(m.items, key)
}

func (m *model) stepUpdate(key string) {
	value, ttl := m.value(), m.ttl()
	cur, ok := m.live(key)
	expires := m.deadline(ttl)
	var answer error
	switch m.rng.IntN(5) {
	case 0:
		answer = tiered.Keep
	case 1:
		answer = tiered.Remove
	case 2:
		ttl, expires = tiered.KeepTTL, cur.Expires
	}
	it, err := m.store.Update(m.ctx, key, func(old tiered.Item, found bool) ([]byte, time.Duration, error) {
		if found != ok {
			m.Errorf("Update of %s: got found %v, want %v", short(key), found, ok)
		}
		m.sameItem("Update's old Item", old, cur)
		return value, ttl, answer
	})
	m.must("Update", err)
	switch {
	case answer == nil:
		m.sameItem("Update", it, m.wrote("Update", key, value, expires))
	case errors.Is(answer, tiered.Remove):
		delete(m.items, key)
	}
}

// stepTime lets time pass, to the very deadline of some record or near it.
func (m *model) stepTime(key string) {
	d := m.span()
	if it, ok := m.live(key); ok && !it.Expires.IsZero() {
		d = max(0, it.Expires.Sub(m.now())-time.Duration(m.rng.IntN(2))*time.Millisecond)
	}
	m.clock.Advance(d)
}

func (m *model) stepSweep(string) {
	n, err := m.store.DeleteExpired(m.ctx)
	if err != nil || n > modelKeys {
		m.Errorf("DeleteExpired: got %d and error %v, want at most %d", n, err, modelKeys)
	}
	if again, err := m.store.DeleteExpired(m.ctx); err != nil || again != 0 {
		m.Errorf("DeleteExpired again: got %d and error %v, want 0", again, err)
	}
}

func (m *model) key() string {
	switch n := m.rng.IntN(modelKeys); n {
	case 0:
		return ""
	case 1:
		return "\xff"
	case 2:
		return strings.Repeat("long", 2000)
	default:
		return fmt.Sprintf("%c/%d", 'a'+rune(n%3), n)
	}
}

func (m *model) value() []byte {
	n := m.rng.IntN(300)
	if m.rng.IntN(40) == 0 {
		n = m.rng.IntN(100_000)
	}
	if m.rng.IntN(2) == 0 {
		return []byte(strings.Repeat("compressible value ", n/19))
	}
	return noise(m.rng.Uint64(), n)
}

// span is a time that lets some records expire and others live on.
func (m *model) span() time.Duration { return time.Duration(1+m.rng.IntN(40)) * time.Millisecond }

func (m *model) ttl() time.Duration {
	if m.rng.IntN(4) == 0 {
		return 0
	}
	return m.span()
}

func (m *model) deadline(ttl time.Duration) time.Time {
	if ttl == 0 {
		return time.Time{}
	}
	return m.now().Add(ttl)
}
