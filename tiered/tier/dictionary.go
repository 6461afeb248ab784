package tier

// Dictionary is what values are compressed with. Its Bytes are in zstd's own
// form and hold the ID, which is not 0.
type Dictionary struct {
	ID     uint32
	Prefix string // of the keys whose values it is for
	Bytes  []byte
	// Trained is when it was made, unix milliseconds of the store's clock.
	Trained int64
	// Raw and Stored are the lengths of values that it was tried on when it was
	// made, before and after compression: its gain then.
	Raw, Stored int64
}

// DictionaryKeeper is a Durable that keeps dictionaries, for ever: a frame may
// name one of them for as long as the store lives. Its methods are safe for
// concurrent use, and beside those of Durable; no call follows Close.
type DictionaryKeeper interface {
	// Dictionaries returns all that are kept, in no order. They are the
	// caller's. With an error, which matches ErrCorrupt where some are damaged,
	// those that are sound.
	Dictionaries() ([]Dictionary, error)
	// KeepDictionary keeps d. When it returns nil d is durable: every later
	// opening has it, whatever happens. Only then may a frame name it. One that
	// is kept already is nil. Errors: ErrVersion: another dictionary has the
	// id; ErrTooLarge: it is above the keeper's limits; ErrFull: there is no
	// room, nothing happened; ErrUnavailable: the store does not write any more.
	KeepDictionary(d Dictionary) error
}
