package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestSessionRecords(t *testing.T) {
	s := sessions{rand: rand.New(rand.NewPCG(1, 2)), run: 3}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var sizes []int
	for seq := range uint64(5000) {
		key := sessionKey(int(seq))
		body, sum := s.record(key, seq, now)
		if len(body) < minSessionBytes || len(body) > maxSessionBytes {
			t.Fatalf("got %d bytes, want %d to %d", len(body), minSessionBytes, maxSessionBytes)
		}
		sizes = append(sizes, len(body))
		var got struct {
			Key   string
			Seq   uint64
			CSRF  string
			User  *struct{ Name string }
			Roles []string
			Cart  []struct{ Quantity int }
			Flash []string
			Seen  time.Time
		}
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		if got.Key != key || got.Seq != seq || len(got.CSRF) != 32 || !got.Seen.Equal(now) || got.Roles == nil || got.Cart == nil || got.Flash == nil {
			t.Fatalf("got %s", body)
		}
		if checked, err := checkSession(body, key); err != nil || checked != sum {
			t.Fatalf("got %x, %v, want %x", checked, err, sum)
		}
	}
	slices.Sort(sizes)
	if small, large := sizes[len(sizes)/10], sizes[len(sizes)*9/10]; small > 400 || large < 800 {
		t.Errorf("got sizes of %d and %d at the deciles, want a spread", small, large)
	}
}

func TestSessionCheckSeesEveryChange(t *testing.T) {
	s := sessions{rand: rand.New(rand.NewPCG(1, 2))}
	key := sessionKey(1)
	body, _ := s.record(key, 1, time.Now())
	for i := range body {
		changed := bytes.Clone(body)
		changed[i] ^= 1 << (i % 8)
		if _, err := checkSession(changed, key); err == nil {
			t.Errorf("got no error with byte %d of %d changed", i, len(body))
		}
		if _, err := checkSession(body[:i], key); err == nil {
			t.Errorf("got no error with %d of %d bytes", i, len(body))
		}
	}
	if _, err := checkSession(append(bytes.Clone(body), '\n'), key); err == nil {
		t.Error("got no error with a byte more")
	}
	if _, err := checkSession(body, sessionKey(2)); !errors.Is(err, errForeign) {
		t.Errorf("got %v for another key, want %v", err, errForeign)
	}
}

func TestSessionKeysDiffer(t *testing.T) {
	seen := make(map[string]bool)
	for i := range 100_000 {
		seen[sessionKey(i)] = true
	}
	if len(seen) != 100_000 {
		t.Errorf("got %d keys, want 100,000", len(seen))
	}
}
