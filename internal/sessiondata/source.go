package sessiondata

import (
	"encoding/base64"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"strconv"
)

// The lengths that records have, about.
const (
	MinBytes = 150
	MaxBytes = 2000
)

// Source gives records. Make it with [New].
type Source struct {
	rng *rand.Rand
	now int64 // unix milliseconds
}

// New returns a Source of the records of seed.
func New(seed uint64) *Source {
	return &Source{rng: rand.New(rand.NewPCG(seed, 0x5e55)), now: 1_795_000_000_000}
}

// Key gives a session's key under the manager's prefix: "web:s:" and 43 random
// characters.
func (s *Source) Key() string { return "web:s:" + s.token(32) }

// Size gives a length from [MinBytes] to [MaxBytes], evenly in its logarithm.
func (s *Source) Size() int {
	least, most := math.Log(MinBytes), math.Log(MaxBytes)
	return int(math.Exp(least + s.rng.Float64()*(most-least)))
}

// JSON gives a session of about n bytes as JSON.
func (s *Source) JSON(n int) []byte {
	b := append([]byte(nil), `{"user_id":`...)
	b = strconv.AppendInt(b, int64(s.rng.IntN(5_000_000)), 10)
	b = append(b, `,"csrf_token":"`+s.token(24)+`","created_at":`...)
	b = strconv.AppendInt(b, s.moment(), 10)
	b = append(b, `,"last_seen":`...)
	b = strconv.AppendInt(b, s.moment(), 10)
	b = append(b, `,"locale":"`+s.pick(locales)+`"`...)
	if n >= 250 {
		first, last := s.pick(firstNames), s.pick(lastNames)
		b = append(b, `,"email":"`+first+"."+last+"@"+s.pick(hosts)+`","roles":["`+s.pick(roles)+`"],"remote_addr":"`+s.address()+`"`...)
	}
	if n >= 350 {
		b = append(b, `,"flash":{"level":"`+s.pick(levels)+`","message":"`+s.pick(messages)+`"},"theme":"`+s.pick(themes)+`"`...)
	}
	if n >= 500 {
		b = append(b, `,"user_agent":"`+s.agent()+`"`...)
	}
	b = append(b, `,"cart":{"currency":"EUR","items":[`...)
	for first := true; len(b) < n-90; first = false {
		if !first {
			b = append(b, ',')
		}
		b = s.item(b)
	}
	return append(b, `]}}`...)
}

// item appends an item of a cart.
func (s *Source) item(b []byte) []byte {
	b = append(b, `{"sku":"`+s.sku()+`","name":"`+s.pick(products)+" "+s.pick(products)+`","qty":`...)
	b = strconv.AppendInt(b, int64(1+s.rng.IntN(4)), 10)
	b = append(b, `,"price":`...)
	b = strconv.AppendInt(b, int64(s.rng.IntN(200)*100+99), 10)
	return append(b, '}')
}

// CBOR gives a session of about n bytes as package session keeps it.
func (s *Source) CBOR(n int) []byte {
	r := record{lineage: s.bytes(16), user: "user-" + strconv.Itoa(s.rng.IntN(5_000_000)), created: s.moment(), seen: s.moment()}
	if n >= 200 {
		r.address = s.address()
	}
	if n >= 420 {
		r.agent = s.agent()
	}
	r.values = append(r.values, value{"csrf", appendText(nil, s.token(24))}, value{"locale", appendText(nil, s.pick(locales))})
	if n >= 220 {
		r.flash = appendText(nil, s.pick(messages))
		r.values = append([]value{{"cart", nil}}, r.values...)
		r.values = append(r.values, value{"theme", appendText(nil, s.pick(themes))})
		if room := n - len(r.encode()) - 30; room > 0 {
			r.values[0].bytes = s.cart(room / itemBytes)
		}
	}
	return r.encode()
}

// itemBytes is about what an item of a cart takes in CBOR.
const itemBytes = 46

// cart gives the items of a cart in CBOR: maps, as of a Go struct.
func (s *Source) cart(items int) []byte {
	b := appendHead(nil, majorArray, uint64(items))
	for range items {
		b = appendHead(b, majorMap, 4)
		b = appendHead(appendText(b, "qty"), majorUint, uint64(1+s.rng.IntN(4)))
		b = appendText(appendText(b, "sku"), s.sku())
		b = appendText(appendText(b, "name"), s.pick(products)+" "+s.pick(products))
		b = appendHead(appendText(b, "price"), majorUint, uint64(s.rng.IntN(200)*100+99))
	}
	return b
}

// moment is some time of the last day.
func (s *Source) moment() int64 { return s.now - s.rng.Int64N(86_400_000) }

// bytes gives n random bytes.
func (s *Source) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(s.rng.Uint32())
	}
	return b
}

// token gives n random bytes in base64url.
func (s *Source) token(n int) string { return base64.RawURLEncoding.EncodeToString(s.bytes(n)) }

func (s *Source) sku() string { return hex.EncodeToString(s.bytes(4)) }

func (s *Source) address() string {
	return "203.0." + strconv.Itoa(s.rng.IntN(256)) + ".0/24"
}

func (s *Source) agent() string {
	return "Mozilla/5.0 (" + s.pick(systems) + ") AppleWebKit/537.36 (KHTML, like Gecko) Chrome/" +
		strconv.Itoa(110+s.rng.IntN(30)) + ".0.0.0 Safari/537.36"
}

func (s *Source) pick(from []string) string { return from[s.rng.IntN(len(from))] }
