// Package exact encodes values of any shape so that they come back as they
// were, their Go types included.
//
//	c := exact.New()
//	data, err := c.Encode(map[string]any{"user": int64(7), "roles": []string{"a"}})
//	v, err := c.Decode(data) // deeply equal
//
// # The law
//
// The exact types are
//
//   - bool, string, []byte, float32, float64
//   - int, int8 to int64, uint, uint8 to uint64
//   - *big.Int, time.Time
//   - []T for an exact T or any
//   - map[K]T for an exact T or any, and K a bool, a string, a number, or any of
//     these, or nil, in a map[any]T
//
// all by these very names: a type with a name of its own (type Role string) is
// not exact, nor is one that nests more than 8 deep without an any. An exact
// value is nil, or of an exact type and, wherever it says any, again an exact
// value. Decode(Encode(x)) is reflect.DeepEqual to an exact x: nil slices and
// maps stay nil and empty ones empty, strings keep bytes that are not UTF-8,
// -0.0 its sign. But for this:
//
//   - A time comes back as the same instant with the same offset and zone
//     abbreviation: in time.UTC if it was in it, else in a time.FixedZone. So
//     times in UTC and in fixed zones are deeply equal; those in time.Local or a
//     loaded zone are equal by Time.Equal and look the same. A monotonic reading
//     is not kept.
//   - NaN comes back as NaN, and as a map's key is refused.
//   - A *big.Int is equal by Cmp; and deeply, but for a zero that came out of a
//     calculation.
//   - What was shared comes back as copies. A value that contains itself is
//     refused, as too deep.
//   - What does not fit an int of 32 bits comes back there as an int64, and where
//     the type says int ([]int) is ErrValue.
//
// # Other types
//
// Structs, pointers, arrays, named types and all that marshals itself are
// stored in the CBOR form of package codec/value, with its struct tags.
// [Codec.DecodeInto] gives them back; Decode gives what they consist of: a
// struct is a map[string]any, a pointer what it points to, an integer an int, a
// zero time nil; a time in a zone with seconds in its offset, as of before 1940,
// is off by those. They must not contain themselves. What CBOR cannot hold
// (functions, channels, complex numbers, keys that are structs) is ErrValue.
//
// # The form
//
// The first byte says whether what follows, one CBOR item, was of an exact
// type. There int, string, []byte, floats, []any, map[string]any and big
// integers are plain items; others have tags that name their type, two bytes
// each: an int8 one, a []string two, a map[string]int64 three; the elements
// have none. Without its tags each is what a reader of CBOR would expect, but
// for a time, an array of seconds, nanoseconds, and unless in UTC offset and
// abbreviation. Equal values give equal bytes.
//
// # Limits
//
// Nesting is at most 64 deep, an array or a map has at most 1,048,576 elements,
// in both directions. Decoding takes memory in proportion to the data, whatever
// the data says, and never panics: damage is tier.ErrCorrupt with the offset.
//
// # Concurrency and ownership
//
// A [Codec] may be used by many goroutines. What comes out shares no memory with
// what went in.
package exact
