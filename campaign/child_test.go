//go:build linux

package campaign_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stratakv/strata/tiered/tier"
	"golang.org/x/sys/unix"
)

// task is what a child is to do.
type task struct {
	Role string // "" writes; see damageTask for the others
	Kind string // of subject
	Dir  string
	Load load

	Reads bool // reads all keys when the writers have ended
	Close bool // closes the store at its end, else ends like a kill

	Damage damageTask
}

// How an operation ended, as a child says it.
const (
	ended       = "acknowledged"
	unknown     = "unknown"     // ErrUnknownOutcome
	unavailable = "unavailable" // ErrUnavailable
	full        = "full"        // ErrFull
	saw         = "saw"         // a read: which operation the key is after
	bad         = "bad"         // anything else: the rest of the line says what
	opened      = "opened"
	finished    = "finished"
)

// childMain is the child's main function; it returns the exit code.
func childMain(text string) int {
	var tk task
	if err := json.Unmarshal([]byte(text), &tk); err != nil {
		fmt.Println(bad, err)
		return 2
	}
	switch tk.Role {
	case buildRole:
		return buildChild(tk.Damage)
	case damageRole:
		return damageChild(tk.Damage)
	}
	s, err := openSubject(tk.Kind, tk.Dir)
	if err != nil {
		speaker()("%s open: %s %v", bad, outcome(err), err)
		return 1
	}
	say := speaker()
	say("%s", opened)
	work(tk.Load, s, say)
	if tk.Reads {
		read(tk.Load, s, say)
	}
	if tk.Close {
		if err := s.close(); err != nil {
			say("%s close: %v", bad, err)
		}
	}
	say("%s", finished)
	return 0
}

func read(ld load, s subject, say func(string, ...any)) {
	for _, key := range ld.keys() {
		n, err := look(ld, s, key)
		if err != nil {
			say("%s read: %v", bad, err)
			continue
		}
		say("%s %s %d %d", saw, key, n, now())
	}
}

// speaker writes whole lines to standard output, one at a time.
func speaker() func(format string, args ...any) {
	var mu sync.Mutex
	return func(format string, args ...any) {
		line := fmt.Appendf(nil, format, args...)
		for i, b := range line {
			if b == '\n' {
				line[i] = ';'
			}
		}
		mu.Lock()
		defer mu.Unlock()
		_, _ = os.Stdout.Write(append(line, '\n'))
	}
}

// work does the operations of ld, each writer its own, until the store is
// unavailable.
func work(ld load, s subject, say func(string, ...any)) {
	var wg sync.WaitGroup
	for w := range ld.Writers {
		wg.Go(func() {
			for n := ld.First; ld.Ops == 0 || n < ld.First+ld.Ops; n++ {
				for i := range ld.Keys {
					key := ld.key(w, i)
					err := operate(ld, s, key, n)
					how := outcome(err)
					if how == bad {
						say("%s write: %v", bad, err)
						return
					}
					say("%s %s %d %d", how, key, n, now())
					if how == unavailable {
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

// now is a clock that all processes of the host share.
func now() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(err)
	}
	return ts.Nano()
}

// operate does the n-th operation on key.
func operate(ld load, s subject, key string, n int) error {
	if gone(n) {
		return s.remove(key)
	}
	return s.set(key, ld.valueOf(key, n), time.Duration(n%3)*time.Hour)
}

// outcome is the word for a write's error. An error that matches two sentinels
// is bad: callers branch on them.
func outcome(err error) string {
	if err == nil {
		return ended
	}
	word := ""
	for _, c := range []struct {
		sentinel error
		word     string
	}{{tier.ErrUnknownOutcome, unknown}, {tier.ErrUnavailable, unavailable}, {tier.ErrFull, full}} {
		if errors.Is(err, c.sentinel) {
			if word != "" {
				return bad
			}
			word = c.word
		}
	}
	if word == "" {
		return bad
	}
	return word
}

var errNothing = errors.New("the child acknowledged nothing")

// child is a running child.
type child struct {
	cmd   *exec.Cmd
	lines *bufio.Reader
	// cutAt is when the power began to go, 0 while it is there. An operation
	// that ended later proves nothing: a machine without power acknowledges
	// nothing, but a kernel that is only told so may.
	cutAt atomic.Int64
}

func startChild(t *testing.T, tk task) *child {
	t.Helper()
	text, err := json.Marshal(tk)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{cmd: cmd, lines: bufio.NewReader(out)}
	t.Cleanup(c.kill)
	return c
}

func (c *child) kill() { _ = c.cmd.Process.Kill() }

// line is the next whole line, its words; nil at the end.
func (c *child) line() []string {
	line, err := c.lines.ReadString('\n')
	if err != nil { // within a line too: it was never said
		if !errors.Is(err, io.EOF) {
			return []string{bad, err.Error()}
		}
		return nil
	}
	return strings.Fields(line)
}

// follow takes the child's words into l until it ends, and calls first after
// the first acknowledgement. It returns what went wrong, and whether the child
// came to its own end.
func (c *child) follow(l *ledger, reads func(key string, n int) error, first func()) (whole bool, err error) {
	var faults []error
	for words := c.line(); words != nil; words = c.line() {
		switch words[0] {
		case opened:
		case finished:
			whole = true
		case ended, unknown, unavailable, full, saw:
			var n int
			var at int64
			if len(words) != 4 {
				faults = append(faults, fmt.Errorf("the child said %q", words))
				continue
			}
			if _, err := fmt.Sscan(words[2]+" "+words[3], &n, &at); err != nil {
				faults = append(faults, fmt.Errorf("the child said %q", words))
				continue
			}
			if words[0] == saw {
				if reads != nil {
					faults = append(faults, reads(words[1], n))
				}
				continue
			}
			if off := c.cutAt.Load(); off != 0 && at >= off && words[0] == ended {
				l.late(words[1], n)
				continue
			}
			faults = append(faults, l.note(words[0], words[1], n))
			if words[0] == ended && first != nil {
				first()
				first = nil
			}
		default:
			faults = append(faults, errors.New(strings.Join(words, " ")))
		}
	}
	_ = c.cmd.Wait()
	if first != nil {
		faults = append(faults, errNothing)
	}
	return whole, errors.Join(faults...)
}
