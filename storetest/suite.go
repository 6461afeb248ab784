package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stratakv/strata/internal/suite"
	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/tiered/tier"
)

// Need is what a case needs of the store that it gets. Zero fields are the
// store's defaults; Clock is always set.
type Need struct {
	Clock    tier.Clock
	Limits   tiered.Limits
	MaxTTL   time.Duration
	MaxBytes int64 // the quota; a memory store may count its own bookkeeping
}

// Options is what the need says as the options of package tiered. Expired
// records are swept only when a call asks for it.
func (n Need) Options() *tiered.Options {
	return &tiered.Options{
		Clock: n.Clock, Limits: n.Limits, MaxTTL: n.MaxTTL, MaxBytes: n.MaxBytes,
		SweepEvery: time.Hour,
	}
}

// Subject is one store under test.
type Subject struct {
	// Store is fresh: nothing was ever stored in it.
	Store Store
	// Reopen opens the same records again with the same need; the suite has
	// closed the store before. nil for a store that forgets with Close; what
	// concerns reopening is then left out.
	Reopen func() (Store, error)
	// Cleanup, if not nil, runs once after the last Close.
	Cleanup func()
}

// Factory opens stores for the suite.
type Factory struct {
	// Open opens a fresh, empty store. It is called once for each case.
	Open func(need Need) (Subject, error)
	// Tier is who keeps writes: tiered.TierL3, whose quota counts live logical
	// bytes exactly, or tiered.TierMemory, which is not durable.
	Tier tiered.Tier
}

// testCase is one rule of the contract.
type testCase struct {
	name   string
	why    string // the rule, as one line
	need   Need
	reopen bool // needs Subject.Reopen
	run    func(p *probe)
}

func cases() []testCase {
	var all []testCase
	for _, part := range [][]testCase{
		readCases, writeCases, itemCases, lifetimeCases, clockCases, compareCases, updateCases, batchCases, batchLimitCases,
		scanCases, scanBesideCases, sweepCases, limitCases, quotaCases, privacyCases, errorCases, contextCases, closeCases,
		concurrentCases, atomicCases, reopenCases, modelCases,
	} {
		all = append(all, part...)
	}
	return all
}

// Run tests the stores that f opens, each case as a subtest.
func Run(t *testing.T, f Factory) {
	t.Helper()
	suite.Run(t, rules(f))
}

// Check runs all cases on the stores that f opens and returns what is wrong,
// joined, each with the name of its case; nil if nothing is.
func Check(f Factory) error {
	return suite.Check(rules(f))
}

// rules are the cases on what f opens.
func rules(f Factory) []suite.Case {
	var all []suite.Case
	for _, c := range cases() {
		all = append(all, suite.Case{Name: c.name, Why: c.why, Check: func() error { return c.check(f) }})
	}
	return all
}

// check runs one case on a fresh subject.
func (c testCase) check(f Factory) error {
	clock := NewClock()
	need := c.need
	need.Clock = clock
	s, err := f.Open(need)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	p, cancel := newProbe(s, clock, f.Tier)
	defer cancel()
	if c.reopen && s.Reopen == nil {
		p.close()
		return suite.Omitted("this store cannot be reopened")
	}
	return p.After(func() {
		defer p.close()
		c.run(p)
	})
}
