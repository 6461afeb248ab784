package main

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strconv"
	"time"
)

// The size of a session record, in bytes.
const (
	minSessionBytes = 150
	maxSessionBytes = 2000
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sessionKey is the key of the i-th session: the same in each run, and in no
// order, as real session ids are.
func sessionKey(i int) string {
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], mix(uint64(i)))
	binary.BigEndian.PutUint64(id[8:], mix(^uint64(i)))
	return "session:" + hex.EncodeToString(id[:])
}

// mix is the finalizer of splitmix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// sessions makes session records. Each says which key it is for, which run and
// which write made it, and ends with a checksum over all of that, so that an
// answer can be judged alone. Not safe for concurrent use.
type sessions struct {
	rand *rand.Rand
	run  uint64
	buf  []byte
}

var (
	sessionNames = []string{"Ada", "Björn", "Chiara", "Dmitri", "Eun-ji", "Fatima", "Grace", "Hiroshi", "Ines", "João"}
	sessionRoles = []string{"customer", "newsletter", "premium", "reviewer", "support", "admin"}
	sessionGoods = []string{"Espresso cups, set of 4", "Wool blanket", "Desk lamp", "USB-C cable 2 m", "Notebook A5", "Rain jacket M"}
	sessionFlash = []string{"Your cart was saved.", "Welcome back!", "Password changed.", "Coupon SPRING10 applied."}
)

// record makes the JSON of write seq for key, valid until the next call, and
// its checksum. A third are visitors who did nothing; the others' carts grow
// up to maxSessionBytes, small ones being the more likely.
func (s *sessions) record(key string, seq uint64, now time.Time) (body []byte, sum uint32) {
	r := s.rand
	b := append(s.buf[:0], `{"key":"`...)
	b = append(b, key...)
	b = fmt.Appendf(b, `","seq":%d,"run":"%016x","csrf":"%016x%016x","created":"%s","seen":"%s"`,
		seq, s.run, r.Uint64(), r.Uint64(),
		now.Add(-time.Duration(r.Int64N(int64(time.Hour)))).UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339Nano))
	if r.IntN(3) == 0 {
		b = append(b, `,"user":null,"roles":[],"cart":[]`...)
	} else {
		b = s.appendUser(b, minSessionBytes+int(min(r.ExpFloat64()*400, 1600)))
	}
	b = append(b, `,"flash":[`...)
	if r.IntN(8) == 0 {
		b = strconv.AppendQuote(b, sessionFlash[r.IntN(len(sessionFlash))])
	}
	b = append(b, ']')
	sum = crc32.Checksum(b, castagnoli)
	b = fmt.Appendf(b, `,"sum":"%08x"}`, sum)
	s.buf = b
	return b, sum
}

// appendUser adds the user and a cart that fills the record to about size.
func (s *sessions) appendUser(b []byte, size int) []byte {
	r := s.rand
	id, name := r.IntN(1_000_000), sessionNames[r.IntN(len(sessionNames))]
	b = fmt.Appendf(b, `,"user":{"id":%d,"name":"%s","email":"user%d@example.com"},"roles":["customer"`, id, name, id)
	for _, role := range sessionRoles[1:] {
		if r.IntN(6) == 0 {
			b = fmt.Appendf(b, `,"%s"`, role)
		}
	}
	b = append(b, `],"cart":[`...)
	for first := true; len(b) < size; first = false {
		if !first {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"sku":"%06d","name":"%s","quantity":%d,"cents":%d}`,
			r.IntN(1_000_000), sessionGoods[r.IntN(len(sessionGoods))], 1+r.IntN(5), 100+r.IntN(20_000))
	}
	return append(b, ']')
}

const sumTail = `,"sum":"01234567"}`

var (
	errForeign = errors.New("value was not written for this key")
	errDamaged = errors.New("value fails its checksum")
)

// checkSession judges a value that was read for key and returns its checksum.
func checkSession(body []byte, key string) (sum uint32, err error) {
	if len(body) < len(sumTail) {
		return 0, errDamaged
	}
	text, tail := body[:len(body)-len(sumTail)], body[len(body)-len(sumTail):]
	sum = crc32.Checksum(text, castagnoli)
	if string(tail) != fmt.Sprintf(`,"sum":"%08x"}`, sum) {
		return 0, errDamaged
	}
	head := `{"key":"` + key + `","seq":`
	if len(text) < len(head) || string(text[:len(head)]) != head {
		return 0, errForeign
	}
	return sum, nil
}
