package tier

import "time"

// Kind says what an [Op] does.
type Kind uint8

// The kinds of operation. OpSet and OpDelete are conditional when Op.If is
// set.
const (
	OpSet    Kind = iota + 1 // store Frame under Key
	OpDelete                 // remove Key; absent is no fault and makes no version
	OpTouch                  // give Key's record a new deadline; absent refuses with ErrNotFound
	OpCheck                  // refuse with ErrVersion unless Key has version Expect (0: absent)
	OpExpire                 // remove Key if its deadline has come; else nothing
)

// Op is one operation of a write. Several in one Write are judged in order,
// each seeing the earlier ones, and happen all or not at all.
type Op struct {
	Kind Kind
	Key  string

	// If makes OpSet and OpDelete conditional: the live record's version must
	// be Expect; 0 means that there must be none.
	If     bool
	Expect uint64

	// Frame is the value's frame as codec.Encode made it, for OpSet. The
	// authority owns it from the call on and seals it with version and deadline.
	Frame  []byte
	RawLen int // length of the value in bytes

	Life Life // for OpSet and OpTouch
}

// Life is the lifetime that a write asks for. The zero Life never expires.
// At most one field is set.
type Life struct {
	TTL      time.Duration // > 0: from the moment the authority judges the op, rounded up to 1 ms
	Deadline int64         // != 0: absolute, unix milliseconds; one that has passed makes the write a removal
	Keep     bool          // keep the live record's deadline; none if there is no record
}

// Result is the outcome of one Op of a write that happened, or of the one
// that refused it.
type Result struct {
	// Head is the record's head after the op; of a removal only Version is
	// set, and where there was and is nothing it is zero, as for a refused op.
	Head
	// Applied says whether the op made a version.
	Applied bool
	// Own says that the caller may fill its own L1 with the value it wrote,
	// tagged Tag: the op was its group's last on the key, and Tag is the
	// generation that the end of the group made in the key's bucket.
	Own bool
	Tag uint64
	// Current is, for a conditional OpSet or OpDelete that was refused, the
	// live record that refused it; its Version is 0 if there is none.
	Current Record
	// Err is nil, or ErrVersion, ErrNotFound or ErrFull for the op that
	// refused the write.
	Err error
}
