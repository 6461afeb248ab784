package value

import "encoding/json"

// JSON returns the codec of encoding/json: its rules and struct tags hold.
// Data after the value is refused.
func JSON[T any]() Codec[T] { return jsonCodec[T]{} }

type jsonCodec[T any] struct{}

func (jsonCodec[T]) Encode(v T) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fault[T]("encode", "json", err)
	}
	return data, nil
}

func (jsonCodec[T]) Decode(data []byte, v *T) error {
	var fresh T
	if err := json.Unmarshal(data, &fresh); err != nil {
		return fault[T]("decode", "json", err)
	}
	*v = fresh
	return nil
}
