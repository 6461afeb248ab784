package tiered

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/l3mem"
	"github.com/stratakv/strata/tiered/tier"
)

// Store is a tiered store. Its methods are safe for concurrent use, beside
// Close too; the package documentation says what they promise.
//
// Lock order, outermost first; a call takes only locks further down:
//
//	member.mu · trainer.working · learning.fetching · class.mu · gate.mu · direct.mu ·
//	queue.mu · reviving.mu · flight.mu · keeper.mu · learning.mu · trainer.mu ·
//	the tiers' own · clock.mu
type Store struct {
	auth   tier.Authority
	truth  *committer             // nil: it may be another process's
	caches atomic.Pointer[caches] // nil: none above the truth; changed by member alone
	member *member                // nil: the truth is this process's for life
	clock  *clock
	codec  *codec.Codec
	// learning trains dictionaries; nil: the memory store's, which has none.
	learning *learning
	opts     *Options
	tier     Tier // who keeps the writes
	closed   atomic.Bool
}

// Open opens the store in dir, and creates both if there is none. It is
// [OpenContext] without a limit. Under wasm it is [OpenMemory].
func Open(dir string, opts *Options) (*Store, error) {
	return OpenContext(context.Background(), dir, opts)
}

// OpenContext opens the store in dir: this process owns it, or follows the one
// that does. Replaying the journal may take a moment: when ctx ends first its
// error is returned, and what was opened is closed in the background. ErrLocked:
// another process owns and does not answer, for 5 s if ctx has no deadline, or
// Options ask for owning it (RoleOwner, Fresh). ErrUnavailable: RoleFollower, and
// nobody owns. ErrCorrupt: the files are damaged; the error says where.
func OpenContext(ctx context.Context, dir string, opts *Options) (*Store, error) {
	o, err := withDefaults(opts)
	if err != nil {
		return nil, wrap("open", 0, err)
	}
	if err := ctx.Err(); err != nil {
		return nil, wrap("open", 0, err)
	}
	type outcome struct {
		s   *Store
		err error
	}
	opened := make(chan outcome, 1)
	go func() {
		s, err := openDir(ctx, dir, o)
		opened <- outcome{s, err}
	}()
	select {
	case r := <-opened:
		return r.s, wrap("open", TierL3, r.err)
	case <-ctx.Done():
	}
	go func() {
		if r := <-opened; r.err == nil {
			_ = r.s.Close()
		}
	}()
	return nil, wrap("open", TierL3, ctx.Err())
}

// OpenMemory opens a store in memory, on every build: the same contract but
// for durability. It has no goroutine and no file. Options.MaxBytes is its hard
// cap.
func OpenMemory(opts *Options) (*Store, error) {
	o, err := withDefaults(opts)
	if err != nil {
		return nil, wrap("open", 0, err)
	}
	s, err := openMemory(o)
	return s, wrap("open", TierMemory, err)
}

func openMemory(o *Options) (*Store, error) {
	setDefault(&o.MaxBytes, defaultMemoryBytes)
	coder, err := codec.New(o.Codec, maxValueBytes)
	if err != nil {
		return nil, err
	}
	mem, err := l3mem.New(&l3mem.Options{MaxBytes: o.MaxBytes, Evict: o.Evict})
	if err != nil {
		return nil, err
	}
	clock := newClock(o.Clock, false)
	clock.carryOn(tier.Stamp{})
	c := newCommitter(mem, clock, uncached{}, o)
	c.maxBytes = 0 // the cap is the arena's own
	return &Store{auth: newDirect(c), truth: c, clock: clock, codec: coder, opts: o, tier: TierMemory}, nil
}

// Close ends the store: calls that were accepted are answered, then everything
// is written back and released. It may race any other call; later calls are
// ErrClosed. A second Close returns what the first returned.
func (s *Store) Close() error {
	s.closed.Store(true)
	if s.member != nil {
		return wrap("close", s.tier, s.member.close())
	}
	return wrap("close", s.tier, s.auth.Close())
}

// Now is the store's clock, rounded down to a millisecond: a record is live
// while its Expires is after Now. It may differ from the wall clock (P4), and
// goes on after Close.
func (s *Store) Now() time.Time { return time.UnixMilli(s.clock.now()) }

// ready refuses a call after Close and one whose ctx has ended.
func (s *Store) ready(ctx context.Context) error {
	if s.closed.Load() {
		return ErrClosed
	}
	return ctx.Err()
}

func checkKey(key string) error {
	if len(key) > MaxKeyBytes {
		return ErrTooLarge
	}
	return nil
}
