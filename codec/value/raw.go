package value

// Raw returns the codec of bytes that stay as they are. It copies in both
// directions; nil becomes empty.
func Raw() Codec[[]byte] { return rawCodec{} }

type rawCodec struct{}

func (rawCodec) Encode(v []byte) ([]byte, error) { return append(make([]byte, 0, len(v)), v...), nil }

func (rawCodec) Decode(data []byte, v *[]byte) error {
	*v = append(make([]byte, 0, len(data)), data...)
	return nil
}
