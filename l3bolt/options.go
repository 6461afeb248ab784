//go:build !wasm

package l3bolt

import (
	"errors"
	"fmt"
)

// Options tunes a DB. The zero value and nil are sound.
type Options struct {
	// Fresh starts empty: a new store replaces what the directory holds.
	// Refused with ErrLocked while someone has it open.
	Fresh bool
	// FS keeps the journal and the spare file; nil is the operating system.
	// Tests put a double there. bbolt and LOCK always use real files.
	FS FS
	// SegmentBytes is the size at which a journal segment is full; one larger
	// group may exceed it. 0: 16 MiB.
	SegmentBytes int64
	// CheckpointBytes bounds what is kept in memory and in the journal before
	// it is written to bbolt. At most about twice as much is ever held: one
	// part that fills and one that is being written; on a full disk groups with
	// Reserve may fill a quarter more. With more of it more records of a leaf
	// are written at once, and a replay takes longer: 200 MiB of journal about a
	// second. 0: 128 MiB.
	CheckpointBytes int64
	// SpareBytes is the room kept back for groups with Reserve: half of it is
	// the spare file, for the journal, half lies in store.db, for checkpoints.
	// 0: 8 MiB; negative: none. While the disk has no room for the one, or for
	// a quarter of the other, groups without Reserve are ErrFull.
	SpareBytes int64
	// CompactBytes is how much of store.db must be to be won before it is
	// compacted, which also asks that it is about twice as long as it need be.
	// 0: 8 MiB; negative: it is never compacted, and keeps the length that it
	// once had. It is never compacted either where a file that is open cannot be
	// replaced, as on windows; Stats says so.
	CompactBytes int64
	// Remembered is how many outcomes of writes with a ticket are kept; 0: 65,536.
	Remembered int
}

const (
	defaultSegmentBytes    = 16 << 20
	defaultCheckpointBytes = 128 << 20
	defaultSpareBytes      = 8 << 20
	defaultCompactBytes    = 8 << 20
	defaultRemembered      = 1 << 16
	// maxSegmentBytes keeps offsets and a whole segment in an int of 32 bits.
	maxSegmentBytes = 1 << 30
)

// withDefaults returns a checked copy.
func (o *Options) withDefaults() (Options, error) {
	var opts Options
	if o != nil {
		opts = *o
	}
	if opts.FS == nil {
		opts.FS = osFS{}
	}
	if opts.SegmentBytes == 0 {
		opts.SegmentBytes = defaultSegmentBytes
	}
	if opts.CheckpointBytes == 0 {
		opts.CheckpointBytes = defaultCheckpointBytes
	}
	if opts.SpareBytes == 0 {
		opts.SpareBytes = defaultSpareBytes
	}
	if opts.Remembered == 0 {
		opts.Remembered = defaultRemembered
	}
	if opts.CompactBytes == 0 {
		opts.CompactBytes = defaultCompactBytes
	}
	return opts, opts.validate()
}

func (o *Options) validate() error {
	var errs []error
	if o.SegmentBytes < 0 || o.SegmentBytes > maxSegmentBytes {
		errs = append(errs, fmt.Errorf("l3bolt: SegmentBytes %d is not in 0..%d", o.SegmentBytes, maxSegmentBytes))
	}
	if o.CheckpointBytes < 0 {
		errs = append(errs, fmt.Errorf("l3bolt: CheckpointBytes %d is negative", o.CheckpointBytes))
	}
	return errors.Join(errs...)
}
