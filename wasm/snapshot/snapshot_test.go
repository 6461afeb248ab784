//go:build !wasm

package snapshot_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/wasm/client"
	"github.com/stratakv/strata/wasm/kv"
	"github.com/stratakv/strata/wasm/snapshot"
)

var ctx = context.Background()

// store is what a snapshot goes out of and into.
type store interface {
	snapshot.Source
	snapshot.Target
	Close() error
}

func native(t *testing.T) store {
	s, err := tiered.Open(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func memory(t *testing.T) store {
	s, err := tiered.OpenMemory(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// edge is the store inside the reactor.
func edge(t *testing.T) *client.Store {
	raw, err := kv.Open(kv.Options{}, float64(time.Now().UnixMilli()), 0)
	if err != nil {
		t.Fatal(err)
	}
	return client.New(raw, started{time.Now()})
}

type started struct{ at time.Time }

func (s started) Wall() time.Time     { return time.Now() }
func (s started) Boot() time.Duration { return time.Since(s.at) }
func (s started) BootID() string      { return "" }

// fill stores records of all kinds and returns them.
func fill(t *testing.T, s store) map[string]tiered.Item {
	t.Helper()
	items := map[string]tiered.Item{}
	hour := time.Now().Add(time.Hour).Truncate(time.Millisecond)
	for i := range 700 {
		it := tiered.Item{Key: fmt.Sprintf("k/%03d", i), Value: bytes.Repeat([]byte{byte(i)}, i*3), Expires: hour}
		if i%3 == 0 {
			it.Expires = time.Time{}
		}
		items[it.Key] = it
	}
	items[""] = tiered.Item{Value: []byte("of the empty key")}
	items["large"] = tiered.Item{Key: "large", Value: bytes.Repeat([]byte("0123456789"), 100_000)}
	for _, it := range items {
		if _, err := s.SetItem(ctx, it); err != nil {
			t.Fatal(err)
		}
	}
	return items
}

func compare(t *testing.T, s snapshot.Source, want map[string]tiered.Item) {
	t.Helper()
	n := 0
	for it, err := range s.Scan(ctx, "") {
		if err != nil {
			t.Fatal(err)
		}
		n++
		if w := want[it.Key]; !bytes.Equal(it.Value, w.Value) || !it.Expires.Equal(w.Expires) {
			t.Fatalf("a record of %d bytes, expires %v, want %d, %v", len(it.Value), it.Expires, len(w.Value), w.Expires)
		}
	}
	if n != len(want) {
		t.Errorf("got %d records, want %d", n, len(want))
	}
}

func TestThereAndBack(t *testing.T) {
	for name, makeStore := range map[string]func(*testing.T) store{"native": native, "memory": memory} {
		t.Run(name, func(t *testing.T) {
			here := makeStore(t)
			want := fill(t, here)
			var out, back bytes.Buffer
			if err := snapshot.Export(ctx, here, &out, nil); err != nil {
				t.Fatal(err)
			}
			there := edge(t)
			if err := there.Import(ctx, bytes.NewReader(out.Bytes())); err != nil {
				t.Fatal(err)
			}
			compare(t, there, want)
			if err := there.Export(ctx, &back); err != nil {
				t.Fatal(err)
			}
			again := makeStore(t)
			if n, err := snapshot.Import(ctx, again, bytes.NewReader(back.Bytes()), nil); err != nil || n != len(want) {
				t.Fatalf("Import: got %d, %v, want %d", n, err, len(want))
			}
			compare(t, again, want)
		})
	}
}

// countdown counts the writes of a store.
type countdown struct {
	snapshot.Target
	writes int
}

func (c *countdown) SetItem(ctx context.Context, it tiered.Item) (tiered.Item, error) {
	c.writes++
	return c.Target.SetItem(ctx, it)
}

func TestDamageChangesNothing(t *testing.T) {
	from := memory(t)
	fill(t, from)
	var out bytes.Buffer
	if err := snapshot.Export(ctx, from, &out, nil); err != nil {
		t.Fatal(err)
	}
	sound := out.Bytes()
	for _, at := range []int{0, 5, 40, 60, 100, len(sound) / 2, len(sound) - 1} {
		changed := bytes.Clone(sound)
		changed[at] ^= 4
		for name, bad := range map[string][]byte{"changed": changed, "cut": sound[:at]} {
			to := &countdown{Target: memory(t)}
			if _, err := snapshot.Import(ctx, to, bytes.NewReader(bad), nil); !errors.Is(err, tiered.ErrCorrupt) || to.writes != 0 {
				t.Errorf("%s at %d: got %v and %d writes, want ErrCorrupt and none", name, at, err, to.writes)
			}
			other := edge(t)
			if err := other.Import(ctx, bytes.NewReader(bad)); !errors.Is(err, tiered.ErrCorrupt) || other.Stats().L3.Records != 0 {
				t.Errorf("%s at %d, store of the reactor: got %v and %d records, want ErrCorrupt and none", name, at, err, other.Stats().L3.Records)
			}
		}
	}
}

func TestExpiredAreLeftOut(t *testing.T) {
	from := memory(t)
	want := fill(t, from)
	var out bytes.Buffer
	if err := snapshot.Export(ctx, from, &out, &snapshot.Options{Prefix: "k/"}); err != nil {
		t.Fatal(err)
	}
	later := func() time.Time { return time.Now().Add(2 * time.Hour) }
	to := memory(t)
	n, err := snapshot.Import(ctx, to, bytes.NewReader(out.Bytes()), &snapshot.Options{Now: later})
	for key, it := range want {
		if key == "" || key == "large" || !it.Expires.IsZero() {
			delete(want, key)
		}
	}
	if err != nil || n != len(want) {
		t.Errorf("Import two hours later: got %d, %v, want %d", n, err, len(want))
	}
	compare(t, to, want)
}

// What stands behind a snapshot, and before it, is not looked at.
func TestImportBeginsWhereTheReaderStands(t *testing.T) {
	from := memory(t)
	want := fill(t, from)
	out := bytes.NewBufferString("before")
	if err := snapshot.Export(ctx, from, out, nil); err != nil {
		t.Fatal(err)
	}
	out.WriteString("behind")
	r := bytes.NewReader(out.Bytes())
	if _, err := r.Seek(int64(len("before")), 0); err != nil {
		t.Fatal(err)
	}
	to := memory(t)
	if _, err := snapshot.Import(ctx, to, r, nil); err != nil {
		t.Fatal(err)
	}
	compare(t, to, want)
}
