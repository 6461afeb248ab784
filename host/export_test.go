//go:build linux || darwin

package host

import (
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/stratakv/strata/tiered/tier"
)

// What a peer of the tests' own needs of the wire.
const (
	Newest      = newest
	PartBytes   = partBytes
	KindRefusal = uint8(kindRefusal)
	KindLoad    = uint8(kindLoad)
	KindMany    = uint8(kindLoadMany)
	KindScan    = uint8(kindScan)
	KindWrite   = uint8(kindWrite)
	KindAnswer  = uint8(kindAnswer)
	KindCancel  = uint8(kindCancel)
	KindPing    = uint8(kindPing)
	KindBye     = uint8(kindBye)
)

// Raw is a peer that says what a test wants.
type Raw struct {
	net.Conn
	rcv *receiver
}

// DialRaw connects to the owner of dir, and says nothing.
func DialRaw(dir string) (*Raw, error) {
	conn, err := net.Dial("unix", filepath.Join(dir, sockName))
	if err != nil {
		return nil, err
	}
	return NewRaw(conn), nil
}

func NewRaw(conn net.Conn) *Raw { return &Raw{conn, newReceiver(conn, maxMessage, maxMessage)} }

// Greet greets as client and returns the kind of the answer.
func (r *Raw) Greet(client byte, versions ...uint64) (uint8, error) {
	g := greeting{newest: newest, oldest: oldest, client: [16]byte{client}}
	if len(versions) > 0 {
		g.newest, g.oldest = versions[0], versions[1]
	}
	if _, err := r.Write(Frame(uint8(kindGreeting), 0, g.encode())); err != nil {
		return 0, err
	}
	k, _, _, err := r.Next()
	return k, err
}

// GreetBefore greets as a build of before did, which did not say whether it may
// own.
func (r *Raw) GreetBefore(client byte) (uint8, error) {
	g := greeting{newest: newest, oldest: oldest, client: [16]byte{client}}
	body := g.encode()
	if _, err := r.Write(Frame(uint8(kindGreeting), 0, body[:len(body)-1])); err != nil {
		return 0, err
	}
	k, _, _, err := r.Next()
	return k, err
}

// Next reads a message.
func (r *Raw) Next() (kind uint8, id uint64, body []byte, err error) {
	_ = r.SetReadDeadline(time.Now().Add(10 * time.Second))
	m, err := r.rcv.next()
	return uint8(m.kind), m.id, m.body, err
}

// Frame is a message of one part, or, with more, a part of a longer one.
func Frame(k uint8, id uint64, body []byte, more ...bool) []byte {
	return appendFrame(nil, &message{id: id, kind: kind(k)}, body, len(more) > 0)
}

func LoadBody(key string) []byte {
	var e encoder
	e.string(key)
	return e.buf
}

func ManyBody(keys []string) []byte {
	var e encoder
	e.keys(keys)
	return e.buf
}

func WriteBody(seq uint64, ops ...tier.Op) []byte {
	var e encoder
	(&writeRequest{seq: seq, low: seq, ops: ops}).encode(&e)
	return e.buf
}

// AgainBody is WriteBody of a write that was sent before.
func AgainBody(seq uint64, ops ...tier.Op) []byte {
	var e encoder
	(&writeRequest{seq: seq, low: seq, again: true, ops: ops}).encode(&e)
	return e.buf
}

// WriteAnswer decodes an answer.
func WriteAnswer(body []byte) ([]tier.Result, error) {
	var a writeAnswer
	d := decoder{buf: body}
	a.decode(&d)
	if err := d.end(); err != nil {
		return nil, err
	}
	return a.results, a.err
}

// Sender is a sender over a connection.
type Sender struct{ s *sender }

func NewSender(conn net.Conn) Sender { return Sender{newSender(conn, time.Minute)} }

// NewStillSender is a sender whose goroutine does not run before Start.
func NewStillSender(conn net.Conn) Sender {
	return Sender{&sender{conn: conn, raw: rawConn(conn), drop: time.Minute, wake: make(chan struct{}, 1), done: make(chan struct{})}}
}

func (s Sender) Start() { go s.s.run() }

func (s Sender) Push(k uint8, id uint64, body []byte) bool {
	return s.s.push(&message{id: id, kind: kind(k), body: body})
}

func (s Sender) Hold()                   { s.s.hold() }
func (s Sender) Release()                { s.s.release() }
func (s Sender) Withdraw(id uint64) bool { return s.s.withdraw(id) }
func (s Sender) End()                    { s.s.end(); <-s.s.done }

// Queued is how many bytes have not been handed to the connection.
func (s Sender) Queued() int64 {
	s.s.mu.Lock()
	defer s.s.mu.Unlock()
	return s.s.queued
}

// Tickets are the numbers of a client's writes.
type Tickets = tickets

func (t *tickets) Next() uint64    { return t.next() }
func (t *tickets) Lowest() uint64  { return t.lowest() }
func (t *tickets) Done(seq uint64) { t.done(seq) }

// Receive reads messages until the end or a fault, and returns how many bytes
// it held at most.
func Receive(r interface{ Read([]byte) (int, error) }) (held int64) {
	rcv := newReceiver(r, 1<<20, 1<<20)
	for {
		m, err := rcv.next()
		if err != nil {
			return held
		}
		held = max(held, rcv.held+int64(len(m.body)))
	}
}

// Recode decodes data as each body that there is, and encodes what it was.
func Recode(data []byte) (first, again [][]byte) {
	code := func(data []byte) (out [][]byte) {
		add := func(decode func(*decoder), encode func(*encoder)) {
			d := &decoder{buf: data}
			decode(d)
			var e encoder
			if d.end() == nil {
				encode(&e)
			}
			out = append(out, e.buf)
		}
		var (
			load  loadAnswer
			many  manyAnswer
			scan  scanAnswer
			count countAnswer
			bytes bytesAnswer
			wa    writeAnswer
			keys  []string
			r     tier.Range
			g     greeting
			w     welcome
		)
		wr := writeRequest{maxBytes: 1 << 20}
		add(load.decode, load.encode)
		add(many.decode, many.encode)
		add(scan.decode, scan.encode)
		add(count.decode, count.encode)
		add(bytes.decode, bytes.encode)
		add(wr.decode, wr.encode)
		add(wa.decode, wa.encode)
		add(func(d *decoder) { keys = d.keys() }, func(e *encoder) { e.keys(keys) })
		add(func(d *decoder) { r = d.scanRange() }, func(e *encoder) { e.scanRange(r) })
		add(func(d *decoder) {
			if g, d.err = decodeGreeting(d.buf); d.err == nil {
				d.buf = nil
			}
		}, func(e *encoder) { e.buf = g.encode() })
		add(func(d *decoder) {
			if w, d.err = decodeWelcome(d.buf); d.err == nil {
				d.buf = nil
			}
		}, func(e *encoder) { e.buf = w.encode() })
		return out
	}
	first = code(data)
	for i, body := range first {
		if body == nil {
			again = append(again, nil)
			continue
		}
		again = append(again, code(body)[i])
	}
	return first, again
}

// Bodies are some of each kind, for a fuzzer to begin with.
func Bodies() [][]byte {
	rec := tier.Record{Key: "key", Frame: []byte("frame"), Head: tier.Head{Version: 1 << 40, Deadline: -1, RawLen: 5, FrameLen: 5}}
	op := tier.Op{Kind: tier.OpSet, Key: "key", If: true, Expect: 9, Frame: []byte("frame"), RawLen: 5, Life: tier.Life{TTL: time.Second, Keep: true}}
	bodies := [][]byte{nil, LoadBody("key"), ManyBody([]string{"", "a"}), WriteBody(3, op, op)}
	for _, encode := range []func(*encoder){
		(&loadAnswer{rec: rec, found: true}).encode, (&loadAnswer{err: tier.ErrCorrupt}).encode, (&manyAnswer{recs: []tier.Record{rec, {}}}).encode,
		(&scanAnswer{recs: []tier.Record{rec}, next: "key\x00", more: true, err: unavailable(tier.ErrCorrupt)}).encode,
		(&countAnswer{n: 3}).encode, (&bytesAnswer{bytes: []byte("stats")}).encode,
		(&writeAnswer{results: []tier.Result{{Own: true, Tag: 7}, {Err: tier.ErrVersion, Current: rec}}, err: tier.ErrVersion}).encode,
		func(e *encoder) { e.scanRange(tier.Range{Prefix: "p", From: "pa", Records: 5, MaxBytes: 6}) },
		func(e *encoder) { e.buf = (&greeting{newest: 2, oldest: 1}).encode() },
		func(e *encoder) {
			e.buf = (&welcome{version: 2, requests: 1, messageBytes: 1, windowBytes: 1, hello: Hello{Place: "/dev/shm", PID: os.Getpid()}}).encode()
		},
	} {
		var e encoder
		encode(&e)
		bodies = append(bodies, e.buf)
	}
	return bodies
}

// Cut breaks a follower's connection, as if the owner had died.
func (n *Node) Cut() { _ = n.state.Load().link.conn.Close() }

// InWork is how many writes of followers an owner has in work.
func (n *Node) InWork() int {
	s := n.state.Load().server
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.writes)
}

// Joined is how many further sendings wait for writes in work at an owner.
func (n *Node) Joined() (joined int) {
	s := n.state.Load().server
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.writes {
		joined += w.joined
	}
	return joined
}

// Queued is how many bytes of answers an owner's followers have not read.
func (n *Node) Queued() (bytes int64) {
	s := n.state.Load().server
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.clients {
		p.out.mu.Lock()
		bytes += p.out.queued
		p.out.mu.Unlock()
	}
	return bytes
}
