// Command table prints the conformance of several builds as one table, from what
// `go test -json` wrote about storetest on each:
//
//	go run ./wasm/table 'native:TestStoreConforms/all_tiers=native.json' …
//
// A column is NAME:TEST=FILE; the rows are TEST's subtests. It fails if a row
// failed, or is not there in a column.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "table:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	var columns []*column
	for _, arg := range args {
		c, err := readColumn(arg)
		if err != nil {
			return err
		}
		columns = append(columns, c)
	}
	if len(columns) == 0 {
		return errors.New("no column is given")
	}
	return write(out, columns)
}

// column is what one build's run of the suite came to.
type column struct {
	name    string
	results map[string]string // row → pass, fail, or why it was skipped
}

// event is a line of go test -json.
type event struct{ Action, Test, Output string }

func readColumn(arg string) (*column, error) {
	spec, file, ok := strings.Cut(arg, "=")
	name, test, ok2 := strings.Cut(spec, ":")
	if !ok || !ok2 {
		return nil, fmt.Errorf("%q is not NAME:TEST=FILE", arg)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c := &column{name: name, results: map[string]string{}}
	return c, c.read(f, test+"/")
}

func (c *column) read(r io.Reader, prefix string) error {
	said := map[string]string{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue // what a runner prints beside the events
		}
		row, ok := strings.CutPrefix(e.Test, prefix)
		if !ok || strings.Contains(row, "/") {
			continue
		}
		switch e.Action {
		case "output":
			if _, text, found := strings.Cut(e.Output, ".go:"); found {
				_, why, _ := strings.Cut(text, ": ")
				said[row] = strings.TrimSpace(why)
			}
		case "pass", "fail":
			c.results[row] = e.Action
		case "skip":
			c.results[row] = said[row]
		}
	}
	return lines.Err()
}

func write(out io.Writer, columns []*column) error {
	var rows []string
	for _, c := range columns {
		for row := range c.results {
			rows = append(rows, row)
		}
	}
	slices.Sort(rows)
	rows = slices.Compact(rows)
	if len(rows) == 0 {
		return errors.New("no test was run")
	}
	fmt.Fprint(out, "| rule |")
	for _, c := range columns {
		fmt.Fprintf(out, " %s |", c.name)
	}
	fmt.Fprintf(out, "\n|---|%s\n", strings.Repeat("---|", len(columns)))
	var notes, faults []string
	for _, row := range rows {
		fmt.Fprintf(out, "| %s |", row)
		for _, c := range columns {
			result, met := c.results[row]
			switch {
			case !met || result == "fail":
				faults = append(faults, fmt.Sprintf("%s on %s: %q", row, c.name, result))
				fmt.Fprint(out, " FAILED |")
			case result == "pass":
				fmt.Fprint(out, " yes |")
			default:
				if !slices.Contains(notes, result) {
					notes = append(notes, result)
				}
				fmt.Fprintf(out, " [%d] |", slices.Index(notes, result)+1)
			}
		}
		fmt.Fprintln(out)
	}
	fmt.Fprintf(out, "\n%d rules.\n", len(rows))
	for i, note := range notes {
		fmt.Fprintf(out, "[%d] does not apply: %s.\n", i+1, note)
	}
	if len(faults) > 0 {
		return fmt.Errorf("rules that do not hold or were not tried:\n%s", strings.Join(faults, "\n"))
	}
	return nil
}
