//go:build linux || darwin

package host_test

import (
	"bytes"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/stratakv/strata/host"
)

// connected are the ends of a connection.
func connected(t *testing.T) (here, there net.Conn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]net.Conn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "end")
		if ends[i], err = net.FileConn(f); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
		t.Cleanup(func() { _ = ends[i].Close() })
	}
	return ends[0], ends[1]
}

// Sender invariants 1, 5 and 6: what is released goes as far as the connection
// takes it, and the rest in its order, with what is pushed meanwhile.
func TestReleaseLeavesTheRestToTheGoroutine(t *testing.T) {
	here, there := connected(t)
	s := host.NewSender(here)
	defer s.End()
	const count, size = 200, 30 << 10 // more than a socket holds
	s.Hold()
	for i := range uint64(count) {
		s.Push(host.KindAnswer, i, bytes.Repeat([]byte{byte(i)}, size))
	}
	if got := s.Queued(); got < count*size {
		t.Fatalf("held: got %d bytes in the queue, want all", got)
	}
	s.Release()
	s.Push(host.KindAnswer, count, nil)
	r := host.NewRaw(there)
	for i := range uint64(count + 1) {
		_, id, body, err := r.Next()
		if err != nil || id != i || len(body) > 0 && body[size-1] != byte(i) {
			t.Fatalf("got message %d, %v, want %d", id, err, i)
		}
	}
	if got := s.Queued(); got != 0 {
		t.Errorf("got %d bytes in the queue, want none", got)
	}
}

// Sender invariant 2: a release goes on where a write was cut off, or leaves it to
// the goroutine.
func TestReleaseGoesOnWhereItWasCutOff(t *testing.T) {
	here, there := connected(t)
	if err := here.(*net.UnixConn).SetWriteBuffer(32 << 10); err != nil {
		t.Fatal(err)
	}
	s := host.NewStillSender(here)   // else its goroutine would have the rest at once
	const count, size = 20, 10 << 10 // in one batch
	s.Hold()
	for i := range uint64(count) {
		s.Push(host.KindAnswer, i, bytes.Repeat([]byte{byte(i)}, size))
	}
	s.Release()
	first := drain(t, there)
	if len(first) == 0 || len(first) >= count*size {
		t.Fatalf("the connection took %d bytes at once, want some", len(first))
	}
	s.Hold()
	s.Release() // with room for more
	s.Start()
	defer s.End()
	read := int64(0)
	r := host.NewRaw(struct{ net.Conn }{prefixed{there, bytes.NewReader(first), &read}})
	for i := range uint64(count) {
		_, id, body, err := r.Next()
		if err != nil || id != i || !bytes.Equal(body, bytes.Repeat([]byte{byte(i)}, size)) {
			t.Fatalf("got message %d of %d bytes, %v, want %d", id, len(body), err, i)
		}
	}
}

// drain reads what has come, and waits for nothing.
func drain(t *testing.T, conn net.Conn) (all []byte) {
	t.Helper()
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64<<10)
	for more := true; more && err == nil; {
		err = raw.Read(func(fd uintptr) bool {
			n, err := syscall.Read(int(fd), buf)
			if more = err == nil && n > 0; more {
				all = append(all, buf[:n]...)
			}
			return true
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Sender invariant 6: what is pushed between a hold and its release is written by
// the release, also where another one holds on.
func TestTheLastReleaseWrites(t *testing.T) {
	here, there := connected(t)
	s := host.NewSender(here)
	defer s.End()
	s.Hold()
	s.Hold()
	s.Push(host.KindAnswer, 1, []byte("one"))
	s.Release()
	if got := s.Queued(); got == 0 {
		t.Error("the first release has written")
	}
	s.Push(host.KindAnswer, 2, []byte("two"))
	s.Release()
	if got := s.Queued(); got != 0 {
		t.Errorf("got %d bytes in the queue after the last release, want none", got)
	}
	r := host.NewRaw(there)
	for want := range uint64(2) {
		if _, id, _, err := r.Next(); err != nil || id != want+1 {
			t.Fatalf("got message %d, %v, want %d", id, err, want+1)
		}
	}
}

// Sender invariant 2: one that is withdrawn is not sent, and those around it are
// whole.
func TestWithdrawnIsNotSent(t *testing.T) {
	here, there := connected(t)
	s := host.NewSender(here)
	defer s.End()
	s.Hold()
	for i := range uint64(4) {
		s.Push(host.KindLoad, i, bytes.Repeat([]byte{byte(i)}, 100+int(i)))
	}
	if !s.Withdraw(1) || s.Withdraw(1) || !s.Withdraw(2) {
		t.Error("withdraw: want once, and then not again")
	}
	s.Release()
	r := host.NewRaw(there)
	for _, want := range []uint64{0, 3} {
		_, id, body, err := r.Next()
		if err != nil || id != want || len(body) != 100+int(want) {
			t.Fatalf("got message %d of %d bytes, %v, want %d", id, len(body), err, want)
		}
	}
	if s.Withdraw(3) {
		t.Error("one that was sent was withdrawn")
	}
	if got := s.Queued(); got != 0 {
		t.Errorf("got %d bytes in the queue, want none", got)
	}
}
