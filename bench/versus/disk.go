package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/stratakv/strata/bench/versus/machine"
	"github.com/stratakv/strata/bench/versus/peer"
	"github.com/stratakv/strata/bench/versus/report"
	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/internal/sessiondata"
	"github.com/stratakv/strata/tiered"
)

var diskHow = []string{
	"strata alone: different session records, set once and then once more, as sessions are, in a new store; in each round as JSON and as CBOR, the form in which package session keeps them. \"As stored\" are the values with their headers (Stats); \"files\" are the blocks of the store's directory after Close, keys, tree and index included.",
}

const withDictionary = "zstd with dictionary"

// diskSides are the ways to store values.
var diskSides = []struct {
	name string
	opts codec.Options
}{
	{"raw", codec.Options{Level: -1}},
	{"zstd", withoutDictionary},
	{withDictionary, codec.Options{}},
}

func diskBytes(ctx context.Context, b *bench, res *report.Result) error {
	n := b.set.base() / 5
	for _, form := range []struct {
		name   string
		record func(*sessiondata.Source) []byte
	}{
		{"JSON", func(s *sessiondata.Source) []byte { return s.JSON(s.Size()) }},
		{"CBOR", func(s *sessiondata.Source) []byte { return s.CBOR(s.Size()) }},
	} {
		stored, files := fact(res, "Session records as "+form.name+", as stored", "bytes a record"), fact(res, "Session records as "+form.name+", files", "bytes a record")
		stored.Headline = form.name == "JSON"
		var sides []*side
		for _, d := range diskSides {
			sides = append(sides, &side{name: d.name, ours: true, turn: func(ctx context.Context) error {
				perStored, perFile, err := b.store(ctx, d.opts, n, form.record)
				stored.Add(d.name, perStored).Ours = d.name == withDictionary
				files.Add(d.name, perFile)
				return err
			}})
		}
		if err := b.alternate(ctx, res, min(b.set.rounds, 2), sides...); err != nil {
			return err
		}
		for what, t := range map[string]*report.Table{"as stored": stored, "files": files} {
			ours := t.Row(withDictionary)
			b.judge(res, n, 100_000,
				report.Over(fmt.Sprintf("session records (%s), %s, dictionary / zstd without", form.name, what), ours, t.Row("zstd"), true, 0.6),
				report.Over(fmt.Sprintf("session records (%s), %s, dictionary / raw", form.name, what), ours, t.Row("raw"), true, 0.35))
		}
	}
	return nil
}

// store keeps n records in a new store, and gives what each of them takes.
func (b *bench) store(ctx context.Context, opts codec.Options, n int, record func(*sessiondata.Source) []byte) (stored, files float64, err error) {
	dir, remove, err := b.scratch()
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	s, err := peer.OpenStrata(dir, b.shared, tiered.Options{L1Bytes: -1, L2Bytes: -1, Codec: opts})
	if err != nil {
		return 0, 0, err
	}
	for range 2 {
		source, keys := sessiondata.New(uint64(n)), sessiondata.New(uint64(n)+1)
		for first := 0; first < n; first += 1000 {
			var batch tiered.Batch
			for range min(1000, n-first) {
				batch.Set(keys.Key(), record(source), time.Hour)
			}
			if err := s.Store.Write(ctx, &batch); err != nil {
				return 0, 0, errors.Join(err, s.Close())
			}
		}
	}
	stats := s.Store.Stats().L3
	if err := s.Close(); err != nil {
		return 0, 0, err
	}
	bytes, err := machine.DirBytes(dir)
	return float64(stats.StoredBytes) / float64(stats.Records), float64(bytes) / float64(n), err
}

// scratch makes a directory for one store, and gives what removes it.
func (b *bench) scratch() (dir string, remove func() error, err error) {
	dir, err = os.MkdirTemp(b.data, "scratch-")
	return dir, func() error { return os.RemoveAll(dir) }, err
}

// withoutDictionary lets values be compressed each by itself.
var withoutDictionary = codec.Options{NoTraining: true}
