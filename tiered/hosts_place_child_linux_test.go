package tiered_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stratakv/strata/tiered"
)

// guestTask says how a child sees the host, and with which options it opens the
// store.
type guestTask struct {
	Dir, Shared string
	Role        tiered.Role
	Hide        bool // a file system of its own lies over Shared; needs CLONE_NEWNS
	ReadOnly    bool // Dir cannot be written; needs CLONE_NEWNS
	Cold        bool // without L1
	Disk        bool // the journal is on a commandedDisk
}

// guestAnswer is what a child answers to one command.
type guestAnswer struct {
	Err, Value, Tier                        string
	Unavailable, Unknown, Locked, ErrAbsent bool
	Expired                                 bool // the context's deadline
	Stats                                   tiered.Stats
	Log                                     []string
}

const guestEnv = "STRATA_TEST_GUEST"

// guest is a child that does what it is told, one command at a time.
type guest struct {
	t   *testing.T
	cmd *exec.Cmd
	in  *bufio.Writer
	out *bufio.Reader
}

func startGuest(t *testing.T, task guestTask, attr syscall.SysProcAttr, env ...string) *guest {
	t.Helper()
	text, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	attr.Pdeathsig = syscall.SIGKILL
	g := &guest{t: t, cmd: exec.Command(os.Args[0], "-test.run=^TestGuestChild$", "-test.v=false")}
	g.cmd.Env = append(append(os.Environ(), guestEnv+"="+string(text)), env...)
	g.cmd.Stderr, g.cmd.SysProcAttr = os.Stderr, &attr
	if attr.Credential != nil {
		g.cmd.Path, g.cmd.Dir = "/proc/self/exe", "/" // whoever he becomes can reach these
	}
	in, err := g.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := g.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.kill)
	g.in, g.out = bufio.NewWriter(in), bufio.NewReader(out)
	return g
}

func (g *guest) kill() {
	_ = g.cmd.Process.Kill()
	_ = g.cmd.Wait()
}

// stop returns when all of the child's threads stand still.
func (g *guest) stop() {
	g.t.Helper()
	if err := g.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		g.t.Fatal(err)
	}
	waitFor(g.t, "stop of all its threads", func() bool { return threadsStopped(g.t, g.cmd.Process.Pid) })
}

func (g *guest) goOn() {
	g.t.Helper()
	if err := g.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		g.t.Fatal(err)
	}
}

// tell sends a command, and hear waits for its answer.
func (g *guest) tell(words ...string) {
	_, _ = fmt.Fprintln(g.in, strings.Join(words, " "))
	_ = g.in.Flush()
}

func (g *guest) hear() (a guestAnswer) {
	g.t.Helper()
	line, err := g.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &a)
	}
	if err != nil {
		g.t.Fatalf("a child's answer: %v", err)
	}
	return a
}

func (g *guest) ask(words ...string) guestAnswer {
	g.t.Helper()
	g.tell(words...)
	return g.hear()
}

// must is ask of a command that succeeds.
func (g *guest) must(words ...string) guestAnswer {
	g.t.Helper()
	a := g.ask(words...)
	if a.Err != "" {
		g.t.Fatalf("%s: %s", strings.Join(words, " "), a.Err)
	}
	return a
}

func (g *guest) want(key, value string) {
	g.t.Helper()
	for range 3 { // the last ones from L1
		if got := g.must("get", key); got.Value != value {
			g.t.Fatalf("%s: got %q, want %q", key, got.Value, value)
		}
	}
}

// wantWithout: the child has no caches, and says so in Stats and in one line.
func (g *guest) wantWithout() {
	g.t.Helper()
	a := g.must("stats")
	if st := a.Stats; st.Role != tiered.RoleFollower || st.L1.Attached || st.L2.Attached || st.L1.Detached == "" || st.L2.Detached == "" {
		g.t.Errorf("got role %v, L1 %+v, L2 %+v; want a follower without caches that says why", st.Role, st.L1, st.L2)
	}
	if n := strings.Count(strings.Join(a.Log, "\n"), "without caches"); n != 1 {
		g.t.Errorf("got %d lines that say so, want 1: %q", n, a.Log)
	}
}

// guestLog keeps the lines of the child's log.
type guestLog struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (l *guestLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *guestLog) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSpace(l.buf.String()), "\n")
}

// TestGuestChild is the child of the tests of odd places.
func TestGuestChild(t *testing.T) {
	text := os.Getenv(guestEnv)
	if text == "" {
		t.Skip("runs as a child")
	}
	var task guestTask
	if err := json.Unmarshal([]byte(text), &task); err != nil {
		t.Fatal(err)
	}
	if task.Hide {
		if err := unix.Mount("tmpfs", task.Shared, "tmpfs", 0, "mode=0700"); err != nil {
			t.Fatal(err)
		}
	}
	if task.ReadOnly {
		err := unix.Mount(task.Dir, task.Dir, "", unix.MS_BIND, "")
		if err == nil {
			err = unix.Mount("", task.Dir, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	g := newGuestStore(task)
	commands, answers := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	for commands.Scan() {
		if err := answers.Encode(g.do(strings.Fields(commands.Text()))); err != nil {
			return
		}
	}
}

// guestStore is the child's side.
type guestStore struct {
	task guestTask
	opts *tiered.Options
	log  *guestLog
	disk *commandedDisk // nil: the operating system's
	s    *tiered.Store
}

func newGuestStore(task guestTask) *guestStore {
	g := &guestStore{task: task, log: new(guestLog)}
	g.opts = &tiered.Options{
		L1Bytes: 1 << 20, L2Bytes: 1 << 20, SharedDir: task.Shared, Role: task.Role,
		Logger: slog.New(slog.NewTextHandler(g.log, nil)),
	}
	if task.Cold {
		g.opts.L1Bytes = -1
	}
	if task.Disk {
		g.disk = &commandedDisk{fault: func() {}}
	}
	return g
}

// do does one command: its name, its arguments, and at the end perhaps how long
// it may take.
func (g *guestStore) do(words []string) (a guestAnswer) {
	ctx := context.Background()
	if limit, err := time.ParseDuration(words[len(words)-1]); err == nil && limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	var err error
	switch words[0] {
	case "open":
		err = g.open(ctx)
	case "get":
		var it tiered.Item
		it, err = g.s.GetItem(ctx, words[1])
		a.Value, a.Tier = string(it.Value), it.Tier.String()
	case "set":
		err = g.s.Set(ctx, words[1], []byte(words[2]), 0)
	case "stats":
		a.Stats, a.Log = g.s.Stats(), g.log.lines()
	case "now":
		a.Value = g.s.Now().String()
	case "disk":
		g.disk.command(words[1])
	case "stalled":
		a.Value = fmt.Sprint(g.disk.stalled())
	case "close":
		err = g.s.Close()
	}
	if err != nil {
		a.Err = err.Error()
		a.Unavailable, a.Unknown = errors.Is(err, tiered.ErrUnavailable), errors.Is(err, tiered.ErrUnknownOutcome)
		a.Locked, a.ErrAbsent = errors.Is(err, tiered.ErrLocked), errors.Is(err, tiered.ErrNotFound)
		a.Expired = errors.Is(err, context.DeadlineExceeded)
	}
	return a
}

func (g *guestStore) open(ctx context.Context) (err error) {
	if g.disk == nil {
		g.s, err = tiered.OpenContext(ctx, g.task.Dir, g.opts)
		return err
	}
	g.s, err = tiered.OpenOn(ctx, g.task.Dir, g.opts, g.disk)
	return err
}
