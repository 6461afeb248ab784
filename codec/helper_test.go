package codec_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stratakv/strata/codec"
)

const limit = 1 << 20

func newCodec(t testing.TB, opts codec.Options) *codec.Codec {
	t.Helper()
	c, err := codec.New(opts, limit)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sealed is the frame of value as a store keeps it.
func sealed(c *codec.Codec, key string, value []byte) []byte {
	frame := c.Encode(value)
	codec.Seal(frame, key, 7, 1234)
	return frame
}

// layout is a frame written by the book, with nothing of the package: what a
// test changes in it is still sealed rightly.
type layout struct {
	format, flags uint8
	zero          uint16
	dictionary    uint32
	deadline      int64
	version       uint64
	rawLen        uint32
	body          []byte
}

func (l layout) frame(key string) []byte {
	table := crc32.MakeTable(crc32.Castagnoli)
	b := []byte{l.format, l.flags}
	b = binary.LittleEndian.AppendUint16(b, l.zero)
	b = binary.LittleEndian.AppendUint32(b, l.dictionary)
	b = binary.LittleEndian.AppendUint64(b, uint64(l.deadline))
	b = binary.LittleEndian.AppendUint64(b, l.version)
	b = binary.LittleEndian.AppendUint32(b, l.rawLen)
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(l.body, table))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(append(b[:len(b):len(b)], key...), table))
	return append(b, l.body...)
}

// session is a session record of about n bytes: partly names that repeat,
// partly ids that do not.
func session(n int) []byte {
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	var b strings.Builder
	fmt.Fprintf(&b, `{"user":%d,"csrf":"%016x%016x","roles":["reader"],"cart":[`, rng.Uint32(), rng.Uint64(), rng.Uint64())
	for i := 0; b.Len() < n-52; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"sku":"%08x","qty":%d,"price":%d}`, rng.Uint32(), 1+rng.IntN(5), rng.IntN(99999))
	}
	fmt.Fprintf(&b, `],"seen":%d}`, 1795000000000+rng.Int64N(1e9))
	return []byte(b.String())
}

func random(n int) []byte {
	rng := rand.New(rand.NewPCG(2, uint64(n)))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}
