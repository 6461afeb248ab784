//go:build linux

package campaign_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// STRATA_REPORT names a file that has these two lines; the rows between them
// are the tests' own.
const (
	reportEnv   = "STRATA_REPORT"
	reportBegin = "<!-- campaign:begin -->"
	reportEnd   = "<!-- campaign:end -->"
)

// row is one line of the table.
type row struct {
	fault   string // which the row is found by
	where   string
	often   string
	result  string
	control string // the negative control and what became of it
}

// report puts r in the place of the row of the same fault, or behind the last
// one, if STRATA_REPORT asks for it and the test has not failed.
func report(t *testing.T, r row) {
	t.Helper()
	t.Logf("%s; %s; %s; %s; control: %s", r.fault, r.where, r.often, r.result, r.control)
	name := os.Getenv(reportEnv)
	if name == "" || t.Failed() {
		return
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	begin, end := slices.Index(lines, reportBegin), slices.Index(lines, reportEnd)
	if begin < 0 || end < begin {
		t.Fatalf("%s has no lines %s and %s", name, reportBegin, reportEnd)
	}
	line := fmt.Sprintf("| %s | `%s`: %s | %s | %s | %s |", r.fault, t.Name(), r.where, r.often, r.result, r.control)
	rows := slices.Clone(lines[begin+1 : end])
	at := slices.IndexFunc(rows, func(l string) bool { return strings.HasPrefix(l, "| "+r.fault+" |") })
	if at >= 0 {
		rows[at] = line
	} else {
		rows = append(rows, line)
	}
	lines = slices.Concat(lines[:begin+1], rows, lines[end:])
	if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
}
