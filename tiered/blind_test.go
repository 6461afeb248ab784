//go:build !wasm

package tiered_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stratakv/strata/tiered"
)

// blindKeys are enough for the committer to leave out heads.
const blindKeys = 40

func blindKey(i int) string { return fmt.Sprintf("key %02d", i) }

// setAll sets all keys in one batch, each to its value, and lets more see to
// the rest of it.
func setAll(t *testing.T, s *tiered.Store, value string, more func(b *tiered.Batch)) {
	t.Helper()
	var b tiered.Batch
	for i := range blindKeys {
		b.Set(blindKey(i), []byte(value), time.Hour)
	}
	more(&b)
	if err := s.Write(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
}

// TestBlindSets: sets of records that nobody looked up; what else a batch does
// to the same keys sees what is there, and the counts are exact at last.
func TestBlindSets(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	open := func(quota int64) *tiered.Store {
		t.Helper()
		s, err := tiered.Open(dir, &tiered.Options{MaxBytes: quota})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	counts := func(when string, s *tiered.Store, records, live int64) {
		t.Helper()
		if st := s.Stats().L3; st.Records != records || st.LiveBytes != live {
			t.Errorf("%s: got %d records of %d live bytes, want %d of %d", when, st.Records, st.LiveBytes, records, live)
		}
	}
	closed := func(s *tiered.Store) {
		t.Helper()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s := open(0)
	setAll(t, s, "first", func(*tiered.Batch) {})
	counts("new", s, blindKeys, blindKeys*(6+5))
	closed(s)

	s = open(0)
	setAll(t, s, "second", func(b *tiered.Batch) {
		b.Delete(blindKey(0))
		b.Touch(blindKey(1), 2*time.Hour)
		b.Delete("absent")
	})
	if st := s.Stats().L3; st.Records == blindKeys-1 {
		t.Error("no head was left out: the test shows nothing")
	}
	if _, err := s.Get(ctx, blindKey(0)); !errors.Is(err, tiered.ErrNotFound) {
		t.Errorf("the deleted key: got %v, want ErrNotFound", err)
	}
	it, err := s.GetItem(ctx, blindKey(1))
	if err != nil || string(it.Value) != "second" {
		t.Fatalf("the touched key: got %q, %v", it.Value, err)
	}
	if it, err = s.CompareAndSet(ctx, blindKey(1), it.Version, []byte("third"), tiered.KeepTTL); err != nil {
		t.Fatal(err)
	}
	closed(s)

	s = open(0)
	counts("reopened", s, blindKeys-1, (blindKeys-1)*(6+6)-1)
	if v, err := s.Get(ctx, blindKey(1)); err != nil || string(v) != "third" {
		t.Errorf("got %q, %v, want the third value", v, err)
	}
	closed(s)

	s = open(1 << 20) // a quota asks what each record takes
	setAll(t, s, "fourth", func(*tiered.Batch) {})
	counts("with a quota", s, blindKeys, blindKeys*(6+6))
	closed(s)
}

// TestPastDeadlineRemovesWhatIsThere: a set that is a removal is no blind one.
func TestPastDeadlineRemovesWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	s, err := tiered.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	setAll(t, s, "value", func(*tiered.Batch) {})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = tiered.Open(dir, nil); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var b tiered.Batch
	for i := range blindKeys {
		b.SetItem(tiered.Item{Key: blindKey(i), Value: []byte("late"), Expires: time.Unix(1, 0)})
	}
	if err := s.Write(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	for i := range blindKeys {
		if _, err := s.Get(context.Background(), blindKey(i)); !errors.Is(err, tiered.ErrNotFound) {
			t.Fatalf("key %d: got %v, want ErrNotFound", i, err)
		}
	}
	if n := s.Stats().L3.Records; n != 0 {
		t.Errorf("got %d records, want none", n)
	}
}
