//go:build !wasm && !nozstd

package train

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/klauspost/compress/zstd"

	"github.com/stratakv/strata/codec"
)

// lengths are those of pieces that are tried.
var lengths = [...]int{16, 32, 64, 128}

// Dictionary trains a dictionary from samples, of which each should be of
// another record. The samples are only read. ErrNone: none comes of them.
func Dictionary(samples [][]byte, o *Options) (best Result, err error) {
	defer func() {
		// The entropy tables are made by a library that was not written for
		// hostile samples.
		if cause := recover(); cause != nil {
			best, err = Result{}, fmt.Errorf("%w: %v", ErrNone, cause)
		}
	}()
	var opts Options
	if o != nil {
		opts = *o
	}
	if opts.Bytes <= 0 {
		opts.Bytes = 8 << 10
	}
	learn, judge := divide(samples)
	if len(learn) < minSamples {
		return best, ErrNone
	}
	err = ErrNone
	for _, length := range lengths {
		if opts.Stop != nil && opts.Stop() {
			return Result{}, ErrNone
		}
		r, errTry := try(learn, judge, newCover(learn).content(length, opts.Bytes), &opts)
		if errTry == nil && (best.Bytes == nil || r.Stored < best.Stored) {
			best, err = r, nil
		}
	}
	return best, err
}

// divide takes what is looked at of samples: three of four to learn from, the
// fourth to judge by.
func divide(samples [][]byte) (learn, judge [][]byte) {
	total := 0
	for i, s := range samples {
		if total += len(s); total > MaxSampleBytes {
			break
		}
		switch {
		case len(s) < gram || len(s) > MaxSample:
		case i%4 == 3:
			judge = append(judge, s)
		default:
			learn = append(learn, s)
		}
	}
	return learn, judge
}

// try makes a dictionary of content and judges it.
func try(learn, judge [][]byte, content []byte, o *Options) (r Result, err error) {
	if len(content) < 64 {
		return r, ErrNone
	}
	r.Bytes, err = zstd.BuildDict(zstd.BuildDictOptions{
		ID: MinID, Contents: learn, History: content, Offsets: [3]int{1, 4, 8}, Level: zstd.SpeedBetterCompression,
		CompatV155: true, // the zstd of many systems takes no table without a code for byte 255
	})
	if err != nil {
		return Result{}, err
	}
	r.ID = name(r.Bytes, o.Taken)
	return r, r.judge(judge, o.Now)
}

// name gives a dictionary an id, made of its bytes, that is not taken.
func name(dict []byte, taken func(uint32) bool) uint32 {
	sum := crc32.ChecksumIEEE(dict[8:])
	for {
		id := MinID + sum%(MaxID-MinID)
		if taken == nil || !taken(id) {
			binary.LittleEndian.PutUint32(dict[4:], id)
			return id
		}
		sum = sum*1664525 + 1013904223
	}
}

// judge measures what the dictionary gains, and sees to it that what it encodes
// can be decoded.
func (r *Result) judge(values [][]byte, now func([]byte) int) error {
	c, err := codec.New(codec.Options{}, MaxSample)
	if err != nil {
		return err
	}
	d, err := c.Add(r.Bytes)
	if err != nil {
		return err
	}
	if now == nil {
		now = func(value []byte) int { return len(c.Encode(value)) }
	}
	for _, v := range values {
		frame := c.EncodeWith(d, v)
		codec.Seal(frame, "", 1, 0)
		got, err := c.Decode(nil, "", frame)
		if err != nil || !bytes.Equal(got, v) {
			return fmt.Errorf("%w: it does not decode: %v", ErrNone, err)
		}
		r.Raw += int64(len(v))
		r.Stored += int64(len(frame))
		r.Without += int64(now(v))
	}
	return nil
}
