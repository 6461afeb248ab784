//go:build linux || darwin

package host_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stratakv/strata/host"
	"github.com/stratakv/strata/tiered/tier"
)

// Guarantee 5: the goodbye comes after the last byte of the answers, long ones
// too. Before it, their writes would pass for not begun and be done twice.
func TestGoodbyeIsTheLastWord(t *testing.T) {
	entered := make(chan bool, 1)
	s := toyStore{dir: t.TempDir(), silent: true, before: func(context.Context) error {
		entered <- true
		return nil
	}}
	owner, err := host.Open(t.Context(), s.dir, options(s))
	if err != nil {
		t.Fatal(err)
	}
	r := greeted(t, s.dir, 9)
	ops := make([]tier.Op, 200_000) // the answer takes more than a socket holds
	for i := range ops {
		ops[i] = set(fmt.Sprint(i), "v")
	}
	host.NewSender(r.Conn).Push(host.KindWrite, 1, host.WriteBody(1, ops...))
	<-entered
	closed := make(chan error, 1)
	go func() { closed <- owner.Close() }()
	k, _, answer, err := r.Next()
	if err != nil || k != host.KindAnswer {
		t.Fatalf("got kind %d, %v first, want the answer", k, err)
	}
	if results, err := host.WriteAnswer(answer); err != nil || len(results) != len(ops) {
		t.Errorf("got %d results, %v, want %d", len(results), err, len(ops))
	}
	if k, _, _, err := r.Next(); err != nil || k != host.KindBye {
		t.Errorf("got kind %d, %v last, want the goodbye", k, err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

// Guarantee 5 beside a follower that does not read: the others do not wait for
// Limits.Drop.
func TestCloseBesideOneThatDoesNotRead(t *testing.T) {
	s := toyStore{dir: t.TempDir()}
	o := options(s)
	o.Limits.Drop, o.Limits.QueueBytes = time.Minute, 1<<20
	owner, err := host.Open(t.Context(), s.dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := owner.Write(t.Context(), []tier.Op{{Kind: tier.OpSet, Key: "big", Frame: make([]byte, 256<<10), RawLen: 256 << 10}}); err != nil {
		t.Fatal(err)
	}
	r := greeted(t, s.dir, 9)
	for i := range uint64(64) {
		send(t, r, host.Frame(host.KindLoad, i, host.LoadBody("big")))
	}
	eventually(t, "answers wait to be read", func() bool { return owner.Queued() > 4<<20 })
	closed := make(chan error, 1)
	go func() { closed <- owner.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the owner does not end")
	}
}

// Guarantee 8: answers without a body are held back as others are.
func TestPingsAreAnsweredToWhoReads(t *testing.T) {
	s := toyStore{dir: t.TempDir()}
	o := options(s)
	o.Limits.Drop, o.Limits.QueueBytes = time.Minute, 1<<20
	owner := open(t, s, o)
	r := greeted(t, s.dir, 9)
	pings := bytes.Repeat(host.Frame(host.KindPing, 0, nil), 4096)
	ended := make(chan bool)
	go func() {
		defer close(ended)
		for range 64 {
			if _, err := r.Write(pings); err != nil {
				return
			}
		}
	}()
	eventually(t, "pongs wait to be read", func() bool { return owner.Queued() > o.Limits.QueueBytes })
	if got, most := owner.Queued(), o.Limits.QueueBytes+1<<10; got > most {
		t.Errorf("got %d bytes in the queue, want at most %d", got, most)
	}
	_ = r.Close()
	<-ended
}

// Peer invariant 1: who writes and does not read is not served further, and is
// when it reads.
func TestWritesOfOneThatDoesNotRead(t *testing.T) {
	const size, enough = 60 << 10, 500
	entered := make(chan bool, enough)
	s := toyStore{dir: t.TempDir(), silent: true, before: func(context.Context) error {
		entered <- true
		return nil
	}}
	o := options(s)
	o.Limits.Drop, o.Limits.QueueBytes, o.Limits.Requests = time.Minute, 1<<20, 32
	open(t, s, o)
	r := greeted(t, s.dir, 9)
	send(t, r, host.Frame(host.KindWrite, 0, host.WriteBody(1, tier.Op{Kind: tier.OpSet, Key: "k", Frame: make([]byte, size), RawLen: size})))
	<-entered
	refused := tier.Op{Kind: tier.OpDelete, Key: "k", If: true, Expect: 99} // the answer has the record
	sent := uint64(0)
	for held := false; !held; {
		sent++
		send(t, r, host.Frame(host.KindWrite, sent, host.WriteBody(1+sent, refused)))
		select {
		case <-entered:
		case <-time.After(time.Second):
			held = true
		}
		if sent == enough {
			t.Fatalf("%d writes were begun, whose answers of %d bytes nobody reads", sent, size)
		}
	}
	for n := range sent + 1 {
		if k, _, _, err := r.Next(); err != nil || k != host.KindAnswer {
			t.Fatalf("answer %d: got kind %d, %v", n, k, err)
		}
	}
}
