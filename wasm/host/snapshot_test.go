package host_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/klauspost/compress/dict"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/wasm/snapshot"
)

func value(i int) []byte {
	return fmt.Appendf(nil, `{"user":%d,"roles":["reader","writer"],"csrf":"%016x","theme":"dark","cart":[%d]}`, i*7919, uint64(i)*0x9e3779b97f4a7c15, i)
}

// trained is a dictionary that was made natively, as they are.
func trained(t *testing.T) []byte {
	t.Helper()
	var samples [][]byte
	for i := range 300 {
		samples = append(samples, value(i+5000))
	}
	d, err := dict.BuildZstdDict(samples, dict.Options{MaxDictSize: 2 << 10, HashBytes: 6, ZstdDictID: 5})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Records go from a native store into the module and back, with a dictionary
// that both have, and the deadlines stand.
func TestSnapshotsBetweenNativeAndModule(t *testing.T) {
	ctx := context.Background()
	codecs := codec.Options{Dictionaries: [][]byte{trained(t)}, MinBytes: 32}
	native, err := tiered.Open(t.TempDir(), &tiered.Options{Codec: codecs})
	if err != nil {
		t.Fatal(err)
	}
	defer native.Close()
	const records = 1500
	expires := time.Now().Add(time.Hour).Truncate(time.Millisecond)
	for i := range records {
		it := tiered.Item{Key: fmt.Sprintf("session:%04d", i), Value: value(i)}
		if i%2 == 0 {
			it.Expires = expires
		}
		if _, err := native.SetItem(ctx, it); err != nil {
			t.Fatal(err)
		}
	}
	var out, back bytes.Buffer
	if err := snapshot.Export(ctx, native, &out, &snapshot.Options{Codec: codecs}); err != nil {
		t.Fatal(err)
	}
	m := newModule(t)
	inside, err := m.Open(&tiered.Options{MaxBytes: 4 << 20, Codec: codecs})
	if err != nil {
		t.Fatal(err)
	}
	without, err := m.Open(&tiered.Options{MaxBytes: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if err := without.Import(ctx, bytes.NewReader(out.Bytes())); !errors.Is(err, tiered.ErrCorrupt) || without.Stats().L3.Records != 0 {
		t.Errorf("without the dictionary: got %v and %d records, want ErrCorrupt and none", err, without.Stats().L3.Records)
	}
	if err := inside.Import(ctx, bytes.NewReader(out.Bytes())); err != nil {
		t.Fatal(err)
	}
	if st := inside.Stats().L3; st.Records != records || st.StoredBytes*3 > st.RawBytes*2 {
		t.Errorf("in the module: got %d records, %d of %d bytes kept, want %d and at most two thirds", st.Records, st.StoredBytes, st.RawBytes, records)
	}
	if err := inside.Export(ctx, &back); err != nil {
		t.Fatal(err)
	}
	again, err := tiered.OpenMemory(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if n, err := snapshot.Import(ctx, again, bytes.NewReader(back.Bytes()), &snapshot.Options{Codec: codecs}); err != nil || n != records {
		t.Fatalf("back again: got %d, %v, want %d", n, err, records)
	}
	for i := range records {
		it, err := again.GetItem(ctx, fmt.Sprintf("session:%04d", i))
		if err != nil || !bytes.Equal(it.Value, value(i)) || it.Expires.IsZero() != (i%2 == 1) || i%2 == 0 && !it.Expires.Equal(expires) {
			t.Fatalf("record %d: got %d bytes, expires %v, %v", i, len(it.Value), it.Expires, err)
		}
	}
}
