package sessiondata

// record is a session as session/FORMAT.md describes it, an array of 17 items;
// a test of package session reads it.
type record struct {
	lineage       []byte
	user          string
	created, seen int64
	address       string
	agent         string
	values        []value // in the order of their keys
	flash         []byte  // nil: none
}

type value struct {
	key   string
	bytes []byte
}

const hour = 3_600_000 // milliseconds

func (r *record) encode() []byte {
	b := appendHead(nil, majorArray, 17)
	b = append(b, 1, 0)
	b = appendBytes(b, r.lineage)
	b = appendText(b, r.user)
	for _, n := range []int64{r.created, r.created, r.seen, r.seen + hour/2, r.created + 24*hour, 0, 0, 3} {
		b = appendHead(b, majorUint, uint64(n))
	}
	b = appendText(appendText(b, r.address), r.agent)
	b = append(b, 1)
	b = appendHead(b, majorArray, uint64(len(r.values)))
	for _, v := range r.values {
		b = appendText(appendHead(b, majorArray, 3), v.key)
		b = appendBytes(append(b, 0), v.bytes)
	}
	if r.flash == nil {
		return appendHead(b, majorArray, 0)
	}
	b = appendHead(appendHead(b, majorArray, 1), majorArray, 3)
	return appendBytes(appendText(append(b, 1), "notice"), r.flash)
}

// The kinds of CBOR items that are needed.
const (
	majorUint  = 0
	majorBytes = 2
	majorText  = 3
	majorArray = 4
	majorMap   = 5
)

func appendHead(b []byte, major byte, n uint64) []byte {
	major <<= 5
	size, info := 0, byte(n)
	switch {
	case n < 24:
	case n < 1<<8:
		size, info = 1, 24
	case n < 1<<16:
		size, info = 2, 25
	case n < 1<<32:
		size, info = 4, 26
	default:
		size, info = 8, 27
	}
	b = append(b, major|info)
	for i := size - 1; i >= 0; i-- {
		b = append(b, byte(n>>(8*i)))
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(appendHead(b, majorText, uint64(len(s))), s...)
}

func appendBytes(b, s []byte) []byte {
	return append(appendHead(b, majorBytes, uint64(len(s))), s...)
}
