//go:build linux

package campaign_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stratakv/strata/tiered"
)

const (
	soakWriters = 16
	soakKeys    = 200 // of each writer
	soakBytes   = 8 << 10
	soakPart    = 16 << 20 // of a checkpoint: a short run has many
	soakNoise   = 4 << 20  // more than a dictionary can hold
	soakWarm    = 3        // checkpoints before the first sample
	soakSamples = 30
)

// TestSoak keeps a store under full load at constant live data: memory, files,
// goroutines and descriptors stay what they were (P10).
func TestSoak(t *testing.T) {
	d := length(t, "STRATA_SOAK", 5*time.Second)
	dir := filepath.Join(t.TempDir(), "store")
	s, err := tiered.Open(dir, &tiered.Options{SharedDir: os.Getenv(sharedEnv), Limits: tiered.Limits{CheckpointBytes: soakPart}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	k := &soak{s: s, noise: make([]byte, soakNoise)}
	rng := newRand(t)
	for i := range k.noise {
		k.noise[i] = byte(rng.Uint32())
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for w := range soakWriters {
		seed := rng.Uint64()
		wg.Go(func() { k.load(ctx, w, rand.New(rand.NewPCG(seed, 1))) })
	}
	defer wg.Wait()
	defer stop()
	k.warm(t)
	before := k.ops.Load()
	samples := k.watch(t, dir, d)
	ops := k.ops.Load() - before
	if err := k.fault.Load(); err != nil {
		t.Fatal(*err)
	}
	middle, last := grown(t, samples)
	roomy(t, samples)
	checkpoints := s.Stats().L3.Checkpoints
	stop()
	wg.Wait()
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := checkStore(dir); err != nil {
		t.Errorf("check: %v", err)
	}
	report(t, row{
		fault:   "Soak",
		where:   fmt.Sprintf("%d goroutines set, delete, touch, get, scan and let expire, %d MiB live", soakWriters, last.live>>20),
		often:   fmt.Sprintf("%v, %d operations, %d checkpoints, %d compactions", d, ops, checkpoints, last.compactions),
		result:  fmt.Sprintf("middle and last third: RSS %d and %d MiB on average; peaks of store.db %d and %d MiB, journal %d and %d MiB", middle.rss>>20, last.rss>>20, middle.file>>20, last.file>>20, middle.journal>>20, last.journal>>20),
		control: leakControl(t, dir) + "; " + roomControl(t, samples),
	})
}

// grown reports what the last third has a quarter more of than the middle one.
// RSS is compared by its average: its peaks are those of the moments when a
// checkpoint and a collection meet.
func grown(t interface {
	Errorf(format string, args ...any)
}, samples []sample) (middle, last sample) {
	third := len(samples) / 3
	middle, last = summary(samples[third:2*third]), summary(samples[2*third:])
	for _, c := range []struct {
		name                string
		middle, last, slack int64
	}{
		{"RSS", middle.rss, last.rss, 0},
		{"store.db", middle.file, last.file, last.live},     // written once more, if a reader stays over a checkpoint
		{"journal", middle.journal, last.journal, soakPart}, // one part more, if a checkpoint lags
		{"live bytes", middle.live, last.live, 0},
		{"goroutines", middle.goroutines, last.goroutines, 8},
		{"descriptors", middle.fds, last.fds, 8},
	} {
		if c.last > c.middle+c.middle/4+c.slack {
			t.Errorf("%s: %d in the last third, %d in the middle one; want no more than a quarter above", c.name, c.last, c.middle)
		}
	}
	return middle, last
}

// What store.db may be longer than twice what lives: the room kept back, and
// CompactBytes, less than which is not worth a compaction.
const soakSlack = 4<<20 + 8<<20

// roomy reports a store.db that most of the time is longer than twice what
// lives, or that is ever two copies longer: a reader that stays over a
// checkpoint costs one until the next compaction, and that makes another.
func roomy(t interface {
	Errorf(format string, args ...any)
}, samples []sample) {
	live := summary(samples).live
	files := make([]int64, len(samples))
	for i, m := range samples {
		files[i] = m.file
	}
	slices.Sort(files)
	if got, most := files[len(files)/2], 2*live+soakSlack; got > most {
		t.Errorf("store.db: %d bytes most of the time, want at most %d, for %d live ones", got, most, live)
	}
	if got, most := files[len(files)-1], 4*live+soakSlack; got > most {
		t.Errorf("store.db: %d bytes at a time, want at most %d, for %d live ones", got, most, live)
	}
}

// roomControl lets each file have two more copies: the same rule must see it.
func roomControl(t *testing.T, samples []sample) string {
	t.Helper()
	live := summary(samples).live
	more := slices.Clone(samples)
	for i := range more {
		more[i].file += 2 * live
	}
	var found verdict
	if roomy(&found, more); found.n == 0 {
		t.Errorf("control: two copies more for %d MiB live was not found", live>>20)
	}
	return "so is a file with two copies more"
}

// leakControl leaks a tenth of the process a sample: the same rule must see it.
func leakControl(t *testing.T, dir string) string {
	t.Helper()
	debug.FreeOSMemory() // the load's garbage, given back in between, would hide the leak
	part := int(measure(t, dir).rss / 10)
	var samples []sample
	var leak [][]byte
	for range soakSamples {
		leak = append(leak, bytes.Repeat([]byte{1}, part))
		samples = append(samples, measure(t, dir))
	}
	var found verdict
	middle, last := grown(&found, samples)
	if found.n != 1 {
		t.Errorf("control: got %d faults in a series from %d to %d MiB, want the leak found", found.n, middle.rss>>20, last.rss>>20)
	}
	runtime.KeepAlive(leak)
	return fmt.Sprintf("a process that leaks %d MiB a sample is refused by the same rule", part>>20)
}

// verdict counts faults.
type verdict struct{ n int }

func (v *verdict) Errorf(string, ...any) { v.n++ }

// soak is the load.
type soak struct {
	s     *tiered.Store
	noise []byte
	ops   atomic.Int64
	fault atomic.Pointer[error]
}

func (k *soak) load(ctx context.Context, w int, rng *rand.Rand) {
	background := context.Background() // a stop is between two operations
	for i := 0; ctx.Err() == nil && k.fault.Load() == nil; i++ {
		key := fmt.Sprintf("w%02d/%04d", w, rng.IntN(soakKeys))
		value := k.noise[rng.IntN(soakNoise-soakBytes):][:soakBytes-rng.IntN(soakBytes/2)]
		var err error
		switch p := rng.IntN(100); {
		case p < 60:
			err = k.s.Set(background, key, value, 0)
		case p < 70:
			if err = k.s.Delete(background, key); err == nil {
				err = k.s.Set(background, key, value, time.Hour)
			}
		case p < 80:
			err = k.s.Touch(background, key, time.Hour)
		case p < 85:
			err = k.s.Set(background, fmt.Sprintf("short/%d/%d", w, i%100), value[:64], time.Second)
		case p < 98:
			_, err = k.s.Get(background, key)
		default:
			for _, scanErr := range k.s.Scan(background, fmt.Sprintf("w%02d/00", w)) {
				err = errors.Join(err, scanErr)
			}
		}
		if err != nil && !errors.Is(err, tiered.ErrNotFound) {
			k.fault.CompareAndSwap(nil, &err)
		}
		k.ops.Add(1)
	}
}

// warm waits until the load has filled what it fills.
func (k *soak) warm(t *testing.T) {
	t.Helper()
	for start := time.Now(); k.s.Stats().L3.Checkpoints < soakWarm; time.Sleep(10 * time.Millisecond) {
		if time.Since(start) > time.Minute {
			t.Logf("only %d checkpoints in a minute", k.s.Stats().L3.Checkpoints)
			return
		}
	}
}

func (k *soak) watch(t *testing.T, dir string, d time.Duration) []sample {
	t.Helper()
	var samples []sample
	tick := time.NewTicker(d / soakSamples)
	defer tick.Stop()
	for range soakSamples {
		<-tick.C
		m := measure(t, dir)
		l3 := k.s.Stats().L3
		m.live, m.compactions = l3.LiveBytes, int64(l3.Compactions)
		m.ops = k.ops.Load()
		t.Log(m)
		samples = append(samples, m)
	}
	return samples
}

// sample is what the process and its store hold at a moment.
type sample struct {
	rss, file, journal, live, ops int64 // file: with the copy that a compaction makes
	goroutines, fds, compactions  int64
}

func (m sample) String() string {
	return fmt.Sprintf("RSS %4d MiB, store.db %3d MiB, journal %3d MiB, live %2d MiB, %d goroutines, %d descriptors, %d compactions, %d operations",
		m.rss>>20, m.file>>20, m.journal>>20, m.live>>20, m.goroutines, m.fds, m.compactions, m.ops)
}

func measure(t *testing.T, dir string) sample {
	t.Helper()
	m := sample{goroutines: int64(runtime.NumGoroutine())}
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(statm))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	m.rss = pages * int64(os.Getpagesize())
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	m.fds = int64(len(fds))
	m.file = size(filepath.Join(dir, "store.db")) + size(filepath.Join(dir, "store.db.tmp"))
	segments, err := filepath.Glob(filepath.Join(dir, "journal", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range segments {
		m.journal += size(name)
	}
	return m
}

// size is 0 for a file that is gone by now.
func size(name string) int64 {
	info, err := os.Stat(name)
	if err != nil {
		return 0
	}
	return info.Size()
}

// summary is the greatest of each, of RSS the average.
func summary(samples []sample) sample {
	var sum sample
	for _, m := range samples {
		sum.rss += m.rss / int64(len(samples))
		sum.file, sum.journal, sum.live = max(sum.file, m.file), max(sum.journal, m.journal), max(sum.live, m.live)
		sum.goroutines, sum.fds, sum.ops = max(sum.goroutines, m.goroutines), max(sum.fds, m.fds), max(sum.ops, m.ops)
		sum.compactions = max(sum.compactions, m.compactions)
	}
	return sum
}
