//go:build !wasm

package l1_test

import (
	"fmt"
	"testing"

	"github.com/stratakv/strata/l1"
)

// wantDecoded checks what is left with key's entry; nil stands for nothing.
func wantDecoded(t *testing.T, c *l1.Cache, key string, tag uint64, by, value any) {
	t.Helper()
	_, got, hit := c.GetDecoded(hashOf(key), key, tag, at(0), by)
	if !hit || got != value {
		t.Errorf("got %v, hit %v, want %v", got, hit, value)
	}
}

func TestDecodedGoesWithItsEntry(t *testing.T) {
	c := newCache(t, 8<<20)
	hash := hashOf("k")
	c.PutDecoded(hash, "k", 1, "me", "of nothing")
	c.Fill(hash, entry("k", "first", 1))
	wantDecoded(t, c, "k", 1, "me", nil)
	c.PutDecoded(hash, "k", 2, "me", "another version")
	c.PutDecoded(hash, "K", 1, "me", "another key")
	wantDecoded(t, c, "k", 1, "me", nil)
	c.PutDecoded(hash, "k", 1, "me", 1)
	wantDecoded(t, c, "k", 1, "me", 1)
	wantDecoded(t, c, "k", 1, "you", nil)
	c.PutDecoded(hash, "k", 1, "you", 2)
	wantDecoded(t, c, "k", 1, "me", nil)
	wantDecoded(t, c, "k", 1, "you", 2)

	c.Fill(hash, l1.Entry{Key: "k", Value: []byte("first"), Tag: 5, Version: 1})
	wantDecoded(t, c, "k", 5, "you", 2) // the same version, read again
	if _, _, hit := c.GetDecoded(hash, "k", 1, at(0), "you"); hit {
		t.Error("by the old tag: got a hit")
	}
	for _, text := range []string{"other", "another length"} {
		c.Fill(hash, l1.Entry{Key: "k", Value: []byte(text), Tag: 6, Version: uint64(len(text))})
		wantDecoded(t, c, "k", 6, "you", nil)
	}
	if got := c.DecodedBytes(); got != 0 {
		t.Errorf("got %d bytes of decoded values, want 0", got)
	}
	c.PutDecoded(hash, "k", uint64(len("another length")), "me", 3)
	c.Drop(hash)
	c.Settle()
	if got := c.DecodedBytes(); got != 0 {
		t.Errorf("after Drop: got %d bytes of decoded values, want 0", got)
	}
}

// Decoded values have a quarter of what may live, and entries give way to them.
func TestDecodedBytesAreBounded(t *testing.T) {
	const limit = 8 << 20
	c := newCache(t, limit)
	for round := range 3 {
		for i := range 20_000 {
			key := fmt.Sprint(round, "/", i)
			c.Fill(hashOf(key), entry(key, "some value", 1))
			c.PutDecoded(hashOf(key), key, 1, "me", i)
			if i%100 == 0 {
				c.Settle()
			}
			if got := c.DecodedBytes(); got > l1.LiveShare(limit)/4 {
				t.Fatalf("got %d bytes of decoded values, want at most %d", got, l1.LiveShare(limit)/4)
			}
		}
	}
	wantSettled(t, c)
	if got := c.DecodedBytes(); got < l1.LiveShare(limit)/16 {
		t.Errorf("got %d bytes of decoded values, want some", got)
	}
}

// While there is room, or an entry of the hash, a fill is wanted.
func TestWantsUntilFull(t *testing.T) {
	c := newCache(t, 4<<20)
	if !c.Wants(hashOf("k")) {
		t.Error("empty: got no, want yes")
	}
	fillSettled(c, "k", 20_000, 200)
	wanted := 0
	for i := range 100 {
		if c.Wants(hashOf(fmt.Sprint("absent", i))) {
			wanted++
		}
	}
	if wanted != 0 {
		t.Errorf("full: got %d of 100 wanted, want none", wanted)
	}
	for i := range 20_000 {
		key := fmt.Sprintf("k:%016x", i)
		if _, hit := c.Get(hashOf(key), key, 1, at(0)); hit && !c.Wants(hashOf(key)) {
			t.Fatal("an entry of the hash is there: got no, want yes")
		}
		c.Drop(hashOf(key))
		if i%100 == 0 {
			c.Settle()
		}
	}
	for i := range 2000 {
		if c.Wants(hashOf(fmt.Sprint("absent", i))) {
			return
		}
	}
	t.Error("emptied: got no, want yes")
}
