//go:build failpoints && linux

package tiered_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stratakv/strata/internal/sessiondata"
	"github.com/stratakv/strata/tiered"
)

const dictionaryDirEnv = "STRATA_TEST_DICTIONARY_DIR"

func numberedSession(i int) (key string, value []byte) {
	s := sessiondata.New(uint64(i))
	return fmt.Sprint("web:", i), s.JSON(s.Size())
}

// TestDictionaryChild writes sessions, and says which are acknowledged, until it
// is killed; alone it does nothing.
func TestDictionaryChild(t *testing.T) {
	dir := os.Getenv(dictionaryDirEnv)
	if dir == "" {
		t.Skip("runs as a child of TestFailpointDictionary")
	}
	s, err := tiered.Open(dir, &tiered.Options{SharedDir: dir + "-shared"})
	if err != nil {
		t.Fatal(err)
	}
	const writers = 32
	var mu sync.Mutex // one line at a time
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := w; ; i += writers {
				key, value := numberedSession(i)
				if err := s.Set(context.Background(), key, value, 0); err != nil {
					t.Errorf("set: %v", err)
					return
				}
				mu.Lock()
				fmt.Printf("acknowledged %d %d\n", i, len(s.Dictionaries()))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

// TestFailpointDictionary kills the child where a dictionary is durable and not
// yet known, and, in the second opening, when records name it: whatever was
// acknowledged can be read.
func TestFailpointDictionary(t *testing.T) {
	for _, spec := range []string{"l3bolt-dictionary=kill@1", "tiered-dictionary=kill@1"} {
		t.Run(spec, func(t *testing.T) {
			dir := t.TempDir()
			acked := map[int]bool{}
			dictionaryChild(t, dir, spec, acked, 0)
			dictionaryChild(t, dir, "", acked, 500)
			s, err := tiered.Open(dir, &tiered.Options{SharedDir: dir + "-shared"})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if got := len(s.Dictionaries()); got != 1 {
				t.Fatalf("got %d dictionaries, want 1", got)
			}
			for i := range acked {
				key, want := numberedSession(i)
				if got, err := s.Get(context.Background(), key); err != nil || !bytes.Equal(got, want) {
					t.Fatalf("session %d was acknowledged: got %d bytes, %v", i, len(got), err)
				}
			}
			t.Logf("%d acknowledged sessions", len(acked))
		})
	}
}

// dictionaryChild runs a child until the failpoint kills it, or until it has
// written so many sessions with a dictionary.
func dictionaryChild(t *testing.T, dir, spec string, acked map[int]bool, named int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestDictionaryChild$")
	cmd.Env = append(os.Environ(), dictionaryDirEnv+"="+dir, failpointEnv+"="+spec)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var rest []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var i, dictionaries int
		if n, _ := fmt.Sscanf(lines.Text(), "acknowledged %d %d", &i, &dictionaries); n != 2 {
			rest = append(rest, lines.Text())
			continue
		}
		acked[i] = true
		if named > 0 && dictionaries > 0 {
			if named--; named == 0 {
				_ = cmd.Process.Kill()
			}
		}
	}
	_ = cmd.Wait() // its status says how it ended
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the child was not killed: %v\n%s", cmd.ProcessState, strings.Join(rest, "\n"))
	}
}
