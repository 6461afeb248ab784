package tiertest

import (
	"fmt"
	"testing"

	"github.com/stratakv/strata/internal/suite"
	"github.com/stratakv/strata/tiered/tier"
)

// Subject is one Durable under test.
type Subject struct {
	// Durable is fresh: nothing was ever stored in it.
	Durable tier.Durable
	// Reopen opens the same records again; the suite has closed the Durable
	// before. nil for a Durable that forgets with Close; what concerns
	// reopening is then left out.
	Reopen func() (tier.Durable, error)
	// Cleanup, if not nil, runs once after the last Close.
	Cleanup func()
}

// Factory opens a fresh, empty Durable that takes 64 MiB of records and
// values of at least 5 MiB. It is called once for each case.
type Factory func() (Subject, error)

// testCase is one rule of the contract.
type testCase struct {
	name   string
	why    string // the rule, as one line
	reopen bool   // needs Subject.Reopen
	run    func(p *probe)
}

// cases gives all cases, in the order in which a new Durable comes to pass
// them.
func cases() []testCase {
	var all []testCase
	for _, part := range [][]testCase{
		recordCases, headCases, scanCases, privacyCases, commitCases, dueCases, reopenCases, modelCases,
	} {
		all = append(all, part...)
	}
	return all
}

// Run tests the Durable that f opens, each case as a subtest.
func Run(t *testing.T, f Factory) {
	t.Helper()
	suite.Run(t, rules(f))
}

// Check runs all cases on the Durable that f opens and returns what is wrong,
// joined, each line with the name of its case; nil if nothing is.
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
	s, err := f()
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	p := newProbe(s)
	if c.reopen && s.Reopen == nil {
		p.close()
		return suite.Omitted("this Durable cannot be reopened")
	}
	return p.After(func() {
		defer p.close()
		c.run(p)
	})
}
