// Package suite runs the cases of a conformance suite, each in a goroutine of
// its own with a limit, as subtests or for their joined errors. What a case
// tests is the suite's own.
package suite

import (
	"errors"
	"fmt"
	"testing"
)

// Omitted is the answer of a case that does not apply to its subject, and why.
type Omitted string

func (o Omitted) Error() string { return string(o) }

func omitted(err error) bool { return errors.As(err, new(Omitted)) }

// Case is one rule of a contract.
type Case struct {
	Name  string
	Why   string // the rule, as one line
	Check func() error
}

// Run runs each case as a subtest.
func Run(t *testing.T, cases []Case) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			err := c.Check()
			if omitted(err) {
				t.Skip(err)
			}
			if err != nil {
				t.Errorf("%s\n%v", c.Why, err)
			}
		})
	}
}

// Check runs all cases and returns what is wrong, joined, each with the name of
// its case; nil if nothing is.
func Check(cases []Case) error {
	var errs []error
	for _, c := range cases {
		if err := c.Check(); err != nil && !omitted(err) {
			errs = append(errs, fmt.Errorf("%s (%s): %w", c.Name, c.Why, err))
		}
	}
	return errors.Join(errs...)
}
