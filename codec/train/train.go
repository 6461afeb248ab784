package train

import "errors"

const (
	// MaxSampleBytes bounds what is looked at of all samples together.
	MaxSampleBytes = 256 << 10
	// MaxSample is the longest sample that is looked at.
	MaxSample = 16<<10 - 1
	// Shared is how many samples must have a substring before it may be part of
	// a dictionary.
	Shared = 4
	// MinID and MaxID bound the ids that are given; zstd leaves these to
	// everybody.
	MinID = 1 << 15
	MaxID = 1<<31 - 1
)

// Options tune training. nil and zero fields are sound defaults.
type Options struct {
	Bytes int // the most bytes of a dictionary's content; 0: 8 KiB
	// Taken reports whether an id is in use, so that another one is given.
	Taken func(id uint32) bool
	// Now gives the length of a value's frame as it is stored at present, for
	// Result.Without; nil: without a dictionary.
	Now func(value []byte) int
	// Stop reports whether to give up, with ErrNone; it is asked about every
	// 50 ms. nil: never.
	Stop func() bool
}

// Result is a trained dictionary.
type Result struct {
	ID    uint32 // made of the bytes
	Bytes []byte // in zstd's own form
	// Of the samples that were kept back: the lengths of the values, of their
	// frames with the dictionary, and of their frames without it.
	Raw, Stored, Without int64
}

// ErrNone: the samples are too few, too short, or have too little in common.
var ErrNone = errors.New("train: no dictionary comes of these samples")

// minSamples is how many samples there must be.
const minSamples = 16
