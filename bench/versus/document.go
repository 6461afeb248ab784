package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/stratakv/strata/bench/versus/report"
)

// document is the report in its directory: benchmarks.json, which keeps the last
// result of each comparison, and what is made of it: benchmarks.md, the charts in
// benchmarks, and the summary in a readme.
type document struct {
	dir, readme string
	kept        *report.Report
}

func openDocument(set settings) (*document, error) {
	kept, err := report.Load(filepath.Join(set.out, "benchmarks.json"))
	if err == nil && set.render && len(kept.Results) == 0 {
		err = fmt.Errorf("nothing to render: there is no result in %s (-out)", set.out)
	}
	return &document{set.out, set.readme, kept}, err
}

// put takes a result in place of an earlier one, and writes all.
func (d *document) put(res *report.Result) error {
	var names []string
	for _, c := range comparisons {
		names = append(names, c.name)
	}
	d.kept.Put(res, names)
	return d.write()
}

func (d *document) write() error {
	const charts = "benchmarks"
	if err := d.kept.WriteCharts(filepath.Join(d.dir, charts)); err != nil {
		return err
	}
	if err := d.kept.Save(filepath.Join(d.dir, "benchmarks.json")); err != nil {
		return err
	}
	text := filepath.Join(d.dir, "benchmarks.md")
	f, err := os.Create(text)
	if err != nil {
		return err
	}
	err = errors.Join(d.kept.Markdown(f, func(file string) string { return charts + "/" + file }), f.Close())
	if err != nil || d.readme == "" {
		return err
	}
	return d.summarize(text, filepath.Join(d.dir, charts))
}

// summarize writes the summary into the readme; its links begin where that is.
func (d *document) summarize(text, charts string) error {
	link := func(path string) (string, error) {
		rel, err := filepath.Rel(filepath.Dir(d.readme), path)
		return filepath.ToSlash(rel), err
	}
	toText, errText := link(text)
	toCharts, errCharts := link(charts)
	old, err := os.ReadFile(d.readme)
	if err := errors.Join(err, errText, errCharts); err != nil {
		return err
	}
	document, err := report.Insert(old, d.kept.Summary(toText, func(file string) string { return toCharts + "/" + file }))
	if err != nil {
		return err
	}
	return os.WriteFile(d.readme, document, 0o644)
}
