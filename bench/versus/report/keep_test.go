package report_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stratakv/strata/bench/versus/report"
)

func markdown(t *testing.T, r *report.Report) string {
	t.Helper()
	var b strings.Builder
	if err := r.Markdown(&b, func(file string) string { return "charts/" + file }); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What is kept gives the same text as what was measured.
func TestKeptReportIsTheSame(t *testing.T) {
	file := filepath.Join(t.TempDir(), "benchmarks.json")
	if r, err := report.Load(file); err != nil || len(r.Results) != 0 {
		t.Fatalf("without a file: got %+v, %v, want nothing", r, err)
	}
	r := example()
	if err := r.Save(file); err != nil {
		t.Fatal(err)
	}
	again, err := report.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := markdown(t, again), markdown(t, r); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got, want := len(again.Missed()), len(r.Missed()); got != want {
		t.Errorf("got %d missed, want %d", got, want)
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := report.Load(file); err == nil {
		t.Error("half a file: got no error")
	}
}

// A result takes the place of the one before of the same name; the order is that
// of the names, and what has none is dropped.
func TestPut(t *testing.T) {
	r := new(report.Report)
	names := []string{"a", "b", "c"}
	for _, res := range []report.Result{{Name: "gone"}, {Name: "c"}, {Name: "a", Title: "old"}, {Name: "b"}, {Name: "a", Title: "new"}} {
		r.Put(&res, names)
	}
	var got []string
	for _, res := range r.Results {
		got = append(got, res.Name+res.Title)
	}
	if want := "anew b c"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOtherMachineIsNamed(t *testing.T) {
	r := example()
	other := *r.Results[0]
	other.Name, other.Stamp.Box = "other", []string{"processor: 64 cores"}
	other.Stamp.Began = other.Stamp.Began.AddDate(-1, 0, 0)
	r.Put(&other, []string{"set", "other"})
	text := markdown(t, r)
	if !strings.Contains(text, "- processor: 2 cores\n") || strings.Count(text, "On another machine: processor: 64 cores.") != 1 {
		t.Errorf("it does not say which part comes from where:\n%s", text)
	}
}

func TestSummary(t *testing.T) {
	text := example().Summary("docs/benchmarks.md", func(file string) string { return "docs/charts/" + file })
	for _, want := range []string{
		"Measured on 2 cores, until 1 February 2024, of 0123abc;", "(docs/benchmarks.md)",
		"| strata / peer B | ≥ 1× | 0.5× | **missed** |",
		"![Sets](docs/charts/set-1.svg)", "![Over time](docs/charts/set-lines-1.svg)",
		"| Durable Set | peer B (forgets) | 1 of 2 | Sets, per second | 30,000 | 60,000 | 2× |",
		"| Durable Set | peer <A> | 1 of 2 | p50, µs | 100 | 50 | 2× |",
		"| Durable Set | peer A | 1 of 2 | 1000 records, writes, 1/s | 10 | 20 | 2× |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "set-2.svg") {
		t.Error("it has a chart that is no headline")
	}
}

func TestInsert(t *testing.T) {
	document := "before\n" + report.NoSummary + "after\n"
	once, err := report.Insert([]byte(document), "first\n")
	if err != nil {
		t.Fatal(err)
	}
	twice, err := report.Insert(once, "second\n")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(twice), strings.Replace(string(once), "first\n", "second\n", 1); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !strings.HasPrefix(string(once), "before\n<!--") || !strings.HasSuffix(string(once), "-->\nafter\n") {
		t.Errorf("got %q", once)
	}
	if _, err := report.Insert([]byte("before\n"), "x"); err == nil {
		t.Error("a document without a place for it: got no error")
	}
}
