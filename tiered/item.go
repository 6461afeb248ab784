package tiered

import (
	"math"
	"time"

	"github.com/stratakv/strata/tiered/tier"
)

// Tier names who answered a read, or keeps a write.
type Tier = tier.Tier

// The tiers: in process, shared by a host's processes, durable, and the memory
// store.
const (
	TierL1     = tier.L1
	TierL2     = tier.L2
	TierL3     = tier.L3
	TierMemory = tier.Memory
)

// Clock is the host's time, for [Options.Clock].
type Clock = tier.Clock

// KeepTTL as the ttl of CompareAndSet or of an UpdateFunc keeps the record's
// deadline; on an absent key it means no expiry.
const KeepTTL time.Duration = math.MinInt64

// Item is a record as users see it. Value is the caller's own copy.
type Item struct {
	Key     string
	Value   []byte
	Expires time.Time // by the store's clock, to the millisecond; zero: never
	Version uint64    // grows by every write of the store
	Tier    Tier      // who answered; of a write, TierL3 or TierMemory
}

// UpdateFunc makes a record's new value and lifetime from the old one. found
// is false, and old the zero Item, if there is no live record. Returning
// [Keep] or [Remove] as err changes nothing or deletes; any other error ends
// the Update and comes back to its caller. It may run again after a conflict.
type UpdateFunc func(old Item, found bool) (value []byte, ttl time.Duration, err error)

// expiresAt turns a deadline into Item.Expires.
func expiresAt(deadline int64) time.Time {
	if deadline == 0 {
		return time.Time{}
	}
	return time.UnixMilli(deadline)
}

// deadlineOf turns Item.Expires into a deadline, rounded up to a millisecond.
// The ends of the range stand for what lies beyond them.
func deadlineOf(expires time.Time) int64 {
	switch {
	case expires.IsZero():
		return 0
	case expires.Unix() <= 0:
		return 1
	case expires.Unix() >= math.MaxInt64/1000:
		return math.MaxInt64
	}
	ms := expires.UnixMilli()
	if expires.After(time.UnixMilli(ms)) {
		ms++
	}
	return ms
}
