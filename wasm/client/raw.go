package client

import (
	"cmp"
	"fmt"
	"math"
	"time"

	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/tiered/tier"
	"github.com/stratakv/strata/wasm/kv"
)

// Raw is a store whose calls take turns and take the time; [kv.Store] says what
// each does.
type Raw interface {
	Get(dst []byte, key string, boot float64) (value []byte, head tier.Head, err error)
	Write(ops []kv.Op, many bool, boot float64) (results []kv.Result, refused int, err error)
	Scan(r kv.Range, boot float64, visit func(key string, h tier.Head, value []byte)) (next string, more bool, err error)
	DeletePrefix(prefix string, limit int, boot float64) (removed int, more bool, err error)
	Sweep(limit int, boot float64) (int, error)
	Look(wall, boot float64) error
	Snapshot(boot float64, write func(block []byte) error) error
	Restore(check bool, boot float64, next func() ([]byte, error)) error
	Stats() kv.Stats
	Close()
}

var _ Raw = (*kv.Store)(nil)

// What package tiered takes where its options say nothing.
const (
	defaultBytes    = 64 << 20
	defaultBatchOps = 10_000
)

// Options are o as those of a raw store, with the defaults of package tiered.
// What has no meaning there is left out.
func Options(o *tiered.Options) kv.Options {
	if o == nil {
		o = &tiered.Options{}
	}
	return kv.Options{
		MaxBytes: cmp.Or(o.MaxBytes, defaultBytes), Evict: o.Evict, MaxTTL: milliseconds(o.MaxTTL),
		ValueBytes: o.Limits.ValueBytes, BatchOps: cmp.Or(o.Limits.BatchOps, defaultBatchOps), BatchBytes: o.Limits.BatchBytes,
		Codec: o.Codec,
	}
}

// Times are what clock shows, as a raw store takes them.
func Times(clock tiered.Clock) (wall, boot float64) {
	wall = float64(clock.Wall().UnixMicro()) / 1000
	return max(wall, 0), milliseconds(clock.Boot())
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// life is the lifetime of a ttl, as tiered takes it.
func life(ttl time.Duration, keep bool) kv.Life {
	if keep && ttl == tiered.KeepTTL {
		return kv.Life{Mode: kv.LifeKeep}
	}
	return kv.Life{Mode: kv.LifeTTL, Ms: milliseconds(ttl)}
}

// until is the lifetime of a deadline; the zero time is none.
func until(expires time.Time) kv.Life {
	l := kv.Life{Mode: kv.LifeDeadline}
	switch {
	case expires.IsZero():
	case expires.Unix() <= 0:
		l.Ms = 1
	case expires.Unix() >= math.MaxInt64/1000:
		l.Ms = math.MaxInt64
	default:
		ms := expires.UnixMilli()
		if expires.After(time.UnixMilli(ms)) {
			ms++
		}
		l.Ms = float64(ms)
	}
	return l
}

// expiresAt turns a deadline into Item.Expires.
func expiresAt(deadline int64) time.Time {
	if deadline == 0 {
		return time.Time{}
	}
	return time.UnixMilli(deadline)
}

func wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("strata: %s: %w", op, err)
}
