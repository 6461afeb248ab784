package host

import (
	"time"

	"github.com/stratakv/strata/tiered/tier"
)

const magic = "strata/host"

// maxHandshake bounds the first message of either side, in bytes.
const maxHandshake = 1 << 20

// greeting is what a follower opens a connection with. Its form never changes,
// but for what comes at its end: it is how two versions find out about each other.
type greeting struct {
	newest, oldest uint64 // the versions that the follower speaks
	client         [16]byte
	never          bool // the follower never owns; left out by builds of before
}

func (g *greeting) encode() []byte {
	var e encoder
	e.string(magic)
	e.uint(g.newest)
	e.uint(g.oldest)
	e.id(g.client)
	e.flags(g.never)
	return e.buf
}

func decodeGreeting(body []byte) (g greeting, err error) {
	d := decoder{buf: body}
	if d.string() != magic {
		d.fail()
	}
	g = greeting{newest: d.uint(), oldest: d.uint(), client: d.id()}
	if len(d.buf) > 0 {
		g.never = d.byte()&1 != 0
	}
	return g, d.err // a later version may have added something
}

// welcome is the owner's answer: the version of all that follows, itself, and
// what it takes.
type welcome struct {
	version      uint64
	requests     int
	messageBytes int64
	windowBytes  int64
	hello        Hello
}

// unusedNumbers is how many numbers stand between a Hello's Place and Extra: 0,
// and nobody reads them.
const unusedNumbers = 4

func (w *welcome) encode() []byte {
	var e encoder
	e.uint(w.version)
	e.uint(uint64(w.requests))
	e.uint(uint64(w.messageBytes))
	e.uint(uint64(w.windowBytes))
	h := &w.hello
	e.id(h.StoreID)
	e.uint(h.Epoch)
	e.uint(h.Opening)
	e.uint(h.Seed)
	e.uint(h.Version)
	e.stamp(h.Stamp)
	e.id(h.Mapping)
	e.string(h.Place)
	for range unusedNumbers {
		e.int(0)
	}
	e.bytes(h.Extra)
	e.int(int64(h.PID))
	return e.buf
}

func decodeWelcome(body []byte) (w welcome, err error) {
	d := decoder{buf: body}
	w = welcome{version: d.uint(), requests: d.length(), messageBytes: int64(d.length()), windowBytes: int64(d.length())}
	w.hello = Hello{
		StoreID: d.id(), Epoch: d.uint(), Opening: d.uint(), Seed: d.uint(), Version: d.uint(), Stamp: d.stamp(),
		Mapping: d.id(), Place: d.string(),
	}
	for range unusedNumbers {
		d.int()
	}
	w.hello.Extra, w.hello.PID = d.bytes(), int(d.int())
	if d.err == nil && (w.requests < 1 || w.messageBytes < 1 || w.windowBytes < 1) {
		d.fail()
	}
	return w, d.err // as above
}

func (e *encoder) stamp(s tier.Stamp) {
	e.int(s.Store)
	e.int(int64(s.Boot))
	e.string(s.BootID)
	e.int(int64(s.Slew))
	e.int(int64(s.SlewFrom))
}

func (d *decoder) stamp() tier.Stamp {
	return tier.Stamp{
		Store: d.int(), Boot: time.Duration(d.int()), BootID: d.string(),
		Slew: time.Duration(d.int()), SlewFrom: time.Duration(d.int()),
	}
}
