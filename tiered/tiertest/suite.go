package tiertest

import (
	"errors"
	"fmt"
	"testing"
	"time"

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

// caseLimit ends a case that hangs; the slowest takes seconds on a slow disk.
const caseLimit = 2 * time.Minute

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
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			err := c.check(f)
			if errors.Is(err, errNoReopen) {
				t.Skip("this Durable cannot be reopened")
			}
			if err != nil {
				t.Errorf("%s\n%v", c.why, err)
			}
		})
	}
}

// Check runs all cases on the Durable that f opens and returns what is wrong,
// joined, each line with the name of its case; nil if nothing is.
func Check(f Factory) error {
	var errs []error
	for _, c := range cases() {
		if err := c.check(f); err != nil && !errors.Is(err, errNoReopen) {
			errs = append(errs, fmt.Errorf("%s (%s): %w", c.name, c.why, err))
		}
	}
	return errors.Join(errs...)
}

var errNoReopen = errors.New("the subject cannot be reopened")

// check runs one case on a fresh subject, in a goroutine of its own so that
// probe.Fatalf can end it and a limit can leave it.
func (c testCase) check(f Factory) error {
	s, err := f()
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	p := newProbe(s)
	if c.reopen && s.Reopen == nil {
		p.close()
		return errNoReopen
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer p.close()
		c.run(p)
	}()
	timer := time.NewTimer(caseLimit)
	defer timer.Stop()
	select {
	case <-done:
		return p.err()
	case <-timer.C:
		return errors.Join(p.err(), fmt.Errorf("did not end within %v", caseLimit))
	}
}
