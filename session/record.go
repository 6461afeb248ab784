package session

import (
	"cmp"
	"slices"
)

const (
	formatVersion = 1

	kindSession = 0
	kindMoved   = 1
	kindIndex   = 2

	sessionFields = 17
	movedFields   = 4
	indexFields   = 3

	flagConfirmed  = 1 << 0
	flagPersistent = 1 << 1
	knownFlags     = flagConfirmed | flagPersistent
)

// record is what the store keeps of a session. FORMAT.md gives its bytes. Times
// are unix milliseconds by the store's clock, durations milliseconds.
//
//   - expires is what the store's own deadline is, too.
//   - values are in strictly ascending order of their keys' bytes, flashes of
//     their generations, of which none is above generation.
//   - A record in use is never changed: a change makes a copy.
type record struct {
	lineage    [lineageBytes]byte
	user       string // "": none
	created    int64  // when the session began
	begun      int64  // what its lifetime counts from: creation, or the last login
	seen       int64  // when it was last used, to within the touch threshold
	expires    int64
	end        int64 // of its lifetime, and the deadline of its index entry
	idle, life int64 // the session's own; 0: the manager's
	flags      uint64
	address    string // prefix it is bound to; "": none
	agent      string
	generation int64
	values     []entry
	flashes    []flash
}

// entry is a value. Its bytes are never changed.
type entry struct {
	key     string
	expires int64 // 0: with the session
	value   []byte
}

// flash is a message for a later request. Its bytes are never changed.
type flash struct {
	generation int64
	key        string
	value      []byte
}

// moved stands in an old id's place.
type moved struct {
	to    hashed
	until int64
}

func (r *record) confirmed() bool  { return r.flags&flagConfirmed != 0 }
func (r *record) persistent() bool { return r.flags&flagPersistent != 0 }

// find gives the live entry of key.
func (r *record) find(key string, now int64) (entry, bool) {
	e, found := r.entry(key)
	return e, found && e.live(now)
}

// entry gives the entry of key, its deadline apart.
func (r *record) entry(key string) (entry, bool) {
	if i, found := search(r.values, key); found {
		return r.values[i], true
	}
	return entry{}, false
}

func (e entry) live(now int64) bool { return e.expires == 0 || now < e.expires }

func search(values []entry, key string) (int, bool) {
	return slices.BinarySearchFunc(values, key, func(e entry, key string) int { return cmp.Compare(e.key, key) })
}

// encode gives r's bytes.
func (r *record) encode() []byte {
	size := 128 + len(r.user) + len(r.address) + len(r.agent)
	for _, e := range r.values {
		size += 24 + len(e.key) + len(e.value)
	}
	for _, f := range r.flashes {
		size += 24 + len(f.key) + len(f.value)
	}
	b := appendHead(make([]byte, 0, size), cborArray, sessionFields)
	b = appendInt(b, formatVersion)
	b = appendInt(b, kindSession)
	b = appendBytes(b, r.lineage[:])
	b = appendText(b, r.user)
	for _, n := range []int64{r.created, r.begun, r.seen, r.expires, r.end, r.idle, r.life, int64(r.flags)} {
		b = appendInt(b, n)
	}
	b = appendText(b, r.address)
	b = appendText(b, r.agent)
	b = appendInt(b, r.generation)
	b = appendHead(b, cborArray, uint64(len(r.values)))
	for _, e := range r.values {
		b = appendHead(b, cborArray, 3)
		b = appendText(b, e.key)
		b = appendInt(b, e.expires)
		b = appendBytes(b, e.value)
	}
	b = appendHead(b, cborArray, uint64(len(r.flashes)))
	for _, f := range r.flashes {
		b = appendHead(b, cborArray, 3)
		b = appendInt(b, f.generation)
		b = appendText(b, f.key)
		b = appendBytes(b, f.value)
	}
	return b
}

func (m moved) encode() []byte {
	b := appendHead(make([]byte, 0, 48), cborArray, movedFields)
	b = appendInt(b, formatVersion)
	b = appendInt(b, kindMoved)
	b = appendBytes(b, m.to[:])
	return appendInt(b, m.until)
}

// decode reads a record, or, with a nil record, what stands in an old id's
// place. They share memory with data. What is neither is ErrRecord.
func decode(data []byte) (*record, moved, error) {
	r := reader{rest: data}
	fields, version, kind := r.array(), r.integer(), r.integer()
	switch {
	case r.bad || version != formatVersion:
	case kind == kindMoved && fields == movedFields:
		var m moved
		r.fixed(m.to[:])
		m.until = r.integer()
		if !r.bad && len(r.rest) == 0 {
			return nil, m, nil
		}
	case kind == kindSession && fields == sessionFields:
		rec := new(record)
		r.session(rec)
		if !r.bad && len(r.rest) == 0 {
			return rec, moved{}, nil
		}
	}
	return nil, moved{}, ErrRecord
}

// fixed reads a byte string of exactly len(to) bytes.
func (r *reader) fixed(to []byte) {
	b := r.bytes()
	if len(b) != len(to) {
		r.fail()
		return
	}
	copy(to, b)
}

func (r *reader) session(rec *record) {
	r.fixed(rec.lineage[:])
	rec.user = r.text()
	for _, n := range []*int64{&rec.created, &rec.begun, &rec.seen, &rec.expires, &rec.end, &rec.idle, &rec.life} {
		*n = r.integer()
	}
	rec.flags = uint64(r.integer())
	if rec.flags&^knownFlags != 0 {
		r.fail()
	}
	rec.address = r.text()
	rec.agent = r.text()
	rec.generation = r.integer()
	rec.values = r.entries()
	rec.flashes = r.messages(rec.generation)
}

func (r *reader) entries() []entry {
	n := r.array()
	if n > len(r.rest)/4 { // each has four heads
		r.fail()
		return nil
	}
	values := make([]entry, 0, n)
	for range n {
		fields := r.array()
		e := entry{key: r.text(), expires: r.integer(), value: r.bytes()}
		if fields != 3 || len(values) > 0 && values[len(values)-1].key >= e.key {
			r.fail()
		}
		if r.bad {
			return nil
		}
		values = append(values, e)
	}
	return values
}

func (r *reader) messages(last int64) []flash {
	n := r.array()
	if n > len(r.rest)/4 {
		r.fail()
		return nil
	}
	flashes := make([]flash, 0, n)
	for range n {
		fields := r.array()
		f := flash{generation: r.integer(), key: r.text(), value: r.bytes()}
		if fields != 3 || f.generation > last || len(flashes) > 0 && flashes[len(flashes)-1].generation >= f.generation {
			r.fail()
		}
		if r.bad {
			return nil
		}
		flashes = append(flashes, f)
	}
	return flashes
}

// encodeIndex gives the bytes of the index entry that leads to record.
func encodeIndex(to hashed) []byte {
	b := appendHead(make([]byte, 0, 40), cborArray, indexFields)
	b = appendInt(b, formatVersion)
	b = appendInt(b, kindIndex)
	return appendBytes(b, to[:])
}

func decodeIndex(data []byte) (to hashed, err error) {
	r := reader{rest: data}
	fields, version, kind := r.array(), r.integer(), r.integer()
	r.fixed(to[:])
	if r.bad || len(r.rest) != 0 || fields != indexFields || version != formatVersion || kind != kindIndex {
		return hashed{}, ErrRecord
	}
	return to, nil
}
