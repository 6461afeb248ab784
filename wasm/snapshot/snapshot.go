package snapshot

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/codec/snapshot"
	"github.com/stratakv/strata/tiered"
)

// Source is what Export needs of a store.
type Source interface {
	Scan(ctx context.Context, prefix string) iter.Seq2[tiered.Item, error]
}

// Target is what Import needs of a store.
type Target interface {
	SetItem(ctx context.Context, it tiered.Item) (tiered.Item, error)
}

// Options configure Export and Import. nil and zero fields are sound defaults.
type Options struct {
	// Codec says how Export compresses values, and gives the dictionaries that
	// Import needs.
	Codec codec.Options
	// Prefix limits Export to keys that begin with it.
	Prefix string
	// Now is the store's time, for the snapshot's head and for what Import
	// leaves out as expired; nil: time.Now.
	Now func() time.Time
}

// maxValue is the longest value that is taken.
const maxValue = 512 << 20

// blockBytes and blockRecords are what a block of Export is about.
const (
	blockBytes   = 256 << 10
	blockRecords = 256
)

func (o *Options) resolve() (Options, *codec.Codec, error) {
	var own Options
	if o != nil {
		own = *o
	}
	if own.Now == nil {
		own.Now = time.Now
	}
	coder, err := codec.New(own.Codec, maxValue)
	return own, coder, err
}

// Export writes a snapshot of s to w. Its records are those of one Scan: what is
// in the store throughout is met once; what is written meanwhile may or may not
// be met.
func Export(ctx context.Context, s Source, w io.Writer, o *Options) error {
	opts, coder, err := o.resolve()
	if err != nil {
		return fmt.Errorf("snapshot: export: %w", err)
	}
	e := exporter{out: w, writer: snapshot.NewWriter(rand.Uint64())}
	e.block = e.writer.Head(nil, snapshot.Head{Clock: opts.Now().UnixMilli()})
	e.flush()
	for it, err := range s.Scan(ctx, opts.Prefix) {
		if err != nil {
			return fmt.Errorf("snapshot: export: %w", err)
		}
		e.item(coder, it)
		if e.err != nil {
			break
		}
	}
	e.close()
	if e.err != nil {
		return fmt.Errorf("snapshot: export: %w", e.err)
	}
	return nil
}

// exporter gathers records into blocks.
type exporter struct {
	out    io.Writer
	writer *snapshot.Writer
	block  []byte
	n      int // records in the open block
	err    error
}

func (e *exporter) item(coder *codec.Codec, it tiered.Item) {
	if e.n == 0 {
		e.block = e.writer.Begin(e.block[:0])
	}
	frame := coder.Encode(it.Value)
	var deadline int64
	if !it.Expires.IsZero() {
		deadline = it.Expires.UnixMilli()
	}
	codec.Seal(frame, it.Key, it.Version, deadline)
	e.block = e.writer.Record(e.block, it.Key, frame)
	if e.n++; e.n == blockRecords || len(e.block) >= blockBytes {
		e.finish()
	}
}

func (e *exporter) finish() {
	e.block = e.writer.Finish(e.block)
	e.n = 0
	e.flush()
}

func (e *exporter) close() {
	if e.n > 0 {
		e.finish()
	}
	e.block = e.writer.End(e.block[:0])
	e.flush()
}

func (e *exporter) flush() {
	if e.err == nil {
		_, e.err = e.out.Write(e.block)
	}
}

// Import checks the snapshot in r, then stores its live records, over what is
// there under their keys, and returns how many. It reads r from where it stands
// to the snapshot's end, twice.
func Import(ctx context.Context, s Target, r io.ReadSeeker, o *Options) (int, error) {
	opts, coder, err := o.resolve()
	if err != nil {
		return 0, fmt.Errorf("snapshot: import: %w", err)
	}
	start, err := r.Seek(0, io.SeekCurrent)
	if err == nil {
		err = each(Blocks(r), func(key string, frame []byte) error {
			_, err := coder.Check(key, frame)
			return err
		})
	}
	if err == nil {
		_, err = r.Seek(start, io.SeekStart)
	}
	n, now := 0, opts.Now().UnixMilli()
	if err == nil {
		err = each(Blocks(r), func(key string, frame []byte) error {
			it, live, err := decode(coder, key, frame, now)
			if err == nil && live {
				_, err = s.SetItem(ctx, it)
				n++
			}
			return err
		})
	}
	if err != nil {
		return n, fmt.Errorf("snapshot: import: %w", err)
	}
	return n, nil
}

func decode(coder *codec.Codec, key string, frame []byte, now int64) (it tiered.Item, live bool, err error) {
	head, err := codec.Head(key, frame)
	if err != nil || head.Expired(now) {
		return it, false, err
	}
	it.Key = string([]byte(key)) // it lies in the block
	it.Value, err = coder.Decode(nil, key, frame)
	if head.Deadline != 0 {
		it.Expires = time.UnixMilli(head.Deadline)
	}
	return it, true, err
}

// each reads a whole snapshot.
func each(next func() ([]byte, error), visit func(key string, frame []byte) error) error {
	var r snapshot.Reader
	for !r.Done() {
		block, err := next()
		if err == nil {
			err = r.Block(block, visit)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Blocks returns a function that gives the blocks of a snapshot in r one after
// the other, each good until the next call. A snapshot that is cut is
// tiered.ErrCorrupt; what is in r behind its end may have been read.
func Blocks(r io.Reader) func() ([]byte, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	var block []byte
	return func() ([]byte, error) {
		header, err := in.Peek(snapshot.HeaderSize)
		if err != nil {
			return nil, cut(err)
		}
		n, err := snapshot.Length(header)
		if err != nil {
			return nil, err
		}
		block, err = readAll(in, block[:0], n)
		return block, cut(err)
	}
}

// readAll appends n bytes to dst. It takes memory as bytes come, not as a header
// says that they would.
func readAll(r io.Reader, dst []byte, n int) ([]byte, error) {
	const step = 1 << 20
	for n > 0 {
		at := len(dst)
		part := min(n, step)
		dst = append(dst, make([]byte, part)...)
		if _, err := io.ReadFull(r, dst[at:]); err != nil {
			return nil, err
		}
		n -= part
	}
	return dst, nil
}

func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: snapshot ends before its end block", tiered.ErrCorrupt)
	}
	return err
}
