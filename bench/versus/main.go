package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/stratakv/strata/bench/versus/machine"
	"github.com/stratakv/strata/bench/versus/peer"
	"github.com/stratakv/strata/bench/versus/report"
)

func main() {
	if done, code := child(); done {
		os.Exit(code)
	}
	// Until the end: a second Ctrl-C must not cut the tidying short.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run does what the arguments say, and gives the exit code.
func run(ctx context.Context, args []string, out, log io.Writer) int {
	set, err := parse(args, log)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(log, "bench:", err)
		return 2
	case set.list:
		for _, c := range comparisons {
			fmt.Fprintf(out, "%-12s %s\n", c.name, c.title)
		}
		return 0
	}
	d, err := openDocument(set)
	if err == nil {
		return finish(ctx, set, d, out, log)
	}
	fmt.Fprintln(log, "bench:", err)
	return 2
}

// finish measures, unless the report is only to be written anew, and gives the
// exit code.
func finish(ctx context.Context, set settings, d *document, out, log io.Writer) int {
	if set.render {
		if err := d.write(); err != nil {
			fmt.Fprintln(log, "bench:", err)
			return 2
		}
		return 0
	}
	r, err := compare(ctx, set, log, d.put)
	if len(r.Results) > 0 {
		err = errors.Join(err, r.Markdown(out, nil))
	}
	missed := r.Missed()
	for _, t := range missed {
		fmt.Fprintf(log, "bench: missed: %s: want %s, got %.3g\n", t.What, t.Want(), t.Got().Median)
	}
	if err != nil {
		fmt.Fprintln(log, "bench:", err)
		return 2
	}
	if len(missed) > 0 {
		return 1
	}
	return 0
}

// compare runs the comparisons that are chosen, and gives each result to done
// when it is there. One that fails is part of the error, and the next one runs;
// the report has those that came to their end.
func compare(ctx context.Context, set settings, log io.Writer, done func(*report.Result) error) (r *report.Report, err error) {
	r = new(report.Report)
	b, err := newBench(set, log)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	box := machine.Describe(b.data)
	box = append(box, peer.Programs(ctx)...)
	if !machine.OnDisk(b.data) {
		box = append(box, "**The stores were in memory: nothing was durable, and the durable figures mean nothing.**")
	}
	chosen, commit := 0, machine.Commit(ctx)
	for _, c := range comparisons {
		if !set.run.MatchString(c.name) || ctx.Err() != nil {
			continue
		}
		chosen++
		res := &report.Result{Name: c.name, Title: c.title, How: c.how, Stamp: report.Stamp{
			Command: set.command(c.name), Commit: commit, Began: time.Now().UTC(), Box: box,
			Quick: set.quick, Rounds: set.rounds,
		}}
		if failed := c.run(ctx, b, res); failed != nil {
			b.say("%s: failed: %v", c.name, failed)
			err = errors.Join(err, fmt.Errorf("%s: %w", c.name, failed))
			continue
		}
		res.Stamp.Took = time.Since(res.Stamp.Began)
		r.Results = append(r.Results, res)
		b.say("%s: done in %v", c.name, res.Stamp.Took.Round(time.Second))
		if err := done(res); err != nil {
			return r, err
		}
	}
	if chosen == 0 && ctx.Err() == nil {
		return r, fmt.Errorf("no comparison matches -run '%s'", set.run)
	}
	return r, errors.Join(err, ctx.Err())
}
