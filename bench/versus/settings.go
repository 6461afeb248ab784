package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// settings are the flags.
type settings struct {
	run     *regexp.Regexp
	list    bool
	quick   bool
	rounds  int
	records [3]int        // a small, a middle and a large store
	length  time.Duration // of one measurement
	long    time.Duration // of the sustained one
	out     string        // where the report is kept and written
	readme  string        // the file that has a summary of it; "": none
	render  bool          // nothing is measured, the report is written from what is kept
	data    string        // where stores are; "": a temporary directory
	shared  string        // where strata's L2 is; "": in shared memory if there is any
	values  int           // how many different ones there are, a power of two
	strict  bool          // a peer that is missing is an error
}

const fullLength, quickLength = 2 * time.Second, time.Second

// parse reads the arguments. What -quick changes, other flags change again.
func parse(args []string, complaints io.Writer) (settings, error) {
	s := settings{values: 1 << 16, strict: os.Getenv("CI") == "true"}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(complaints)
	run := flags.String("run", "", "only the comparisons whose `name` matches this regular expression")
	flags.BoolVar(&s.list, "list", false, "name the comparisons and end")
	flags.BoolVar(&s.quick, "quick", false, "a few minutes: 3 rounds of 1s, stores of 20k, 200k and 1M records; what depends on that is not judged")
	flags.IntVar(&s.rounds, "rounds", 0, "how often each system is measured (5)")
	flags.DurationVar(&s.length, "seconds", 0, "how long each measurement takes, as in 500ms (2s)")
	flags.DurationVar(&s.long, "sustained", 0, "how long the sustained load takes (5m)")
	records := flags.String("records", "", "records of a small, a middle and a large `store` (100k,1M,10M)")
	flags.StringVar(&s.out, "out", "bin/bench", "`directory` for benchmarks.md, its charts, and benchmarks.json, which keeps the last result of each comparison for the next run")
	flags.StringVar(&s.readme, "readme", "", "`file` whose summary of the figures is to be replaced, such as README.md")
	flags.BoolVar(&s.render, "render", false, "measure nothing; write the report and the summary from what is kept in -out")
	flags.StringVar(&s.data, "data", "", "`directory` that keeps the stores for the next run (a temporary one)")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("what is %q?", flags.Arg(0))
	}
	text := *records
	if text == "" {
		text = map[bool]string{true: "20k,200k,1M", false: "100k,1M,10M"}[s.quick]
	}
	var err, runErr error
	s.records, err = parseRecords(text)
	s.run, runErr = regexp.Compile(*run)
	setDefault(&s.rounds, map[bool]int{true: 3, false: 5}[s.quick])
	setDefault(&s.length, map[bool]time.Duration{true: quickLength, false: fullLength}[s.quick])
	setDefault(&s.long, map[bool]time.Duration{true: 40 * time.Second, false: 5 * time.Minute}[s.quick])
	return s, errors.Join(err, runErr)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// parseRecords reads three numbers such as "100k,1M,10M".
func parseRecords(text string) (n [3]int, err error) {
	parts := strings.Split(text, ",")
	if len(parts) != len(n) {
		return n, fmt.Errorf("-records has %d numbers, want 3", len(parts))
	}
	for i, part := range parts {
		times := 1
		switch {
		case strings.HasSuffix(part, "k"):
			times, part = 1000, strings.TrimSuffix(part, "k")
		case strings.HasSuffix(part, "M"):
			times, part = 1_000_000, strings.TrimSuffix(part, "M")
		}
		v, err := strconv.Atoi(part)
		if err != nil || v <= 0 {
			return n, fmt.Errorf("-records: %q is no number of records", part)
		}
		n[i] = v * times
	}
	if n[0] > n[1] || n[1] > n[2] {
		return n, errors.New("-records: the three numbers must grow")
	}
	return n, nil
}

// count writes so many records as people say it: 100 k, 10 M.
func count(n int) string {
	switch {
	case n > 0 && n%1_000_000 == 0:
		return fmt.Sprintf("%d M", n/1_000_000)
	case n > 0 && n%1000 == 0:
		return fmt.Sprintf("%d k", n/1000)
	}
	return strconv.Itoa(n)
}

// several writes how many there are of what: 1 writer, 64 writers.
func several(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// The three stores.
func (s settings) small() int { return s.records[0] }
func (s settings) base() int  { return s.records[1] }
func (s settings) large() int { return s.records[2] }

// command is what repeats a comparison.
func (s settings) command(name string) string {
	quick := map[bool]string{true: " -quick"}[s.quick]
	return fmt.Sprintf("go run ./bench%s -run '^%s$' -rounds %d -seconds %v -sustained %v -records %d,%d,%d",
		quick, name, s.rounds, s.length, s.long, s.records[0], s.records[1], s.records[2])
}
