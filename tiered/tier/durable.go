package tier

// Range selects records of one Scan chunk, in the order of their keys' bytes.
type Range struct {
	Prefix   string // keys that begin with it
	From     string // and are at or after it
	Records  int    // at most so many records, > 0
	MaxBytes int    // stop after the record that reaches so many bytes of keys and frames, > 0
}

// Change is one effect of a judged group on one key.
type Change struct {
	Key string
	// Frame is the sealed frame, nil for a removal.
	Frame []byte
	// Head is the frame's head; of a removal only Version is set.
	Head
	// Touch says that the frame's body is that of the record before this
	// change: only version and deadline are new. A Durable may store less.
	Touch bool
	// Blind says that the authority judged the change without having been told
	// the head of the record that it replaces, if there is one: Group.Usage
	// counts both. The Durable finds out and says so in Overcount.
	Blind bool
}

// Group is what one commit makes durable and visible at once.
type Group struct {
	Changes []Change // in the order of their versions; of one key, the last one stands
	Version uint64   // the last version given, also when Changes is empty
	Usage   Usage    // what is stored after the group, and what Overcount has not told yet
	Stamp   Stamp    // the store's clock at the group
	// Memory is what a Rememberer remembers with the group; others ignore it.
	Memory []Remembered
	// Reserve lets the group use the room that is kept back for writes that
	// free room.
	Reserve bool
}

// State is what a Durable knows when it is opened.
type State struct {
	ID    [16]byte // the store's random identity
	Seed  uint64   // the random seed of the key hash
	Epoch uint64   // grows by every opening
	// Opening is this opening's random identity, never 0, and Previous that of
	// the one before, 0 if there was none. A restored copy of the files goes on
	// with openings of its own: what was bound to another one is not its.
	Opening, Previous uint64
	Version           uint64 // the last version given
	Usage             Usage
	Stamp             Stamp // the zero Stamp in a new store
	// Durable says whether Commit keeps P1: false in memory and on tmpfs.
	Durable bool
	// Remote says that the files are on a file system of another machine, or of
	// a program that may reach for one, as far as that is known.
	Remote bool
}

// DurableStats is a snapshot of a Durable's counters.
type DurableStats struct {
	Usage        Usage  // what is stored now; too much while blind changes are not settled
	Commits      uint64 // groups made durable
	Checkpoints  uint64
	Compactions  uint64 // by which the file got as short as what it holds asks for
	Uncompacted  string // why there are none, "" while there may be
	FileBytes    int64  // allocated for the records; of a file, with the room that it keeps for writes to come
	FreeBytes    int64  // of these, in pages that hold nothing
	JournalBytes int64  // of the journal that a reopening would replay
	Evictions    uint64

	Checkpointing bool // records are on their way from the journal to where they stay
}

// Durable keeps records. It judges nothing: deadlines, conditions and quotas
// are the authority's. Its conformance suite is tiertest.Run.
//
// Calls of Commit and Due MUST NOT overlap with each other; all others may run
// beside them and beside each other. No call follows Close, and Close waits
// for none: the authority sees to both.
//
//  1. Load, Heads and Scan see the published state: all groups whose Commit
//     has finished making them durable, each whole, none in part, and none
//     that is not yet durable.
//  2. When Commit returns nil the group is durable (P1) and published.
//  3. What comes from disk is checked; damage is ErrCorrupt, never a wrong
//     record (P9).
type Durable interface {
	// State gives what was found at opening.
	State() State
	// Load returns the published record of key, an expired one too; found is
	// false if there is none.
	Load(key string) (rec Record, found bool, err error)
	// Heads fills heads[i] with the published head of keys[i], the zero Head
	// if absent. Damage of single records is reported in the joined error and
	// leaves their heads zero; the others are filled all the same.
	//
	// blind[i] says that the caller can do without heads[i], and afterwards
	// whether it was left out: heads[i] is zero then, and the change that the
	// caller makes of the key next has to be Blind. A nil blind leaves out none.
	Heads(keys []string, heads []Head, blind []bool) error
	// Scan returns one chunk: published records of r in ascending order of
	// their keys, as of one moment, expired ones too; at least one if there is
	// any. more says that the range may hold records behind the last returned.
	// With an error, the records before the place of damage are returned.
	Scan(r Range) (recs []Record, more bool, err error)
	// Commit makes the group durable, then publishes it at once. Errors:
	// ErrFull: nothing happened and nothing will have after a crash;
	// ErrUnknownOutcome: it may have happened and shows after reopening at the
	// latest; from then on every Commit is ErrUnavailable;
	// ErrUnavailable: nothing happened. In all these cases nothing of the
	// group is published.
	Commit(g *Group) error
	// Overcount is what Blind changes made the authority count too much, as far
	// as the Durable has found out since the last call: the authority takes it
	// off the usage that it tells in later groups. After a Close and an opening
	// State is exact. It must not overlap with Commit.
	Overcount() Usage
	// Due returns keys whose published record has a deadline at or before now
	// (unix ms of the caller's clock), at most max; fewer only if there are no
	// more.
	Due(now int64, max int) ([]string, error)
	// Timed reports whether any record may have a deadline.
	Timed() bool
	// Stats may be called at any time.
	Stats() DurableStats
	// Close writes back what is pending and releases everything.
	Close() error
}

// Rememberer is a Durable that remembers the outcomes of writes with a ticket: a
// group's Memory is durable and published with it. What is below a client's Low
// may be gone, and so may what the oldest clients wrote when there is too much.
type Rememberer interface {
	// Recall returns what was remembered under client and seq.
	Recall(client [16]byte, seq uint64) (outcome []byte, known bool)
	// Forgotten is a version at or above those of all writes whose outcome is
	// gone although their clients may ask for it; 0: there are none.
	Forgotten() uint64
}
