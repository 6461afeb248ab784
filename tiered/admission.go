package tiered

import (
	"slices"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/tiered/tier"
)

// admit refuses what o does not take from another process: that has checked its
// writes by its own Options, which may allow more, and what comes out of a socket
// may be anything (P9). What is admitted can be judged.
func (o *Options) admit(ops []tier.Op, now moment) error {
	for i := range ops {
		if err := o.admitOp(&ops[i], now); err != nil {
			return err
		}
	}
	if len(ops) == 1 || !slices.ContainsFunc(ops, func(op tier.Op) bool { return op.Kind != tier.OpDelete }) {
		return nil // DeletePrefix deletes by chunks of its own
	}
	bytes := int64(0)
	for i := range ops {
		bytes += tier.LogicalSize(ops[i].Key, ops[i].RawLen)
	}
	if len(ops) > o.Limits.BatchOps || bytes > o.Limits.BatchBytes {
		return tier.ErrTooLarge
	}
	return nil
}

func (o *Options) admitOp(op *tier.Op, now moment) error {
	if err := checkKey(op.Key); err != nil {
		return err
	}
	if op.Kind == tier.OpSet {
		rawLen, err := codec.Unsealed(op.Frame)
		if err != nil {
			return err
		}
		if op.RawLen = rawLen; rawLen > o.Limits.ValueBytes {
			return tier.ErrTooLarge
		}
	}
	if op.Kind == tier.OpSet || op.Kind == tier.OpTouch {
		return o.checkLife(op.Life, now.msUp)
	}
	return nil
}

// checkLife refuses a lifetime that is negative or, at now, above MaxTTL.
func (o *Options) checkLife(l tier.Life, now int64) error {
	bound := o.MaxTTL
	switch {
	case l.Keep, l.Deadline != 0 && bound == 0:
		return nil
	case l.Deadline != 0:
		if l.Deadline > now+bound.Milliseconds() {
			return tier.ErrTTL
		}
	case l.TTL < 0, bound > 0 && (l.TTL == 0 || l.TTL > bound):
		return tier.ErrTTL
	}
	return nil
}
