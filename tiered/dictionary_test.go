//go:build !wasm

package tiered_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/internal/sessiondata"
	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/tiered/tier"
)

// keptToy is a toyDurable that keeps dictionaries, and sees to it that no frame
// names one that it has not kept.
type keptToy struct {
	*toyDurable
	keepHook func() error // before anything is kept; may block

	mu     sync.Mutex // guards what follows
	all    []tier.Dictionary
	kept   map[uint32]bool
	named  int // frames that named one
	strays int // that named one that was not kept
}

func newKeptToy() *keptToy {
	d := &keptToy{toyDurable: newToyDurable(), kept: map[uint32]bool{}}
	d.commitHook = func(g *tier.Group) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, c := range g.Changes {
			id := dictionaryOf(c.Frame)
			if id != 0 {
				d.named++
			}
			if id != 0 && !d.kept[id] {
				d.strays++
			}
		}
		return nil
	}
	return d
}

// dictionaryOf is the id that a frame names.
func dictionaryOf(frame []byte) uint32 {
	if frame == nil {
		return 0
	}
	return binary.LittleEndian.Uint32(frame[4:])
}

func (d *keptToy) Dictionaries() ([]tier.Dictionary, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]tier.Dictionary(nil), d.all...), nil
}

func (d *keptToy) KeepDictionary(t tier.Dictionary) error {
	if d.keepHook != nil {
		if err := d.keepHook(); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all, d.kept[t.ID] = append(d.all, t), true
	return nil
}

func (d *keptToy) counts() (named, strays int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.named, d.strays
}

// setMany writes n values of make under keys of prefix, 64 at a time.
func setMany(t testing.TB, s *tiered.Store, prefix string, from, n int, make func(i int) []byte) {
	t.Helper()
	var b tiered.Batch
	for i := range n {
		b.Set(fmt.Sprint(prefix, from+i), make(i), 0)
		if b.Len() == 64 || i == n-1 {
			if err := s.Write(context.Background(), &b); err != nil {
				t.Fatal(err)
			}
			b.Reset()
		}
	}
}

// sessionsOf are JSON sessions.
func sessionsOf(seed uint64) func(int) []byte {
	s := sessiondata.New(seed)
	return func(int) []byte { return s.JSON(s.Size()) }
}

// firstSample is how many writes fill a class's first sample.
const firstSample = 4 * 512

// TestSessionsAreStoredWithADictionary, in each tier, and can be read in the
// next opening and in those after it, by whatever tier.
func TestSessionsAreStoredWithADictionary(t *testing.T) {
	dir := t.TempDir()
	opts := &tiered.Options{L1Bytes: -1, SharedDir: dir}
	s, err := tiered.Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	setMany(t, s, "web:s:", 0, firstSample, sessionsOf(1))
	s.TrainDictionaries()
	before := s.Stats().L3
	setMany(t, s, "web:s:", firstSample, 2000, sessionsOf(2))
	after := s.Stats()
	raw, stored := after.L3.RawBytes-before.RawBytes, after.L3.StoredBytes-before.StoredBytes
	if ratio := float64(stored) / float64(raw); ratio > 0.37 {
		t.Errorf("stored with a dictionary: got %.3f of %d bytes, want at most 0.37", ratio, raw)
	}
	d := after.Dictionaries
	if d.Kept != 1 || d.Trained != 1 || d.Rejected != 0 || d.Bytes == 0 || d.RawBytes == 0 || float64(d.StoredBytes)/float64(d.RawBytes) > 0.4 {
		t.Errorf("got %+v, want one dictionary and its gain", d)
	}
	own := s.Dictionaries()
	if len(own) != 1 || own[0].Prefix != "web:" || own[0].Ratio > 0.4 || own[0].Trained.IsZero() {
		t.Fatalf("got %d dictionaries, want one of web:", len(own))
	}
	for round := range 3 {
		check := sessionsOf(1)
		for i := range firstSample + 2000 {
			if i == firstSample {
				check = sessionsOf(2)
			}
			want := check(i)
			it, err := s.GetItem(context.Background(), fmt.Sprint("web:s:", i))
			if err != nil || !bytes.Equal(it.Value, want) {
				t.Fatalf("round %d, session %d by %s: got %d bytes, %v", round, i, it.Tier, len(it.Value), err)
			}
		}
		if round == 0 && s.L2Hits() == 0 {
			t.Error("L2 answered nothing: nothing was tested of it")
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		opts.L2Bytes = int64(-round) // the second opening finds L2 as it was, the third has none
		if s, err = tiered.Open(dir, opts); err != nil {
			t.Fatal(err)
		}
		if got := s.Dictionaries(); len(got) != 1 || got[0].ID != own[0].ID || !bytes.Equal(got[0].Bytes, own[0].Bytes) || got[0].Ratio != own[0].Ratio {
			t.Fatalf("reopened: got %d dictionaries, want the same one", len(got))
		}
		if gathering, _ := s.Gathering(); gathering > 1 {
			t.Errorf("reopened: %d classes take samples, want at most that of no prefix", gathering)
		}
	}
	before = s.Stats().L3
	setMany(t, s, "web:s:", 10_000, 100, sessionsOf(3))
	after = s.Stats()
	if raw, stored := after.L3.RawBytes-before.RawBytes, after.L3.StoredBytes-before.StoredBytes; float64(stored) > 0.4*float64(raw) {
		t.Errorf("reopened: %d bytes are stored in %d, want at most 0.4", raw, stored)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := s.Dictionaries(); got != nil {
		t.Errorf("after Close: got %d dictionaries, want none", len(got))
	}
}

// TestDictionaryIsKeptBeforeAFrameNamesIt: while KeepDictionary runs, and when
// it has failed, frames do without (P1).
func TestDictionaryIsKeptBeforeAFrameNamesIt(t *testing.T) {
	d := newKeptToy()
	entered, leave := make(chan struct{}), make(chan error)
	d.keepHook = func() error {
		entered <- struct{}{}
		return <-leave
	}
	s, err := tiered.OpenOver(d, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	setMany(t, s, "a:", 0, firstSample, sessionsOf(1))
	setMany(t, s, "b:", 0, firstSample, sessionsOf(2))
	go s.TrainDictionaries()
	for _, answer := range []error{tier.ErrFull, nil} {
		<-entered
		setMany(t, s, "a:", 0, 100, sessionsOf(3))
		setMany(t, s, "b:", 0, 100, sessionsOf(4))
		if named, _ := d.counts(); named != 0 {
			t.Errorf("while a dictionary is being kept: %d frames name one, want none", named)
		}
		leave <- answer
	}
	s.TrainDictionaries() // waits until the other one is done
	setMany(t, s, "a:", 0, 100, sessionsOf(3))
	setMany(t, s, "b:", 0, 100, sessionsOf(4))
	named, strays := d.counts()
	if strays != 0 || named < 90 || named > 110 {
		t.Errorf("one of two kept: %d frames name a dictionary, %d of them one that is not kept; want the 100 of one prefix", named, strays)
	}
}

// TestUnknownDictionary: a frame that needs one which is not there is a miss in
// L2, and ErrCorrupt in the truth.
func TestUnknownDictionary(t *testing.T) {
	frame := func(key string) []byte {
		d := trainedElsewhere(t)
		c, err := codec.New(codec.Options{Dictionaries: [][]byte{d}}, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		f := c.Encode(sessionsOf(5)(0))
		codec.Seal(f, key, 1, 0)
		if dictionaryOf(f) == 0 {
			t.Fatal("the frame names no dictionary")
		}
		return f
	}
	d := newKeptToy()
	dir := t.TempDir()
	s, err := tiered.OpenOver(d, dir, &tiered.Options{L1Bytes: -1, SharedDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	if err := s.Set(ctx, "key", []byte("the truth"), 0); err != nil {
		t.Fatal(err)
	}
	if err := s.PutL2("key", frame("key"), s.NowMilli()); err != nil {
		t.Fatal(err)
	}
	it, err := s.GetItem(ctx, "key")
	if err != nil || string(it.Value) != "the truth" || it.Tier != tiered.TierL3 || s.L2Faults() != 1 {
		t.Errorf("over L2: got %q by %s, %v, %d faults; want the truth's, and a fault", it.Value, it.Tier, err, s.L2Faults())
	}
	f := frame("lost")
	head, err := codec.Head("lost", f)
	if err != nil {
		t.Fatal(err)
	}
	d.toyDurable.mu.Lock()
	d.recs["lost"] = tier.Record{Key: "lost", Frame: f, Head: head}
	d.toyDurable.mu.Unlock()
	if _, err := s.Get(ctx, "lost"); !errors.Is(err, tiered.ErrCorrupt) {
		t.Errorf("in the truth: got %v, want ErrCorrupt", err)
	}
}

// trainedElsewhere is the dictionary of another store.
func trainedElsewhere(t *testing.T) []byte {
	t.Helper()
	s, err := tiered.OpenOver(newKeptToy(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	setMany(t, s, "x:", 0, firstSample, sessionsOf(9))
	s.TrainDictionaries()
	all := s.Dictionaries()
	if len(all) != 1 {
		t.Fatalf("got %d dictionaries, want 1", len(all))
	}
	return all[0].Bytes
}

// TestDictionariesCanBeCarried to a store that has no files.
func TestDictionariesCanBeCarried(t *testing.T) {
	dict := trainedElsewhere(t)
	s, err := tiered.OpenMemory(&tiered.Options{Codec: codec.Options{Dictionaries: [][]byte{dict}}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	setMany(t, s, "x:", 0, 500, sessionsOf(11))
	if st := s.Stats(); float64(st.L3.StoredBytes) > 0.4*float64(st.L3.RawBytes) || st.Dictionaries != (tiered.DictionaryStats{}) {
		t.Errorf("got %d bytes stored of %d, %+v; want at most 0.4, and none of its own", st.L3.StoredBytes, st.L3.RawBytes, st.Dictionaries)
	}
	if got := s.Dictionaries(); got != nil {
		t.Errorf("got %d dictionaries of its own, want none", len(got))
	}
}

// TestNothingIsTrained where it is switched off, values do not compress at all,
// or a dictionary gains nothing.
func TestNothingIsTrained(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	noise := func(int) []byte {
		b := make([]byte, 300)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return b
	}
	for name, tt := range map[string]struct {
		opts   codec.Options
		values func(int) []byte
	}{
		"switched off": {codec.Options{NoTraining: true}, sessionsOf(1)},
		"no zstd":      {codec.Options{Level: -1}, sessionsOf(1)},
		"noise":        {codec.Options{}, noise},
		"short values": {codec.Options{}, func(int) []byte { return sessionsOf(1)(0)[:100] }},
		"long values":  {codec.Options{}, func(int) []byte { return bytes.Repeat(sessionsOf(1)(0), 120) }},
		"zeros, noise": {codec.Options{}, func(int) []byte { return append(noise(0)[:150], make([]byte, 150)...) }},
		"only one key": {codec.Options{}, nil},
	} {
		d := newKeptToy()
		s, err := tiered.OpenOver(d, "", &tiered.Options{Codec: tt.opts})
		if err != nil {
			t.Fatal(err)
		}
		if tt.values != nil {
			setMany(t, s, "k:", 0, firstSample+100, tt.values)
		} else {
			for i := range firstSample {
				setMany(t, s, "k:", 0, 1, func(int) []byte { return sessionsOf(uint64(i))(0) })
			}
		}
		s.TrainDictionaries()
		if got := s.Stats().Dictionaries; got.Kept != 0 || len(d.all) != 0 {
			t.Errorf("%s: got %+v, want no dictionary", name, got)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDictionariesAreBounded: values that change all the time get new
// dictionaries, but not ever more; prefixes beyond the bound share a class.
func TestDictionariesAreBounded(t *testing.T) {
	d := newKeptToy()
	s, err := tiered.OpenOver(d, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range 3 * tiered.MaxClasses {
		setMany(t, s, fmt.Sprintf("p%d:", i), 0, 20, sessionsOf(uint64(i)))
	}
	if _, classes := s.Gathering(); classes != tiered.MaxClasses {
		t.Errorf("got %d classes, want %d", classes, tiered.MaxClasses)
	}
	// Each kind of value has words of its own.
	kind := func(k int) func(int) []byte {
		words := rand.New(rand.NewPCG(9, uint64(k)))
		text := make([]byte, 400)
		for i := range text {
			text[i] = "abcdefghijklmnopqrstuvwxyz0123456789"[words.IntN(36)]
		}
		return func(i int) []byte { return fmt.Appendf(nil, "%s%06d%s%06d", text[:100+i%200], i*7, text[200:], i*13) }
	}
	kept := 0
	for k := range tiered.MaxOfPrefix + 2 {
		for range 8 {
			setMany(t, s, "p0:", 0, tiered.Window, kind(k))
			s.TrainDictionaries()
		}
		now := s.Stats().Dictionaries.Kept
		if now > kept+1 {
			t.Errorf("kind %d: %d dictionaries more, want one at most", k, now-kept)
		}
		kept = now
	}
	if kept != tiered.MaxOfPrefix {
		t.Errorf("got %d dictionaries, want all %d that a prefix may have", kept, tiered.MaxOfPrefix)
	}
	if _, strays := d.counts(); strays != 0 {
		t.Errorf("%d frames name a dictionary that is not kept", strays)
	}
}

// TestSteadyValuesKeepTheirDictionary: with values as they were, none is trained
// again.
func TestSteadyValuesKeepTheirDictionary(t *testing.T) {
	d := newKeptToy()
	s, err := tiered.OpenOver(d, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	values := sessionsOf(1)
	for range 10 {
		setMany(t, s, "s:", 0, tiered.Window, values)
		s.TrainDictionaries()
	}
	if got := s.Stats().Dictionaries; got.Kept != 1 || got.Trained != 1 || got.Rejected != 0 {
		t.Errorf("got %+v, want one dictionary and no other training", got)
	}
}

// TestValuesThatDoNotCompressAreTriedNowAndThen, and all of them once they do.
func TestValuesThatDoNotCompressAreTriedNowAndThen(t *testing.T) {
	d := newKeptToy()
	s, err := tiered.OpenOver(d, "", &tiered.Options{Codec: codec.Options{NoTraining: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rng := rand.New(rand.NewPCG(3, 3))
	noise := make([]byte, 300)
	setMany(t, s, "k:", 0, 200, func(int) []byte {
		for i := range noise {
			noise[i] = byte(rng.Uint32())
		}
		return noise
	})
	before := s.Stats().L3
	setMany(t, s, "k:", 200, 200, func(int) []byte { return make([]byte, 300) })
	after := s.Stats().L3
	if stored := after.StoredBytes - before.StoredBytes; stored > 200*100 {
		t.Errorf("zeros after noise: got %d bytes for 200 values of 300, want most of them compressed", stored)
	}
}
