package kv

import (
	"errors"
	"math"

	"github.com/stratakv/strata/codec"
)

// MaxKeyBytes is the longest key, in bytes; package tiered has the same.
const MaxKeyBytes = 32_000

// MaxValueBytes bounds Options.ValueBytes.
const MaxValueBytes = 512 << 20

// ErrArgument: a number is out of range or not a number; nothing was done.
var ErrArgument = errors.New("argument out of range")

// Options configure a Store. Zero fields are sound defaults.
type Options struct {
	MaxBytes   int64   // all the memory for records and indexes; 0: 32 MiB
	Evict      bool    // evict (SIEVE) where a write would be ErrFull
	DefaultTTL float64 // milliseconds, of writes that ask for the default; 0: no expiry
	MaxTTL     float64 // milliseconds; 0: none; else a write without or with a longer ttl is ErrTTL
	ValueBytes int     // of one value; 0: 64 MiB, or MaxBytes if that is less
	BatchOps   int     // of one Write of many; 0: 1,000
	BatchBytes int64   // keys and values of it; 0: 64 MiB, or MaxBytes if that is less, or what the largest value needs
	Codec      codec.Options
}

const defaultMaxBytes = 32 << 20

// Resolve returns o with its defaults. ErrArgument: a field is out of range.
func (o Options) Resolve() (Options, error) {
	o.MaxBytes = orDefault(o.MaxBytes, defaultMaxBytes)
	most := min(o.MaxBytes, 64<<20)
	o.ValueBytes = orDefault(o.ValueBytes, int(most))
	o.BatchOps = orDefault(o.BatchOps, 1000)
	o.BatchBytes = orDefault(o.BatchBytes, max(most, int64(o.ValueBytes)+MaxKeyBytes))
	sound := o.MaxBytes > 0 && o.BatchOps > 0 && o.BatchBytes > 0 && o.BatchBytes <= MaxValueBytes+MaxKeyBytes &&
		o.ValueBytes > 0 && o.ValueBytes <= MaxValueBytes && lifetime(o.DefaultTTL) && lifetime(o.MaxTTL)
	if !sound {
		return o, ErrArgument
	}
	return o, nil
}

func orDefault[T int | int64](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

// lifetime reports whether ms is a number of milliseconds, 0 included.
func lifetime(ms float64) bool { return ms >= 0 && !math.IsInf(ms, 1) }
