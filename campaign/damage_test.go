//go:build linux

package campaign_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stratakv/strata/l3bolt"
)

// The rule for a store whose files were damaged while nobody had it open:
//
//  1. It opens, or Open says ErrCorrupt and names the file.
//  2. Open, it gives for each key the value that was last written, or
//     ErrCorrupt; never another value.
//  3. A journal whose end is damaged may open as it was after an earlier
//     group, whole, if each group behind that one lies within the damage:
//     that cannot be told from a write that the power cut short. A whole group
//     behind a damaged one is ErrCorrupt.
//  4. Damage of store.db's keys can hide a record: bbolt's pages have no
//     checksums. Then Check says ErrCorrupt.

const (
	damageRole  = "damage"
	buildRole   = "build"
	damageOps   = 600
	damageKeys  = 50
	damageLimit = 20 * time.Second // of silence
)

// damageTask is a child's: to build a store, or to damage copies of one.
type damageTask struct {
	Sound   string // the sound store
	Scratch string
	Seed    uint64
	From    int // first round
	To      int
	Close   bool // of a build
}

var damageLoad = load{Bytes: 1500}

// damageOp is the s-th operation on the store, s from 1: one group each.
func damageOp(s int) (key string, n int) {
	return fmt.Sprintf("key%02d", (s-1)%damageKeys), (s-1)/damageKeys + 1
}

// damageState is the operation that each key is after, after s operations.
func damageState(s int) map[string]int {
	state := map[string]int{}
	for i := 1; i <= s; i++ {
		key, n := damageOp(i)
		state[key] = n
	}
	return state
}

func openDamage(dir string) (*single, error) {
	s, err := openSingle(dir, &l3bolt.Options{SegmentBytes: 32 << 10, CheckpointBytes: 256 << 10, SpareBytes: -1})
	if err != nil {
		return nil, err
	}
	return s.(*single), nil
}

// buildChild makes a store and ends, with Close or as if killed.
func buildChild(tk damageTask) int {
	s, err := openDamage(tk.Sound)
	for i := 1; err == nil && i <= damageOps; i++ {
		key, n := damageOp(i)
		err = operate(damageLoad, s, key, n)
	}
	if err == nil && tk.Close {
		err = s.close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// TestDamage damages files of closed and of killed stores, each in a child
// that may fall: it must not.
func TestDamage(t *testing.T) {
	rng := newRand(t)
	n := rounds(t, "STRATA_DAMAGE_ROUNDS", 300)
	words := map[string]int{}
	for _, closed := range []bool{true, false} {
		base := t.TempDir()
		tk := damageTask{Sound: filepath.Join(base, "sound"), Scratch: filepath.Join(base, "damaged"), Seed: rng.Uint64(), To: n / 2, Close: closed}
		if err := damageRun(buildRole, tk, func([]string) {}); err != nil {
			t.Fatalf("building a store: %v", err)
		}
		for tk.From < tk.To {
			phase := ""
			err := damageRun(damageRole, tk, func(line []string) {
				switch line[0] {
				case "round":
					_, _ = fmt.Sscan(line[1], &tk.From)
					phase = strings.Join(line, " ")
				case "check":
					phase = "check"
				case "wrong":
					t.Errorf("closed %t, seed %d, %s: %s", closed, tk.Seed, phase, strings.Join(line[1:], " "))
				default:
					words[line[0]]++
				}
			})
			if err == nil {
				break
			}
			if phase == "check" { // which it may, as its documentation says
				words["check-ended-the-process"]++
			} else {
				t.Errorf("closed %t, seed %d, %s: %v", closed, tk.Seed, phase, err)
			}
			tk.From++
		}
	}
	t.Logf("%v", words)
	for _, w := range []string{"refused", "met", "cut", "unharmed", "unchecked-lied"} {
		if words[w] == 0 {
			t.Errorf("no round was %q: the campaign is not complete", w)
		}
	}
	report(t, row{
		fault: "Damage at rest",
		where: "bit flips, noise, zeroed pages, cuts and garbage at the end, in store.db and journal segments of closed and killed stores",
		often: fmt.Sprintf("%d rounds", n),
		result: fmt.Sprintf("%d refused with the file's name, %d opened and said `ErrCorrupt` for what was hit, %d torn ends cut, %d answered not found for a record and `Check` told, %d unharmed; no wrong value, no panic, no hang",
			words["refused"], words["met"], words["cut"], words["hidden"], words["unharmed"]),
		control: fmt.Sprintf("a reader that skips the checksums gives wrong values in %d rounds", words["unchecked-lied"]),
	})
}

// damageRun runs a child and hands its lines on; a silent one is killed.
func damageRun(role string, tk damageTask, line func(words []string)) error {
	text, err := json.Marshal(task{Role: role, Damage: tk})
	if err != nil {
		return err
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(text), "GOMEMLIMIT=1GiB")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	hung := time.AfterFunc(damageLimit, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) })
	defer hung.Stop()
	c := &child{cmd: cmd, lines: bufio.NewReader(pipe)}
	for words := c.line(); words != nil; words = c.line() {
		hung.Reset(damageLimit)
		line(words)
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%w: %.3000s", err, stderr.String())
	}
	return nil
}

// damageChild goes through its rounds. Its lines: "round n what", then one
// word for what came of it, or "wrong" and why.
func damageChild(tk damageTask) int {
	say := speaker()
	files, err := storeFiles(tk.Sound)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for i := tk.From; i < tk.To; i++ {
		rng := rand.New(rand.NewPCG(tk.Seed, uint64(i)))
		h := anyHarm(rng, files)
		say("round %d %s", i, h)
		dir := filepath.Join(tk.Scratch, fmt.Sprint(i))
		if err := writeHarmed(dir, files, h); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		v := &victim{dir: dir, harm: h, files: files, say: say}
		v.examine()
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return 0
}
