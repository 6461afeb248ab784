package tier

// Head is what a record's frame says besides its value. The zero Head stands
// for absence: versions start at 1.
type Head struct {
	Version  uint64 // the place in the commit order, 0: no such record
	Deadline int64  // absolute expiry in unix milliseconds of the store's clock, 0: never
	RawLen   int    // length of the user's value in bytes, before compression
	FrameLen int    // length of the whole frame in bytes, as it is stored
}

// Expired reports whether the deadline has come at now (unix milliseconds).
func (h Head) Expired(now int64) bool { return h.Deadline != 0 && h.Deadline <= now }

// Live reports whether there is a record and its deadline is ahead.
func (h Head) Live(now int64) bool { return h.Version != 0 && !h.Expired(now) }

// Usage is what a record of key counts; nothing for the zero Head.
func (h Head) Usage(key string) Usage {
	if h.Version == 0 {
		return Usage{}
	}
	return Usage{1, LogicalSize(key, h.RawLen), int64(h.RawLen), int64(h.FrameLen)}
}

// Record is a key with its frame, the encoded form of value, deadline and
// version (package codec). Frame is read-only.
type Record struct {
	Key   string
	Frame []byte
	Head
}

// Size is what the record counts against a quota: its live logical bytes.
func (r Record) Size() int64 { return LogicalSize(r.Key, r.RawLen) }

// LogicalSize is the number of bytes that a key and a value of rawLen bytes
// count against a quota.
func LogicalSize(key string, rawLen int) int64 { return int64(len(key)) + int64(rawLen) }

// Usage counts what is stored, expired but unswept records included.
type Usage struct {
	Records     int64
	LiveBytes   int64 // the sum of LogicalSize
	RawBytes    int64 // the sum of the values' lengths
	StoredBytes int64 // the sum of the frames' lengths
}

// Plus is the sum of u and v, field by field.
func (u Usage) Plus(v Usage) Usage {
	return Usage{u.Records + v.Records, u.LiveBytes + v.LiveBytes, u.RawBytes + v.RawBytes, u.StoredBytes + v.StoredBytes}
}

// Minus is what remains of u without v, field by field.
func (u Usage) Minus(v Usage) Usage {
	return Usage{u.Records - v.Records, u.LiveBytes - v.LiveBytes, u.RawBytes - v.RawBytes, u.StoredBytes - v.StoredBytes}
}

// Tier names who answered.
type Tier uint8

// The tiers, in the order in which a read asks them.
const (
	L1     Tier = iota + 1 // in process
	L2                     // shared by the processes of a host
	L3                     // durable
	Memory                 // the memory store
)

// String gives "l1", "l2", "l3" or "memory"; "" for the zero Tier.
func (t Tier) String() string {
	switch t {
	case L1:
		return "l1"
	case L2:
		return "l2"
	case L3:
		return "l3"
	case Memory:
		return "memory"
	}
	return ""
}

// MarshalText makes a Tier readable in JSON and logs.
func (t Tier) MarshalText() ([]byte, error) { return []byte(t.String()), nil }
