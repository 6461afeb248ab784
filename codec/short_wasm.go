//go:build !nozstd

package codec

// short is nothing here: a module that compresses more in less time would be a
// larger one.
type short struct{ id uint32 }

const maxShort = 0

func newShort() *short { return nil }

func newShortWith([]byte, uint32) *short { return nil }

func (*short) encode(dst, _ []byte) (body []byte, worthwhile bool) { return dst, true }
