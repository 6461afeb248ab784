package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/stratakv/strata/bench/versus/machine"
	"github.com/stratakv/strata/bench/versus/peer"
	"github.com/stratakv/strata/bench/versus/records"
	"github.com/stratakv/strata/bench/versus/report"
)

// bench is what the comparisons of a run share.
type bench struct {
	set    settings
	log    io.Writer
	values *records.Values
	data   string // where stores are loaded
	shared string // where strata's L2 goes

	temporary []string             // removed at the end
	servers   map[int]*peer.Server // by the number of records
}

// comparison measures one thing.
type comparison struct {
	name, title string
	how         []string
	run         func(ctx context.Context, b *bench, res *report.Result) error
}

func newBench(set settings, log io.Writer) (*bench, error) {
	b := &bench{set: set, log: log, data: set.data, shared: set.shared, values: records.NewValues(set.values), servers: map[int]*peer.Server{}}
	temporary := func(in, name string) (string, error) {
		dir, err := os.MkdirTemp(in, fmt.Sprintf("%s%d-", name, os.Getpid()))
		if err == nil {
			b.temporary = append(b.temporary, dir)
		}
		return dir, err
	}
	var err error
	if b.data == "" {
		b.data, err = temporary("", "strata-bench-")
	} else {
		err = os.MkdirAll(b.data, 0o700)
	}
	if err == nil && b.shared == "" {
		// As a store would choose by itself, but in a place that is removed.
		if b.shared, err = temporary("/dev/shm", "strata-bench-"); err != nil {
			b.shared, err = temporary(b.data, "shared-")
		}
	}
	if err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

// close ends the servers and removes what is temporary.
func (b *bench) close() (err error) {
	for _, s := range b.servers {
		err = errors.Join(err, s.Close())
	}
	for _, dir := range b.temporary {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.log, format+"\n", args...) }

// side is one of the systems that take turns.
type side struct {
	name  string
	ours  bool
	aside bool
	note  string
	few   bool // two rounds are enough: nothing is judged by it
	// setup is called once, before the first turn. Nil: there is nothing to do.
	setup func(ctx context.Context) error
	// turn measures, and adds to the tables.
	turn func(ctx context.Context) error
	// close is called once after setup, whatever came of it. Nil: likewise.
	close func() error
}

const fewRounds = 2

// alternate lets sides take turns, A B A B, for so many rounds. A peer that is
// missing or fails is named in the result and left out from then on; what it did
// before stays. Where nothing may be missing it is an error, as it is of ours.
func (b *bench) alternate(ctx context.Context, res *report.Result, rounds int, sides ...*side) (err error) {
	var there []*side
	defer func() {
		for _, s := range there {
			if s.close != nil {
				err = errors.Join(err, s.close())
			}
		}
	}()
	out := map[*side]bool{}
	without := func(s *side, err error) error {
		if err == nil {
			return nil
		}
		if s.ours || b.set.strict || ctx.Err() != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		b.say("%s: %s: %v", res.Name, s.name, err)
		res.Missing = append(res.Missing, fmt.Sprintf("%s: %v", s.name, err))
		out[s] = true
		return nil
	}
	for _, s := range sides {
		there = append(there, s)
		if s.setup == nil {
			continue
		}
		b.say("%s: %s: setting up", res.Name, s.name)
		if err := without(s, s.setup(ctx)); err != nil {
			return err
		}
	}
	for round := range rounds {
		for _, s := range there {
			if out[s] || s.few && round >= fewRounds {
				continue
			}
			b.say("%s: round %d of %d: %s", res.Name, round+1, rounds, s.name)
			if err := b.settle(); err != nil {
				return err
			}
			if err := errors.Join(without(s, s.turn(ctx)), ctx.Err()); err != nil {
				return err
			}
		}
	}
	return nil
}

// settle leaves nothing of one turn for the next one.
func (b *bench) settle() error {
	runtime.GC()
	return machine.SyncAll(b.data)
}

// table adds a table with a row for each side, those included that will be
// missing.
func table(res *report.Result, title, unit string, more bool, sides ...*side) *report.Table {
	t := &report.Table{Title: title, Unit: unit, More: more}
	for _, s := range sides {
		t.Rows = append(t.Rows, &report.Row{System: s.name, Ours: s.ours, Aside: s.aside, Note: s.note})
	}
	res.Tables = append(res.Tables, t)
	return t
}

// fact adds a table in which nothing is compared.
func fact(res *report.Result, title, unit string) *report.Table {
	t := &report.Table{Title: title, Unit: unit, Fact: true}
	res.Tables = append(res.Tables, t)
	return t
}

// disk is the side that says how fast the file system syncs.
func (b *bench) disk(t *report.Table) *side {
	return &side{name: "fdatasync alone", turn: func(ctx context.Context) error {
		rate, err := machine.Syncs(ctx, b.data, b.set.length/4)
		t.Add("fdatasync of 4 KiB, one after the other", rate)
		return err
	}}
}

// judge adds targets. needs are the records that the target speaks of, 0: none;
// in a smaller store it is not judged.
func (b *bench) judge(res *report.Result, has, needs int, targets ...report.Target) {
	for _, t := range targets {
		if has < needs && t.Because == "" {
			t.Because = fmt.Sprintf("%s records, not %s", count(has), count(needs))
		}
		res.Targets = append(res.Targets, t)
	}
}

// record gives record i as it is loaded.
func (b *bench) record(i int) (string, []byte) { return records.Key(i), b.values.At(i) }

// loaded gives the directory in which a system's n records lie. It loads them if
// they are not there yet.
func (b *bench) loaded(ctx context.Context, system string, n int, open func(dir string) (peer.Loader, error)) (string, error) {
	dir := filepath.Join(b.data, fmt.Sprintf("%s-%d", system, n))
	done := filepath.Join(dir, "loaded")
	if _, err := os.Stat(done); err == nil {
		return filepath.Join(dir, "store"), nil
	}
	b.say("loading %s records into %s", count(n), system)
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
		return "", err
	}
	kv, err := open(filepath.Join(dir, "store"))
	if err != nil {
		return "", err
	}
	if err := errors.Join(kv.Load(ctx, n, b.record), kv.Close()); err != nil {
		return "", err
	}
	return filepath.Join(dir, "store"), os.WriteFile(done, nil, 0o600)
}
