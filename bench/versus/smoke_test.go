package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
			d, err := openDocument(set)
			if err != nil {
				t.Fatal(err)
			}
			r, err := compare(t.Context(), set, &log, d.put)
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
			if text, err := os.ReadFile(filepath.Join(set.out, "benchmarks.md")); err != nil || !strings.Contains(string(text), "## "+c.title) {
				t.Errorf("no report: %v", err)
			}
		})
	}
}

// unkept is for runs whose results are only looked at.
func unkept(*report.Result) error { return nil }

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
	r, err := compare(t.Context(), set, &log, unkept)
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
	if _, err := compare(t.Context(), set, &log, unkept); err == nil || !strings.Contains(err.Error(), "not installed") {
		t.Errorf("got %v, want that a peer is not installed", err)
	}
}

// A comparison that fails is told, the next one runs, and what was kept of the
// failed one stays.
func TestOneThatFailsLosesNoOther(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	set := tiny(t)
	set.strict = true // Redis is missing
	set.run = regexp.MustCompile("^(set-1|disk)$")
	d, err := openDocument(set)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.put(&report.Result{Name: "set-1", Title: "Set before"}); err != nil {
		t.Fatal(err)
	}
	r, err := compare(t.Context(), set, new(bytes.Buffer), d.put)
	if err == nil || !strings.Contains(err.Error(), "set-1: ") {
		t.Errorf("got %v, want that set-1 failed", err)
	}
	if len(r.Results) != 1 || r.Results[0].Name != "disk" {
		t.Errorf("got %d results, want that of disk", len(r.Results))
	}
	text, err := os.ReadFile(filepath.Join(set.out, "benchmarks.md"))
	if err != nil || !strings.Contains(string(text), "## Set before") || !strings.Contains(string(text), "## Bytes on disk") {
		t.Errorf("got %v, want both in\n%s", err, text)
	}
	// The next run begins with what is kept, and writes the summary of all; of
	// nothing it writes none.
	empty := set
	empty.render, empty.out = true, t.TempDir()
	if _, err := openDocument(empty); err == nil {
		t.Error("got no error where there is nothing to render")
	}
	set.render, set.readme = true, filepath.Join(set.out, "README.md")
	if err := os.WriteFile(set.readme, []byte("a\n"+report.NoSummary+"z\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if d, err = openDocument(set); err != nil {
		t.Fatal(err)
	}
	if code := finish(t.Context(), set, d, new(bytes.Buffer), new(bytes.Buffer)); code != 0 {
		t.Errorf("got exit code %d", code)
	}
	readme, err := os.ReadFile(set.readme)
	if err != nil || !strings.Contains(string(readme), "session records (JSON), as stored") || !strings.Contains(string(readme), "(benchmarks.md)") {
		t.Errorf("got %v, want the targets and the link in\n%s", err, readme)
	}
}

// A peer that fails in a turn is named and left out of the next ones; ours, or
// any where nothing may be missing, is an error.
func TestAPeerThatFailsIsNamed(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		ours, strict bool
		want         int // turns of the one that fails in its second
	}{{false, false, 2}, {true, false, 2}, {false, true, 2}} {
		set := tiny(t)
		set.strict = c.strict
		b, err := newBench(set, new(bytes.Buffer))
		if err != nil {
			t.Fatal(err)
		}
		defer b.close()
		turns, others, closed := 0, 0, 0
		res := &report.Result{Name: "x"}
		err = b.alternate(t.Context(), res, 4, &side{
			name: "fails", ours: c.ours,
			turn: func(context.Context) error {
				if turns++; turns == 2 {
					return broken
				}
				return nil
			},
			close: func() error { closed++; return nil },
		}, &side{name: "other", turn: func(context.Context) error { others++; return nil }})
		if tolerated := !c.ours && !c.strict; tolerated {
			if err != nil || others != 4 || len(res.Missing) != 1 || res.Missing[0] != "fails: broken" {
				t.Errorf("got %v, %d turns of the other, %q named", err, others, res.Missing)
			}
		} else if !errors.Is(err, broken) {
			t.Errorf("%+v: got %v, want its error", c, err)
		}
		if turns != c.want || closed != 1 {
			t.Errorf("%+v: got %d turns and %d closes, want %d and 1", c, turns, closed, c.want)
		}
	}
}

// Every bar is about a system that is there, else nothing would be judged.
func TestBarsAreAboutSystems(t *testing.T) {
	for writers, bars := range setBars {
		names := map[string]bool{}
		for _, s := range setSystems(writers) {
			names[s.name] = true
		}
		for _, bar := range bars {
			if !names[bar.peer] {
				t.Errorf("%d writers: there is no %q among %v", writers, bar.peer, names)
			}
		}
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
	if _, err := compare(ctx, set, new(bytes.Buffer), unkept); err == nil {
		t.Error("got no error")
	}
	if left, err := os.ReadDir(os.TempDir()); len(left) != 0 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}
	if left, _ := filepath.Glob(fmt.Sprintf("/dev/shm/strata-bench-%d-*", os.Getpid())); len(left) != 0 {
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

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0", 300: "300", 2000: "2 k", 100_000: "100 k", 10_000_000: "10 M", 1_500_000: "1500 k"} {
		if got := count(n); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// The exit code says what happened.
func TestExitCodes(t *testing.T) {
	if code := run(t.Context(), []string{"-run", "^nothing$", "-out", t.TempDir()}, new(bytes.Buffer), new(bytes.Buffer)); code != 2 {
		t.Errorf("nothing to run: got %d, want 2", code)
	}
	var names, log bytes.Buffer
	if code := run(t.Context(), []string{"-list"}, &names, new(bytes.Buffer)); code != 0 || !strings.Contains(names.String(), "set-512") {
		t.Errorf("-list: got %d, %q, want 0 and the names", code, &names)
	}
	all := comparisons
	defer func() { comparisons = all }()
	comparisons = nil
	for name, target := range map[string]report.Target{
		"met": {Bound: 1, Values: []float64{2}}, "missed": {Bound: 3, Values: []float64{2}}, "unjudged": {Bound: 3, Values: []float64{2}, Because: "small"},
	} {
		comparisons = append(comparisons, comparison{name: name, run: func(_ context.Context, _ *bench, res *report.Result) error {
			res.Targets = []report.Target{target}
			return nil
		}})
	}
	out := t.TempDir()
	for name, want := range map[string]int{"missed": 1, "met": 0, "unjudged": 0} {
		// What is kept of another run does not count.
		if code := run(t.Context(), []string{"-run", "^" + name + "$", "-out", out, "-data", t.TempDir()}, new(bytes.Buffer), new(bytes.Buffer)); code != want {
			t.Errorf("%s: got %d, want %d", name, code, want)
		}
	}
	comparisons = all
	met := []string{"-run", "^matrix$", "-rounds", "1", "-seconds", "8ms", "-records", "200,200,200", "-out", t.TempDir()}
	if code := run(t.Context(), met, new(bytes.Buffer), &log); code != 0 {
		t.Errorf("without targets: got %d, want 0\n%s", code, &log)
	}
}
