//go:build linux || darwin

package host_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/stratakv/strata/host"
	"github.com/stratakv/strata/tiered/tier"
)

// logs collects log lines.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logs) lines() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Count(l.buf.Bytes(), []byte("\n"))
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// options are those of a node over s.
func options(s toyStore) *host.Options {
	return &host.Options{Own: s.own, Logger: slog.New(slog.NewTextHandler(new(logs), nil))}
}

func open(t testing.TB, s toyStore, o *host.Options) *host.Node {
	t.Helper()
	n, err := host.Open(t.Context(), s.dir, o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return n
}

// pair opens an owner and a follower of s.
func pair(t testing.TB, s toyStore) (owner, follower *host.Node) {
	t.Helper()
	owner, follower = open(t, s, options(s)), open(t, s, options(s))
	if o, f := owner.Status().Role, follower.Status().Role; o != host.RoleOwner || f != host.RoleFollower {
		t.Fatalf("roles: got %v and %v, want owner and follower", o, f)
	}
	return owner, follower
}

func set(key, frame string) tier.Op {
	return tier.Op{Kind: tier.OpSet, Key: key, Frame: []byte(frame), RawLen: len(frame)}
}

// eventually waits until ok, which it asks every millisecond.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for !ok() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}

// A follower's calls give what the owner's give.
func TestFollowerIsAsTheOwner(t *testing.T) {
	owner, follower := pair(t, toyStore{dir: t.TempDir()})
	ctx := t.Context()
	ops := []tier.Op{set("a", "one"), set("b", "two"), {Kind: tier.OpDelete, Key: "z"}, set("", "empty key")}
	ops[0].Life.Deadline = 1 << 60
	results, err := follower.Write(ctx, ops)
	if err != nil || len(results) != 4 || !results[3].Own || results[3].Tag != results[3].Version || results[0].Deadline != 1<<60 {
		t.Fatalf("write: got %+v, %v", results, err)
	}
	refusal := []tier.Op{{Kind: tier.OpCheck, Key: "a", Expect: results[0].Version}, {Kind: tier.OpSet, Key: "b", Frame: []byte("x"), If: true, Expect: 1}}
	for _, c := range []struct {
		name string
		call func(n *host.Node) []any
	}{
		{"load", func(n *host.Node) []any { rec, found, err := n.Load(ctx, "a"); return []any{rec, found, err} }},
		{"load absent", func(n *host.Node) []any { rec, found, err := n.Load(ctx, "none"); return []any{rec, found, err} }},
		{"load empty key", func(n *host.Node) []any { rec, found, err := n.Load(ctx, ""); return []any{rec, found, err} }},
		{"load many", func(n *host.Node) []any {
			recs, err := n.LoadMany(ctx, []string{"a", "none", "b"})
			return []any{recs, err}
		}},
		{"scan", func(n *host.Node) []any {
			recs, next, more, err := n.Scan(ctx, tier.Range{Records: 2, MaxBytes: 1000})
			return []any{recs, next, more, err}
		}},
		{"refused", func(n *host.Node) []any { res, err := n.Write(ctx, refusal); return []any{res, err} }},
		{"stats", func(n *host.Node) []any { b, err := n.Stats(ctx); return []any{b, err} }},
		{"dictionary", func(n *host.Node) []any { b, err := n.Dictionary(ctx, 1<<31); return []any{b, err} }},
		{"no dictionary", func(n *host.Node) []any { b, err := n.Dictionary(ctx, 1); return []any{b, err} }},
		{"hello", func(n *host.Node) []any {
			return []any{n.Status().Hello.Stamp, n.Status().Hello.Extra, n.Status().Hello.PID}
		}},
		{"delete expired", func(n *host.Node) []any { count, err := n.DeleteExpired(ctx); return []any{count, err} }},
	} {
		if got, want := c.call(follower), c.call(owner); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", c.name, got, want)
		}
	}
}

// Invariant 7.
func TestErrorsCross(t *testing.T) {
	_, follower := pair(t, toyStore{dir: t.TempDir()})
	for i, told := range toyTold {
		_, err := follower.Write(t.Context(), []tier.Op{set("error:"+string(rune('a'+i)), "")})
		if err == nil || err.Error() != told.Error() {
			t.Errorf("got %v, want %v", err, told)
		}
		for _, sentinel := range toyTold[:11] {
			if got, want := errors.Is(err, sentinel), errors.Is(told, sentinel); got != want {
				t.Errorf("%v is %v: got %v, want %v", err, sentinel, got, want)
			}
		}
	}
}

// A LoadMany of more than one answer holds, and a scan of many chunks.
func TestManyRecords(t *testing.T) {
	_, follower := pair(t, toyStore{dir: t.TempDir()})
	const count = 1000
	keys := make([]string, count)
	ops := make([]tier.Op, count)
	for i := range ops {
		keys[i] = fmt.Sprintf("key%04d", i)
		ops[i] = set(keys[i], string(bytes.Repeat([]byte{byte(i)}, 5000)))
	}
	if _, err := follower.Write(t.Context(), ops); err != nil {
		t.Fatal(err)
	}
	recs, err := follower.LoadMany(t.Context(), keys)
	if err != nil || len(recs) != count {
		t.Fatalf("got %d records, %v, want %d", len(recs), err, count)
	}
	r := tier.Range{Prefix: "key", Records: 5000, MaxBytes: 1 << 30}
	var scanned []tier.Record
	for more := true; more; {
		var some []tier.Record
		if some, r.From, more, err = follower.Scan(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		scanned = append(scanned, some...)
	}
	if !reflect.DeepEqual(scanned, recs) {
		t.Errorf("scan and load many differ: %d and %d records", len(scanned), len(recs))
	}
}

func TestRoles(t *testing.T) {
	s := toyStore{dir: t.TempDir()}
	alone := options(s)
	alone.Role, alone.Limits.Answer = host.RoleFollower, 50*time.Millisecond
	if _, err := host.Open(t.Context(), s.dir, alone); !errors.Is(err, tier.ErrUnavailable) {
		t.Errorf("a follower without an owner: got %v, want ErrUnavailable", err)
	}
	owner := open(t, s, options(s))
	second := options(s)
	second.Role = host.RoleOwner
	if _, err := host.Open(t.Context(), s.dir, second); !errors.Is(err, tier.ErrLocked) {
		t.Errorf("a second owner: got %v, want ErrLocked", err)
	}
	never := options(s)
	never.Role, never.Own = host.RoleFollower, nil
	follower := open(t, s, never)
	if err := owner.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, _, err := follower.Load(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a load without an owner: got %v, want the context's error", err)
	}
	open(t, s, options(s))
	if _, _, err := follower.Load(t.Context(), "a"); err != nil {
		t.Errorf("a load of the next owner: got %v", err)
	}
	if _, err := host.Open(t.Context(), s.dir, &host.Options{Role: 9, Limits: host.Limits{Followers: -1}}); err == nil {
		t.Error("wrong options: got nil")
	}
}

// An unbound socket beside a held lock, as of a tool that has the directory.
func TestLockedWithoutSocket(t *testing.T) {
	s := toyStore{dir: t.TempDir()}
	held, err := s.own(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	o := options(s)
	o.Limits.Answer = 50 * time.Millisecond
	if _, err := host.Open(t.Context(), s.dir, o); !errors.Is(err, tier.ErrLocked) {
		t.Errorf("got %v, want ErrLocked", err)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	broken := options(s)
	cause := errors.New("the disk is gone")
	broken.Own = func(context.Context) (host.Owned, error) { return nil, cause }
	if _, err := host.Open(t.Context(), s.dir, broken); !errors.Is(err, cause) {
		t.Errorf("got %v, want %v", err, cause)
	}
}

func TestClosed(t *testing.T) {
	s := toyStore{dir: t.TempDir()}
	for _, n := range []*host.Node{open(t, s, options(s)), open(t, s, options(s))} {
		for range 2 {
			if err := n.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		}
		if _, _, err := n.Load(t.Context(), "a"); !errors.Is(err, tier.ErrClosed) {
			t.Errorf("load after close: got %v, want ErrClosed", err)
		}
		if _, err := n.Write(t.Context(), []tier.Op{set("a", "")}); !errors.Is(err, tier.ErrClosed) {
			t.Errorf("write after close: got %v, want ErrClosed", err)
		}
	}
	if entries, err := os.ReadDir(s.dir); err != nil || len(entries) != 2 {
		t.Errorf("left in the directory: got %v, %v, want LOCK and log alone", entries, err)
	}
}
