package tiered

import "time"

// Dictionary is a compression dictionary that a store has trained. It keeps it
// for ever: each record names the one that it needs.
type Dictionary struct {
	ID     uint32
	Prefix string // of the keys from whose values it was trained
	// Bytes are in zstd's own form, as Options.Codec.Dictionaries takes them,
	// of this store or another.
	Bytes   []byte
	Trained time.Time // by the store's clock
	// Ratio is what values took when it was trained, headers included, of their
	// length.
	Ratio float64
}

// DictionaryStats is about the dictionaries of a store.
type DictionaryStats struct {
	Kept     int    // in the store, those that nothing is compressed with any more included
	Bytes    int64  // their lengths
	Trained  uint64 // since the opening
	Rejected uint64 // likewise: trainings of which no gain came
	// Since the opening, of one in 16 values that went through a dictionary:
	// their lengths, and those of their frames.
	RawBytes, StoredBytes int64
}

// Dictionaries returns the dictionaries that the store keeps, the oldest first.
// They are the owner's to tell: a follower gives none, nor does the memory
// store, which trains none. After Close there are none.
func (s *Store) Dictionaries() []Dictionary {
	if s.learning == nil || s.closed.Load() {
		return nil
	}
	return s.learning.all()
}

// encode makes the frame of value. It is the way of every write.
func (s *Store) encode(key string, value []byte) []byte {
	if s.learning == nil {
		return s.codec.Encode(value)
	}
	return s.learning.encode(key, value)
}
