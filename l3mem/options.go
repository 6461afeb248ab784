package l3mem

import (
	"errors"
	"math"
	"runtime"
)

// Bounds of Options.MaxBytes.
const (
	minBytes     = 64 << 10
	defaultBytes = 64 << 20
)

// Options configure a Store. The zero Options are sound.
type Options struct {
	// MaxBytes is all the memory that the store takes for records and indexes.
	// It is reserved at once; most systems provide it as it is filled. 0 means
	// 64 MiB. It is between 64 KiB and 256 GiB, or 2 GiB where addresses have
	// 32 bits. If the host cannot provide it, the Go runtime ends the process.
	MaxBytes int64
	// Evict makes room by removing records, the expired first and then by
	// SIEVE, where Commit would say tier.ErrFull.
	Evict bool
}

var (
	errTooSmall = errors.New("l3mem: MaxBytes is less than 64 KiB")
	errTooMuch  = errors.New("l3mem: MaxBytes is more than can be addressed")
)

// resolve returns a copy of o with its defaults, or what is wrong with it.
func (o *Options) resolve() (Options, error) {
	var opts Options
	if o != nil {
		opts = *o
	}
	if opts.MaxBytes == 0 {
		opts.MaxBytes = defaultBytes
	}
	if opts.MaxBytes < minBytes {
		return opts, errTooSmall
	}
	if opts.MaxBytes > maxBytes() {
		return opts, errTooMuch
	}
	return opts, nil
}

// maxBytes is what block references address, and what make accepts.
func maxBytes() int64 {
	if math.MaxInt == math.MaxInt32 || runtime.GOARCH == "wasm" {
		return math.MaxInt32
	}
	return blockSize * math.MaxUint32
}
