package tiered

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/stratakv/strata/codec"
)

// MaxKeyBytes is the longest key, in bytes.
const MaxKeyBytes = 32_000

// Options are the settings of a store. A nil *Options and the zero value of
// each field are sound defaults. Open copies them.
type Options struct {
	// L1Bytes and L2Bytes bound the cache tiers. 0: 64 MiB each; negative:
	// without that tier. L1Bytes is what L1 takes of the machine, with what the
	// garbage collector lets grow beside it: with GOGC=100, read at opening, half
	// of it may live.
	L1Bytes, L2Bytes int64
	// MaxBytes is the quota of live logical bytes, keys and uncompressed values
	// together; 0: none. For the memory store it is the hard cap of the memory
	// that records and their index take, at least 64 KiB; 0: 64 MiB.
	MaxBytes int64
	// Evict lets the memory store evict (SIEVE) where it would say ErrFull.
	Evict bool
	// SharedDir is where the control and page files live; "": /dev/shm when it
	// is safe and has room, else the store's directory. It is made if need be.
	SharedDir string
	// Fresh empties the store at opening. ErrLocked while another process has it
	// open. (On darwin one that has no owner just now is not seen: it is
	// ErrUnavailable there until it is opened again.)
	Fresh bool
	// Limits bound what calls and queues may hold.
	Limits Limits
	// Role says whether this process may own the store.
	Role Role
	// Codec says how values are compressed, and whether dictionaries are trained.
	// A given dictionary with the id of another one that the store keeps is an
	// error at Open.
	Codec codec.Options
	// SweepEvery is how often expired records are removed; 0: 1 s. Whatever it
	// is, no expired record is ever returned.
	SweepEvery time.Duration
	// Clock replaces the system's clock; nil: the system's.
	Clock Clock
	// MaxTTL bounds lifetimes; 0: no bound. With it, a ttl of 0 or above it is
	// ErrTTL, which guards against immortal records. KeepTTL keeps what a record
	// has, from before MaxTTL was set too. The owner's binds all processes.
	MaxTTL time.Duration
	// Logger gets warnings; nil: slog.Default() at Warn and above.
	Logger *slog.Logger
}

// Limits bound what one call, the queue and the processes of a host may hold.
// Zero fields are defaults. Those of one value and one Batch are the owner's for
// all processes, and each process's own as well.
type Limits struct {
	ValueBytes int   // of one value; 0: 64 MiB
	BatchOps   int   // of one Batch; 0: 10,000
	BatchBytes int64 // keys and values of one Batch, those of records that it touches included; 0: 64 MiB, or what the largest value needs
	QueueBytes int64 // writes that wait for their group; 0: 64 MiB
	GroupBytes int64 // of one group, unless a single write is larger; 0: 8 MiB
	Followers  int   // processes that may follow this one; 0: 256
	Remembered int   // outcomes kept, so that a write that is sent again is done once; 0: 65,536
	// CheckpointBytes bounds the writes that wait in memory and in the journal for
	// store.db: at most about twice as much is ever there. The more of them go at
	// once, the less each costs, and the longer the next owner replays: 200 MiB take
	// about a second. 0: 128 MiB. Of no effect in a memory store.
	CheckpointBytes int64
}

// Role says whether a process may own a store, or what it is.
type Role uint8

// The roles.
const (
	RoleAuto     Role = iota // own the store where no other process does, else follow who does
	RoleFollower             // never own: ErrUnavailable where nobody else does
	RoleOwner                // own it or fail with ErrLocked
)

// String gives "auto", "follower" or "owner".
func (r Role) String() string {
	switch r {
	case RoleAuto:
		return "auto"
	case RoleFollower:
		return "follower"
	case RoleOwner:
		return "owner"
	}
	return fmt.Sprintf("role(%d)", uint8(r))
}

// MarshalText makes a Role readable in JSON.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (r *Role) UnmarshalText(text []byte) error {
	for known := RoleAuto; known <= RoleOwner; known++ {
		if known.String() == string(text) {
			*r = known
			return nil
		}
	}
	return fmt.Errorf("unknown role %q", text)
}

const (
	defaultCacheBytes  = 64 << 20
	defaultMemoryBytes = 64 << 20
	maxValueBytes      = 512 << 20 // what is stored stays readable, whatever Limits.ValueBytes is today
)

// withDefaults copies o, fills in defaults and validates, in this order.
func withDefaults(o *Options) (*Options, error) {
	var c Options
	if o != nil {
		c = *o
	}
	setDefault(&c.L1Bytes, defaultCacheBytes)
	setDefault(&c.L2Bytes, defaultCacheBytes)
	setDefault(&c.SweepEvery, time.Second)
	setDefault(&c.Limits.ValueBytes, 64<<20)
	setDefault(&c.Limits.BatchOps, 10_000)
	setDefault(&c.Limits.BatchBytes, max(64<<20, int64(c.Limits.ValueBytes)+MaxKeyBytes))
	setDefault(&c.Limits.QueueBytes, 64<<20)
	setDefault(&c.Limits.GroupBytes, 8<<20)
	setDefault(&c.Limits.Followers, 256)
	setDefault(&c.Limits.Remembered, 1<<16)
	if c.Clock == nil {
		c.Clock = newSystemClock()
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &c, c.validate()
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// validate reports all faults at once.
func (o *Options) validate() error {
	var faults []error
	positive := func(name string, v int64) {
		if v < 0 {
			faults = append(faults, fmt.Errorf("options: %s is negative: %d", name, v))
		}
	}
	positive("MaxBytes", o.MaxBytes)
	positive("SweepEvery", int64(o.SweepEvery))
	positive("MaxTTL", int64(o.MaxTTL))
	positive("Limits.BatchOps", int64(o.Limits.BatchOps))
	positive("Limits.QueueBytes", o.Limits.QueueBytes)
	positive("Limits.Followers", int64(o.Limits.Followers))
	positive("Limits.Remembered", int64(o.Limits.Remembered))
	positive("Limits.CheckpointBytes", o.Limits.CheckpointBytes)
	within := func(name string, v int64) {
		positive(name, v)
		if v > maxValueBytes+MaxKeyBytes {
			faults = append(faults, fmt.Errorf("options: %s is above %d: %d", name, maxValueBytes+MaxKeyBytes, v))
		}
	}
	positive("Limits.ValueBytes", int64(o.Limits.ValueBytes))
	within("Limits.ValueBytes", int64(max(o.Limits.ValueBytes, 0))+MaxKeyBytes)
	within("Limits.BatchBytes", o.Limits.BatchBytes)
	within("Limits.GroupBytes", o.Limits.GroupBytes)
	if _, err := codec.New(o.Codec, 1); err != nil {
		faults = append(faults, fmt.Errorf("options: %w", err))
	}
	if o.Fresh && o.Role == RoleFollower {
		faults = append(faults, errors.New("options: Fresh is the owner's; RoleFollower never owns"))
	}
	if o.Role > RoleOwner {
		faults = append(faults, fmt.Errorf("options: unknown Role %d", o.Role))
	}
	return errors.Join(faults...)
}
