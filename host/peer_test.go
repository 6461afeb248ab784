//go:build linux || darwin

package host_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stratakv/strata/host"
	"github.com/stratakv/strata/tiered/tier"
)

func dialRaw(t testing.TB, dir string) *host.Raw {
	t.Helper()
	r, err := host.DialRaw(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// greeted is a raw peer that was let in.
func greeted(t testing.TB, dir string, client byte) *host.Raw {
	t.Helper()
	r := dialRaw(t, dir)
	if k, err := r.Greet(client); err != nil || k == host.KindRefusal {
		t.Fatalf("greeting: got kind %d, %v", k, err)
	}
	return r
}

func send(t testing.TB, r *host.Raw, frames ...[]byte) {
	t.Helper()
	for _, f := range frames {
		if _, err := r.Write(f); err != nil {
			t.Fatal(err)
		}
	}
}

// dropped waits until the owner has ended the connection.
func dropped(t testing.TB, r *host.Raw) {
	t.Helper()
	_ = r.SetReadDeadline(time.Now().Add(10 * time.Second))
	var timeout net.Error
	if _, err := io.Copy(io.Discard, r.Conn); errors.As(err, &timeout) && timeout.Timeout() {
		t.Error("the peer was not dropped")
	}
}

// Guarantee 8.
func TestBadPeers(t *testing.T) {
	huge := binary.LittleEndian.AppendUint32(nil, 1<<31)
	part := make([]byte, host.PartBytes)
	load := host.Frame(host.KindLoad, 1, host.LoadBody("key"))
	damaged := bytes.Clone(load)
	damaged[len(damaged)-1] ^= 1
	flags := bytes.Clone(load)
	flags[17] = 0x80
	long := make([][]byte, 20)
	for i := range long {
		long[i] = host.Frame(host.KindWrite, 1, part, true)
	}
	many := make([][]byte, 5)
	for i := range many {
		many[i] = host.Frame(host.KindWrite, uint64(i), host.WriteBody(uint64(i+1), set("wait", "")))
	}
	for _, c := range []struct {
		name   string
		greet  bool
		frames [][]byte
		stays  bool // the peer is not dropped at once
	}{
		{name: "garbage", frames: [][]byte{bytes.Repeat([]byte("garbage "), 100)}},
		{name: "http", frames: [][]byte{[]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")}},
		{name: "no greeting", frames: [][]byte{load}},
		{name: "wrong magic", frames: [][]byte{host.Frame(1, 0, []byte("\x05redis"))}},
		{name: "huge greeting", frames: [][]byte{append(huge, make([]byte, 16)...)}},
		{name: "huge frame", greet: true, frames: [][]byte{append(huge, make([]byte, 16)...)}},
		{name: "half a head", greet: true, frames: [][]byte{load[:7]}, stays: true},
		{name: "half a body", greet: true, frames: [][]byte{load[:22]}, stays: true},
		{name: "checksum", greet: true, frames: [][]byte{damaged}},
		{name: "flags", greet: true, frames: [][]byte{flags}},
		{name: "unknown kind", greet: true, frames: [][]byte{host.Frame(200, 1, nil)}},
		{name: "an answer", greet: true, frames: [][]byte{host.Frame(host.KindAnswer, 1, nil)}},
		{name: "another greeting", greet: true, frames: [][]byte{host.Frame(1, 1, nil)}},
		{name: "a short part", greet: true, frames: [][]byte{host.Frame(host.KindWrite, 1, part[:9], true)}},
		{name: "another kind", greet: true, frames: [][]byte{host.Frame(host.KindWrite, 1, part, true), load}},
		{name: "a message too long", greet: true, frames: long},
		{name: "an unreadable load", greet: true, frames: [][]byte{host.Frame(host.KindLoad, 1, []byte{200})}},
		{name: "an unreadable write", greet: true, frames: [][]byte{host.Frame(host.KindWrite, 1, []byte{1, 1, 0, 0, 255, 255, 3})}},
		{name: "a write without a number", greet: true, frames: [][]byte{host.Frame(host.KindWrite, 1, host.WriteBody(0, set("a", "")))}},
		{name: "too many keys", greet: true, frames: [][]byte{host.Frame(host.KindMany, 1, host.ManyBody(make([]string, 300)))}},
		{name: "too many requests", greet: true, frames: many},
		{name: "an id twice", greet: true, frames: [][]byte{many[0], many[0]}},
	} {
		t.Run(c.name, func(t *testing.T) {
			gate := make(chan struct{}) // nothing is answered to the peer before it went
			s := toyStore{dir: t.TempDir(), before: func(ctx context.Context) error {
				select {
				case <-ctx.Done():
				case <-gate:
				}
				return nil
			}}
			lines := new(logs)
			o := options(s)
			o.Logger = slog.New(slog.NewTextHandler(lines, nil))
			o.Limits.Requests, o.Limits.MessageBytes, o.Limits.WindowBytes = 4, 1<<20, 1<<20
			open(t, s, o)
			good := open(t, s, options(s))
			for range 3 {
				r := dialRaw(t, s.dir)
				if c.greet {
					if k, err := r.Greet(9); err != nil || k == host.KindRefusal {
						t.Fatalf("greeting: got kind %d, %v", k, err)
					}
				}
				for _, f := range c.frames {
					if _, err := r.Write(f); err != nil {
						break // dropped already
					}
				}
				if !c.stays {
					dropped(t, r)
				}
			}
			close(gate)
			if _, err := good.Write(t.Context(), []tier.Op{set("good", "v")}); err != nil {
				t.Errorf("another follower is disturbed: %v", err)
			}
			if n := lines.lines(); n > 1 || n == 0 && !c.stays {
				t.Errorf("got %d lines, want one at most:\n%s", n, lines)
			}
		})
	}
}

// Guarantee 8: who does not read is dropped, and holds up nobody.
func TestPeerThatNeverReads(t *testing.T) {
	s := toyStore{dir: t.TempDir()}
	o := options(s)
	o.Limits.Drop, o.Limits.QueueBytes = time.Second, 1<<20
	owner := open(t, s, o)
	good := open(t, s, options(s))
	if _, err := owner.Write(t.Context(), []tier.Op{{Kind: tier.OpSet, Key: "big", Frame: make([]byte, 256<<10), RawLen: 256 << 10}}); err != nil {
		t.Fatal(err)
	}
	r := greeted(t, s.dir, 9)
	for i := range uint64(200) {
		send(t, r, host.Frame(host.KindLoad, i, host.LoadBody("big")))
	}
	if _, found, err := good.Load(t.Context(), "big"); err != nil || !found {
		t.Errorf("another follower is disturbed: %v", err)
	}
	eventually(t, "the peer is dropped", func() bool { return owner.Status().Followers == 1 })
}

// Versions that do not meet are refused with words.
func TestVersionsThatDoNotMeet(t *testing.T) {
	s := toyStore{dir: t.TempDir()}
	open(t, s, options(s))
	for _, c := range []struct {
		newest, oldest uint64
		refused        bool
	}{{host.Newest + 1, host.Newest + 1, true}, {0, 0, true}, {host.Newest + 5, 1, false}, {1, 1, false}} {
		k, err := dialRaw(t, s.dir).Greet(9, c.newest, c.oldest)
		if err != nil || (k == host.KindRefusal) != c.refused {
			t.Errorf("versions %d to %d: got kind %d, %v, want refused %v", c.oldest, c.newest, k, err, c.refused)
		}
	}
}

func TestTooManyFollowers(t *testing.T) {
	s := toyStore{dir: t.TempDir()}
	o := options(s)
	o.Limits.Followers = 1
	open(t, s, o)
	open(t, s, options(s))
	if _, err := host.Open(t.Context(), s.dir, options(s)); !errors.Is(err, tier.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}

// Server invariant 2: two sendings of one write are judged once.
func TestOneTicketIsJudgedOnce(t *testing.T) {
	var calls atomic.Int64
	entered, gate := make(chan bool, 10), make(chan bool)
	s := toyStore{dir: t.TempDir(), forgetful: true, before: func(context.Context) error {
		calls.Add(1)
		entered <- true
		<-gate
		return nil
	}}
	owner := open(t, s, options(s))
	r := greeted(t, s.dir, 9)
	body := host.WriteBody(5, set("a", "v"))
	send(t, r, host.Frame(host.KindWrite, 1, body))
	<-entered
	again := greeted(t, s.dir, 9) // the same client
	send(t, again, host.Frame(host.KindWrite, 1, body))
	eventually(t, "the second sending waits for the first", func() bool { return owner.Joined() == 1 })
	close(gate)
	k, _, answer, err := again.Next()
	if err != nil || k != host.KindAnswer {
		t.Fatalf("got kind %d, %v, want an answer", k, err)
	}
	results, err := host.WriteAnswer(answer)
	if err != nil || len(results) != 1 || results[0].Version != 1 || calls.Load() != 1 {
		t.Errorf("got %+v, %v in %d calls, want version 1 in one", results, err, calls.Load())
	}
	dropped(t, r)
}

// Guarantee 6 with a context: a write that was sent is unknown, and its work
// is told; one that waits for its turn was not sent.
func TestContextsEnd(t *testing.T) {
	entered, told := make(chan bool), make(chan bool)
	s := toyStore{dir: t.TempDir(), before: func(ctx context.Context) error {
		entered <- true
		<-ctx.Done()
		told <- true
		return ctx.Err()
	}}
	o := options(s)
	o.Limits.Requests = 1
	open(t, s, o)
	follower := open(t, s, options(s))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := follower.Write(ctx, []tier.Op{set("a", "v")})
		ended <- err
	}()
	<-entered
	second, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer stop()
	if _, err := follower.Write(second, []tier.Op{set("b", "v")}); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, tier.ErrUnknownOutcome) {
		t.Errorf("a write that waits for its turn: got %v, want the context's error alone", err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, tier.ErrUnknownOutcome) || !errors.Is(err, context.Canceled) {
		t.Errorf("a write that was sent: got %v, want ErrUnknownOutcome and the context's", err)
	}
	<-told
}

// DeleteExpired lasts as long as it lasts while the owner lives.
func TestLongCallsListen(t *testing.T) {
	s := toyStore{dir: t.TempDir(), before: func(context.Context) error {
		<-time.After(1200 * time.Millisecond)
		return nil
	}}
	open(t, s, options(s))
	o := options(s)
	o.Limits.Answer = 500 * time.Millisecond
	follower := open(t, s, o)
	if _, err := follower.DeleteExpired(t.Context()); err != nil {
		t.Errorf("delete expired: %v", err)
	}
	if _, err := follower.Write(t.Context(), []tier.Op{set("a", "v")}); !errors.Is(err, tier.ErrUnknownOutcome) {
		t.Errorf("a write beyond the limit: got %v, want ErrUnknownOutcome", err)
	}
}

// A write that was applied, whose answer was lost and whose memory is
// forgotten, is of unknown outcome, and applied once.
func TestForgottenWriteIsUnknown(t *testing.T) {
	entered, gate := make(chan bool), make(chan bool)
	s := toyStore{dir: t.TempDir(), forgetful: true, after: func(context.Context) error {
		entered <- true
		<-gate
		return nil
	}}
	owner := open(t, s, options(s))
	o := options(s)
	o.Role, o.Follow = host.RoleFollower, func(host.Hello) error {
		eventually(t, "the first sending is done", func() bool { return owner.InWork() == 0 })
		return nil
	}
	follower := open(t, s, o)
	ended := make(chan error, 1)
	go func() {
		_, err := follower.Write(t.Context(), []tier.Op{set("a", "v")})
		ended <- err
	}()
	<-entered
	follower.Cut()
	close(gate)
	if err := <-ended; !errors.Is(err, tier.ErrUnknownOutcome) {
		t.Errorf("got %v, want ErrUnknownOutcome", err)
	}
	if got := applied(t, s.dir)["a"]; got != 1 || follower.Status().Resent != 1 {
		t.Errorf("applied %d times in %d more sendings, want once and 1", got, follower.Status().Resent)
	}
}

// A large message does not hold up small ones.
func TestLargeMessagesGoInParts(t *testing.T) {
	here, there := net.Pipe()
	s := host.NewSender(here)
	defer s.End()
	s.Push(host.KindAnswer, 1, make([]byte, 8<<20))
	one := make([]byte, 1)
	if _, err := io.ReadFull(there, one); err != nil { // the first part is on its way
		t.Fatal(err)
	}
	s.Push(host.KindAnswer, 2, []byte("small"))
	read := int64(1)
	r := host.NewRaw(struct {
		net.Conn
	}{prefixed{there, bytes.NewReader(one), &read}})
	_, id, _, err := r.Next()
	if err != nil || id != 2 || read > 1<<20 {
		t.Fatalf("got message %d after %d bytes, %v, want the small one soon", id, read, err)
	}
	_, id, body, err := r.Next()
	if err != nil || id != 1 || len(body) != 8<<20 {
		t.Errorf("got message %d of %d bytes, %v", id, len(body), err)
	}
}

// prefixed is a connection that begins with some bytes, and counts.
type prefixed struct {
	net.Conn
	first *bytes.Reader
	read  *int64
}

func (p prefixed) Read(b []byte) (int, error) {
	if p.first.Len() > 0 {
		return p.first.Read(b)
	}
	n, err := p.Conn.Read(b)
	*p.read += int64(n)
	return n, err
}

// Values far above a frame come whole, in both directions, and one that the
// owner does not take is ErrTooLarge.
func TestLargeValues(t *testing.T) {
	s := toyStore{dir: t.TempDir()}
	o := options(s)
	o.Limits.MessageBytes, o.Limits.WindowBytes = 8<<20, 2<<20
	open(t, s, o)
	follower := open(t, s, options(s))
	errs := make(chan error)
	for i := range 4 {
		go func() {
			key, frame := fmt.Sprint(i), bytes.Repeat([]byte{byte(i)}, 1<<20+i<<21)
			_, err := follower.Write(t.Context(), []tier.Op{{Kind: tier.OpSet, Key: key, Frame: frame, RawLen: len(frame)}})
			if err != nil {
				errs <- err
				return
			}
			rec, _, err := follower.Load(t.Context(), key)
			if err == nil && !bytes.Equal(rec.Frame, frame) {
				err = fmt.Errorf("got another value back, of %d bytes", len(rec.Frame))
			}
			errs <- err
		}()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	_, err := follower.Write(t.Context(), []tier.Op{{Kind: tier.OpSet, Key: "k", Frame: make([]byte, 8<<20)}})
	if !errors.Is(err, tier.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}

func TestTickets(t *testing.T) {
	var ts host.Tickets
	for i := range uint64(5) {
		if got := ts.Next(); got != i+1 {
			t.Errorf("got %d, want %d", got, i+1)
		}
	}
	for _, c := range []struct{ done, low uint64 }{{2, 1}, {3, 1}, {1, 4}, {5, 4}, {4, 6}} {
		ts.Done(c.done)
		if got := ts.Lowest(); got != c.low {
			t.Errorf("after %d: got low %d, want %d", c.done, got, c.low)
		}
	}
	if got := ts.Next(); got != 6 {
		t.Errorf("got %d, want 6", got)
	}
}

// leaver is a toy whose writes go on when their context has ended, as those of a
// group that is being synced.
type leaver struct {
	*toy
	begun chan []tier.Op
}

func (l leaver) Post([]*host.Posted) int { return 0 }

func (l leaver) WriteOnce(ctx context.Context, _ host.Attempt, ops []tier.Op) ([]tier.Result, error) {
	l.begun <- ops
	<-ctx.Done()
	return nil, errors.Join(tier.ErrUnknownOutcome, ctx.Err())
}

// TestWhatGoesOnKeepsItsOps: the ops of a write whose follower has given up are
// those of no other one.
func TestWhatGoesOnKeepsItsOps(t *testing.T) {
	s := toyStore{dir: t.TempDir()}
	begun := make(chan []tier.Op, 1)
	o := options(s)
	o.Own = func(ctx context.Context) (host.Owned, error) {
		owned, err := s.own(ctx)
		if err != nil {
			return nil, err
		}
		return leaver{owned.(*toy), begun}, nil
	}
	open(t, s, o)
	r := greeted(t, s.dir, 1)
	var first []tier.Op
	for id := range uint64(20) {
		key := fmt.Sprint("key", id)
		send(t, r, host.Frame(host.KindWrite, id+1, host.WriteBody(id+1, set(key, "frame"))))
		ops := <-begun
		if first == nil {
			first = ops
		}
		got, gotFirst := ops[0].Key, first[0].Key
		send(t, r, host.Frame(host.KindCancel, id+1, nil))
		if k, answered, _, err := r.Next(); err != nil || k != host.KindAnswer || answered != id+1 {
			t.Fatalf("answer: got kind %d of %d, %v", k, answered, err)
		}
		if got != key || gotFirst != "key0" {
			t.Fatalf("write %d: got key %q, and %q of the first, want %q and key0", id, got, gotFirst, key)
		}
	}
}
