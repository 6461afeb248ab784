package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stratakv/strata/bench/versus/report"
)

// The test program is also the children that the comparisons start.
func TestMain(m *testing.M) {
	if done, code := child(); done {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

func tiny(t *testing.T) settings {
	return settings{
		run: regexp.MustCompile(""), rounds: 1, records: [3]int{300, 1000, 2000}, length: 8 * time.Millisecond,
		long: time.Second, data: t.TempDir(), shared: t.TempDir(), values: 256, strict: os.Getenv("CI") == "true", out: t.TempDir(),
	}
}

// Every comparison, with numbers that say nothing: that it runs, that each system
// has a value or is named as missing, and that nothing is left behind.
func TestEveryComparisonRuns(t *testing.T) {
	for _, c := range comparisons {
		t.Run(c.name, func(t *testing.T) {
			set := tiny(t)
			set.run = regexp.MustCompile("^" + c.name + "$")
			var log bytes.Buffer
			r, err := compare(t.Context(), set, &log)
			if err != nil {
				t.Fatalf("%v\n%s", err, &log)
			}
			if len(r.Results) != 1 || r.Results[0].Name != c.name {
				t.Fatalf("got %d results", len(r.Results))
			}
			checkRows(t, r.Results[0])
			if left, _ := os.ReadDir(set.shared); len(left) != 0 {
				t.Errorf("left in the shared directory: %v", left)
			}
			if left, _ := filepath.Glob(filepath.Join(set.data, "scratch-*")); len(left) != 0 {
				t.Errorf("left: %v", left)
			}
			var out strings.Builder
			if err := write(r, set.out, &out); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(filepath.Join(set.out, "benchmarks.md")); err != nil || !strings.Contains(out.String(), "## "+c.title) {
				t.Errorf("no report: %v", err)
			}
		})
	}
}

// scarce rows may be without values in a run that is over at once.
var scarce = regexp.MustCompile("checkpoint")

func checkRows(t *testing.T, res *report.Result) {
	missing := strings.Join(res.Missing, "\n")
	for _, table := range res.Tables {
		for _, row := range table.Rows {
			if len(row.Values) == 0 && !strings.Contains(missing, row.System) && !scarce.MatchString(row.System+res.Name) && res.Name != "open-loop" {
				t.Errorf("%s: %s has no value and is not named as missing", table.Title, row.System)
			}
			for _, v := range row.Values {
				if v < 0 || v != v {
					t.Errorf("%s: %s has the value %v", table.Title, row.System, v)
				}
			}
		}
	}
	for _, m := range res.Missing {
		t.Logf("not measured: %s", m)
	}
}

// What is not installed is named; where nothing may be missing it is an error.
func TestMissingPeersAreNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	set := tiny(t)
	set.strict = false
	set.run = regexp.MustCompile("^(set-1|fastmmap)$")
	var log bytes.Buffer
	r, err := compare(t.Context(), set, &log)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := r.Markdown(&out, nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"not installed: redis-server (Debian: redis-server)", "not installed: perl", "not judged: not measured: Redis"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not say %q", want)
		}
	}
	set.strict = true
	if _, err := compare(t.Context(), set, &log); err == nil || !strings.Contains(err.Error(), "not installed") {
		t.Errorf("got %v, want that a peer is not installed", err)
	}
}

// An interrupted run ends soon, as an error, and leaves nothing.
func TestInterruptTidiesUp(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	set := tiny(t)
	set.data, set.shared, set.length = "", "", time.Hour
	set.run = regexp.MustCompile("^(set-64|mixed)$")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := compare(ctx, set, new(bytes.Buffer)); err == nil {
		t.Error("got no error")
	}
	if left, err := os.ReadDir(os.TempDir()); len(left) != 0 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}
	if left, _ := filepath.Glob("/dev/shm/strata-bench-*"); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestFlags(t *testing.T) {
	for _, c := range []struct {
		args string
		want func(settings) bool
	}{
		{"", func(s settings) bool {
			return s.rounds == 5 && s.length == 2*time.Second && s.long == 5*time.Minute && s.large() == 10_000_000
		}},
		{"-quick", func(s settings) bool { return s.rounds == 3 && s.base() == 200_000 && s.long == 40*time.Second }},
		{"-quick -rounds 7 -records 1,2k,3M", func(s settings) bool { return s.rounds == 7 && s.records == [3]int{1, 2000, 3_000_000} }},
		{"-run ^set-", func(s settings) bool { return s.run.MatchString("set-1") && !s.run.MatchString("mixed") }},
	} {
		s, err := parse(strings.Fields(c.args), new(bytes.Buffer))
		if err != nil || !c.want(s) {
			t.Errorf("%q: got %+v, %v", c.args, s, err)
		}
	}
	for _, args := range []string{"-run (", "-records 1,2", "-records 3,2,1", "-records a,b,c", "-nonsense", "word"} {
		if _, err := parse(strings.Fields(args), new(bytes.Buffer)); err == nil {
			t.Errorf("%q: got no error", args)
		}
	}
}

// The exit code says what happened.
func TestExitCodes(t *testing.T) {
	if code := run(t.Context(), []string{"-run", "^nothing$", "-out", t.TempDir()}, new(bytes.Buffer), new(bytes.Buffer)); code != 2 {
		t.Errorf("nothing to run: got %d, want 2", code)
	}
	var out bytes.Buffer
	if code := run(t.Context(), []string{"-list"}, &out, new(bytes.Buffer)); code != 0 || !strings.Contains(out.String(), "set-512") {
		t.Errorf("-list: got %d, %q, want 0 and the names", code, &out)
	}
	met := []string{"-run", "^matrix$", "-rounds", "1", "-seconds", "8ms", "-records", "200,200,200", "-out", t.TempDir()}
	if code := run(t.Context(), met, new(bytes.Buffer), &out); code != 0 {
		t.Errorf("without targets: got %d, want 0\n%s", code, &out)
	}
}
