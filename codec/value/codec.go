package value

import "reflect"

// Codec encodes values of type T. Implementations are safe for concurrent use.
type Codec[T any] interface {
	// Encode returns v's bytes, the caller's own from then on.
	Encode(v T) ([]byte, error)
	// Decode sets *v to what Encode was given. The old *v plays no part, and
	// stays if there is an error. What it sets shares no memory with data.
	Decode(data []byte, v *T) error
}

// Error reports that a value could not be encoded or decoded. Its text holds
// no part of the value; Err may.
type Error struct {
	Op   string // "encode" or "decode"
	Form string // "json" or "cbor"
	Type reflect.Type
	Err  error // the form's own error
}

// Error gives operation, form and type.
func (e *Error) Error() string {
	return "value: " + e.Op + " " + e.Form + " of " + e.Type.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

func fault[T any](op, form string, err error) error {
	return &Error{Op: op, Form: form, Type: reflect.TypeFor[T](), Err: err}
}
