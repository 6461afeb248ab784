//go:build !wasm

package tiered_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/tiered"
)

// The crash campaign: a child process writes and says on its standard output
// which writes were acknowledged; it is killed (SIGKILL) at a random moment;
// the store is opened again and judged.
//
// Each key has one writer in the child, whose n-th operation on it is a
// deletion if n is a multiple of 7 and else sets the value to n. So after
// "acknowledged n", the record must be as after operation n or n+1 (P1, P5).

const (
	crashDirEnv   = "STRATA_TEST_CRASH_DIR"
	crashFirstEnv = "STRATA_TEST_CRASH_FIRST"
	crashKillsEnv = "STRATA_CRASH_KILLS"
	// crashCheckpointEnv has a child checkpoint after so many bytes.
	crashCheckpointEnv = "STRATA_TEST_CRASH_CHECKPOINT"

	crashWriters = 8
	crashKeys    = 25 // of each writer
)

func crashDeletes(n int) bool { return n%7 == 0 }

func crashKey(writer, i int) string { return fmt.Sprintf("w%d/%d", writer, i) }

// openCrash uses small segments and checkpoints, and compacts as often as it may,
// so that kills meet them too. L2 lies beside the store: in it, a kill wipes it.
func openCrash(dir string) (*tiered.Store, *l3bolt.DB, error) {
	opts := l3bolt.Options{SegmentBytes: 256 << 10, CheckpointBytes: 512 << 10, CompactBytes: 1}
	if n, err := strconv.ParseInt(os.Getenv(crashCheckpointEnv), 10, 64); err == nil {
		opts.CheckpointBytes = n
	}
	db, err := l3bolt.Open(dir, &opts)
	if err != nil {
		return nil, nil, err
	}
	s, err := tiered.OpenOver(db, dir, &tiered.Options{L2Bytes: 1 << 20, SharedDir: dir + "-shared"})
	return s, db, err
}

// TestCrashChild is the child; alone it does nothing.
func TestCrashChild(t *testing.T) {
	dir := os.Getenv(crashDirEnv)
	if dir == "" {
		t.Skip("runs as a child of TestCrash")
	}
	first, err := strconv.Atoi(os.Getenv(crashFirstEnv))
	if err != nil {
		t.Fatal(err)
	}
	s, _, err := openCrash(dir)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex // one line at a time
	var wg sync.WaitGroup
	for w := range crashWriters {
		wg.Go(func() {
			for n := first; ; n++ {
				for i := range crashKeys {
					if err := crashWrite(s, crashKey(w, i), n); err != nil {
						t.Errorf("write: %v", err)
						return
					}
					mu.Lock()
					fmt.Printf("acknowledged %s %d\n", crashKey(w, i), n)
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
}

func crashWrite(s *tiered.Store, key string, n int) error {
	if crashDeletes(n) {
		return s.Delete(context.Background(), key)
	}
	value := fmt.Sprintf("%d %s", n, strings.Repeat("v", n*37%900))
	return s.Set(context.Background(), key, []byte(value), time.Duration(n%3)*time.Hour)
}

func TestCrash(t *testing.T) {
	kills := 25
	if testing.Short() {
		kills = 5
	}
	if v := os.Getenv(crashKillsEnv); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatalf("%s: %v", crashKillsEnv, err)
		}
		kills = n
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	last := map[string]int{} // the operation that each key's record is known to be after
	acknowledged, later := 0, 0
	enough := kills * crashKeys // a slow disk acknowledges little between two kills
	for round := 0; round < kills || acknowledged < enough && round < 20*kills; round++ {
		first := round*1_000_000 + 1
		acks := crashRound(t, dir, first, time.Duration(rng.IntN(150))*time.Millisecond)
		acknowledged += len(acks)
		later += crashJudge(t, dir, first, acks, last)
		if t.Failed() {
			t.Fatalf("round %d of %d", round+1, kills)
		}
	}
	if acknowledged < enough {
		t.Fatalf("the campaign acknowledged only %d writes in %d kills: it tested nothing", acknowledged, kills)
	}
	t.Logf("%d kills, %d keys judged with acknowledged writes, %d of them one write further", kills, acknowledged, later)
}

// crashRound lets a child write for about the time given after its first
// acknowledgement, kills it, and returns the last acknowledged operation of
// each key.
func crashRound(t *testing.T, dir string, first int, life time.Duration) map[string]int {
	t.Helper()
	cmd, out := crashChild(t, dir, first)
	var kill *time.Timer
	acks, rest := crashAcks(t, out, func() {
		kill = time.AfterFunc(life, func() { _ = cmd.Process.Kill() })
	})
	_ = cmd.Wait()
	if kill == nil || strings.Contains(rest, "FAIL") {
		t.Fatalf("the child ended by itself:\n%s", rest)
	}
	return acks
}

// crashChild starts a child whose first operation on each key is first.
func crashChild(t *testing.T, dir string, first int, env ...string) (*exec.Cmd, io.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrashChild$")
	cmd.Env = append(append(os.Environ(), crashDirEnv+"="+dir, crashFirstEnv+"="+strconv.Itoa(first)), env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

// crashAcks reads a child's output to its end: the last acknowledged operation
// of each key, and what else it said. begun is called at the first one.
func crashAcks(t *testing.T, out io.Reader, begun func()) (acks map[string]int, rest string) {
	t.Helper()
	acks = map[string]int{}
	var other strings.Builder
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil { // the end, perhaps within a line
			if !errors.Is(err, io.EOF) {
				t.Errorf("reading from the child: %v", err)
			}
			return acks, other.String()
		}
		var key string
		var n int
		if _, err := fmt.Sscanf(line, "acknowledged %s %d\n", &key, &n); err != nil {
			other.WriteString(line)
			continue
		}
		if acks[key] = n; len(acks) == 1 && begun != nil {
			begun()
			begun = nil
		}
	}
}

// crashJudge opens the store and compares it with acks; last is brought up to
// date. It returns how many keys are one operation further than acknowledged.
func crashJudge(t *testing.T, dir string, first int, acks, last map[string]int) (later int) {
	t.Helper()
	s, db, err := openCrash(dir)
	if err != nil {
		t.Fatalf("opening after the kill: %v", err)
	}
	defer func() {
		if err := db.Check(); err != nil {
			t.Errorf("check: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}()
	for w := range crashWriters {
		for i := range crashKeys {
			key := crashKey(w, i)
			done, acked := acks[key]
			next := done + 1
			if !acked {
				done, next = last[key], first
			}
			got, found := crashRead(t, s, db, key)
			switch {
			case found == !crashGone(done) && (!found || got == done):
				last[key] = done
			case found == !crashGone(next) && (!found || got == next):
				last[key] = next
				later++
			default:
				t.Errorf("%s: got operation %d (found %v), want the state after %d or %d", key, got, found, done, next)
			}
		}
	}
	return later
}

func crashGone(n int) bool { return n == 0 || crashDeletes(n) }

// crashRead reads key, and compares what answered, mostly L2 as the killed child
// left it, with the durable tier.
func crashRead(t *testing.T, s *tiered.Store, db *l3bolt.DB, key string) (n int, found bool) {
	t.Helper()
	it, err := s.GetItem(context.Background(), key)
	if err != nil && !errors.Is(err, tiered.ErrNotFound) {
		t.Fatalf("%s: %v", key, err)
	}
	rec, _, dbErr := db.Load(key)
	if dbErr != nil || rec.Version != it.Version {
		t.Errorf("%s: got version %d from %q, and the durable tier has %d, %v", key, it.Version, it.Tier, rec.Version, dbErr)
	}
	if err != nil {
		return 0, false
	}
	head, tail, _ := strings.Cut(string(it.Value), " ")
	n, err = strconv.Atoi(head)
	if err != nil || tail != strings.Repeat("v", n*37%900) {
		t.Fatalf("%s: a value that nobody wrote: %.40q", key, it.Value)
	}
	return n, true
}
