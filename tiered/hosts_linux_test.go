package tiered_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stratakv/strata/tiered"
)

// The campaign of many processes on one store: children work on few keys and
// say what they do; they are killed, stopped, and closed in order, most of all
// the owner, and others take their place. In the end what each of them saw must
// be one linearizable history of each key, what a store sees that is opened
// afterwards included: so no acknowledged write is lost, none happens twice,
// and nothing stale is served.
//
//	STRATA_HOSTS_ROUNDS=100 go test ./tiered -run TestHosts -timeout 60m -v

const (
	hostsRoundsEnv = "STRATA_HOSTS_ROUNDS"
	hostsChildren  = 5
	hostsKeys      = 24
)

// hostsRun is one round.
type hostsRun struct {
	t    *testing.T
	dir  string
	exe  string // whose tests the next child runs
	disk bool   // the next child's disk takes commands
	rng  *rand.Rand
	next int // ID of the next child

	mu       sync.Mutex // guards what follows
	history  hostsHistory
	bad      []string
	failed   []string // operations of unknown outcome, or that did not happen
	children map[int]*hostsChild
	owner    int             // ID of the child that said so of the highest epoch; 0: none
	owned    []int64         // when children said that they own
	epoch    uint64          // owner's
	epochs   map[uint64]bool // of all owners that said so
	faulty   []int64         // when an owner's fdatasync failed
	acked    []int64         // when writes were acknowledged
	deaths   []int64         // when an owner was killed
	faults   map[string]int
}

type hostsChild struct {
	id   int
	cmd  *exec.Cmd
	in   io.Writer     // commands for its disk
	done chan struct{} // closed when it has ended and all is read
}

func (r *hostsRun) start(env ...string) *hostsChild {
	r.t.Helper()
	r.next++
	task := hostsTask{
		Dir: r.dir, Shared: r.dir + "-shared", ID: r.next, Seed: r.rng.Uint64(), Keys: hostsKeys, Workers: 3,
		Pause: 6 * time.Millisecond, Follow: r.next%5 == 0, Disk: r.disk,
	}
	text, err := json.Marshal(task)
	if err != nil {
		r.t.Fatal(err)
	}
	c := &hostsChild{id: task.ID, done: make(chan struct{}), cmd: exec.Command(r.exe, "-test.run=^TestHostsChild$", "-test.v=false")}
	c.cmd.Env = append(append(os.Environ(), hostsEnv+"="+string(text)), env...)
	c.cmd.Stderr = os.Stderr
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		r.t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.mu.Lock()
	r.children[c.id] = c
	r.mu.Unlock()
	go func() {
		defer close(c.done)
		lines := bufio.NewReader(out)
		for {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				r.ended(c, c.cmd.Wait())
				return
			}
			var l hostsLine
			if json.Unmarshal(line, &l) == nil {
				r.take(c, l)
			}
		}
	}()
	return c
}

// ended takes note of a child's end; err is its Wait's. Most are killed.
func (r *hostsRun) ended(c *hostsChild, err error) {
	if c.cmd.ProcessState.ExitCode() > 0 {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.bad = append(r.bad, fmt.Sprintf("child %d: %v", c.id, err))
	}
}

// take takes in what a child said.
func (r *hostsRun) take(c *hostsChild, l hostsLine) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch l.What {
	case "bad":
		r.bad = append(r.bad, fmt.Sprintf("child %d: %s", c.id, l.Text))
	case "role":
		if l.Role == "owner" {
			r.owned = append(r.owned, l.At)
			r.epochs[l.Epoch] = true
			if l.Epoch >= r.epoch {
				r.owner, r.epoch = c.id, l.Epoch
			}
		}
	case "fault":
		r.faulty = append(r.faulty, l.At)
	case "call", "return":
		r.history.add(l)
		if l.How != "" {
			r.failed = append(r.failed, fmt.Sprintf("child %d: %s: %s", c.id, l.Event.Kind, l.How))
		}
		if l.What == "return" && l.How == "" && l.Event.Kind != "get" {
			r.acked = append(r.acked, l.At)
		}
	}
}

// victim picks a child, the owner two times out of three.
func (r *hostsRun) victim() *hostsChild {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.children[r.owner]; c != nil && r.rng.IntN(3) > 0 {
		return c
	}
	ids := make([]int, 0, len(r.children))
	for id := range r.children {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return r.children[ids[r.rng.IntN(len(ids))]]
}

// harm does one thing to one child.
func (r *hostsRun) harm() {
	c := r.victim()
	r.mu.Lock()
	owns := c.id == r.owner
	r.mu.Unlock()
	who := "a follower"
	if owns {
		who = "the owner"
	}
	switch n := r.rng.IntN(10); {
	case n < 6:
		r.count("killed " + who)
		if owns {
			r.mu.Lock()
			r.deaths = append(r.deaths, monotonic())
			r.mu.Unlock()
		}
		r.end(c, syscall.SIGKILL)
		r.start()
	case n < 8:
		r.count("closed " + who)
		r.end(c, syscall.SIGTERM)
		r.start()
	default:
		r.count("stopped " + who)
		_ = c.cmd.Process.Signal(syscall.SIGSTOP)
		time.Sleep(time.Duration(50+r.rng.IntN(700)) * time.Millisecond)
		_ = c.cmd.Process.Signal(syscall.SIGCONT)
	}
}

func (r *hostsRun) count(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults[what]++
}

// end ends a child and waits until all that it said is read.
func (r *hostsRun) end(c *hostsChild, sig syscall.Signal) {
	r.mu.Lock()
	delete(r.children, c.id)
	r.mu.Unlock()
	_ = c.cmd.Process.Signal(sig)
	late := time.AfterFunc(30*time.Second, func() {
		r.mu.Lock()
		r.bad = append(r.bad, fmt.Sprintf("child %d did not end within 30 s", c.id))
		r.mu.Unlock()
		_ = c.cmd.Process.Signal(syscall.SIGQUIT)
	})
	<-c.done
	late.Stop()
}

func newHostsRun(t *testing.T, seed uint64) *hostsRun {
	return &hostsRun{
		t: t, dir: t.TempDir() + "/store", exe: os.Args[0], rng: rand.New(rand.NewPCG(seed, 0)), next: 100 * int(seed%7),
		history: hostsHistory{calls: map[[2]int]hostsLine{}}, children: map[int]*hostsChild{}, faults: map[string]int{},
		epochs: map[uint64]bool{},
	}
}

// hostsRound runs a round of so long and returns it, judged by final reads.
func hostsRound(t *testing.T, seed uint64, length time.Duration, env ...string) (*hostsRun, error) {
	t.Helper()
	r := newHostsRun(t, seed)
	for range hostsChildren {
		r.start(env...)
	}
	for until := monotonic() + int64(length); monotonic() < until; {
		time.Sleep(time.Duration(50+r.rng.IntN(450)) * time.Millisecond)
		r.harm()
	}
	return r, r.finish()
}

// finish ends all children, in order or by a kill, and judges.
func (r *hostsRun) finish() error {
	for _, c := range r.children {
		defer r.end(c, syscall.SIGKILL) // should what follows fail
	}
	for _, c := range r.children {
		r.end(c, []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM}[r.rng.IntN(2)])
	}
	r.history.end()
	if err := r.readAll(); err != nil {
		return err
	}
	if len(r.bad) > 0 {
		return errors.New(r.bad[0])
	}
	return r.history.judge()
}

// readAll reads all keys in a store that is opened last.
func (r *hostsRun) readAll() error {
	s, err := tiered.Open(r.dir, &tiered.Options{L1Bytes: 1 << 20, L2Bytes: 1 << 20, SharedDir: r.dir + "-shared"})
	if err != nil {
		return err
	}
	defer s.Close()
	for k := range hostsKeys {
		e := event{Key: fmt.Sprintf("k%d", k), Kind: "get", Before: s.NowMilli(), Call: monotonic()}
		it, err := s.GetItem(context.Background(), e.Key)
		if err != nil && !errors.Is(err, tiered.ErrNotFound) {
			return err
		}
		e.OK, e.Seen, e.Version, e.After = err == nil, string(it.Value), it.Version, s.NowMilli()
		r.history.add(hostsLine{What: "return", Event: e, At: monotonic()})
	}
	return nil
}

// takeovers is the time from each kill of an owner to the next acknowledged
// write.
func (r *hostsRun) takeovers() []time.Duration {
	slices.Sort(r.acked)
	slices.Sort(r.owned)
	var all []time.Duration
	for _, death := range r.deaths {
		i, _ := slices.BinarySearch(r.owned, death)
		if i == len(r.owned) {
			continue
		}
		if j, _ := slices.BinarySearch(r.acked, r.owned[i]); j < len(r.acked) {
			all = append(all, time.Duration(r.acked[j]-death))
		}
	}
	return all
}

// hostsRounds is what the environment asks for, or usual; one in short tests.
func hostsRounds(t *testing.T, usual int) (rounds int) {
	t.Helper()
	v := os.Getenv(hostsRoundsEnv)
	if v == "" && testing.Short() {
		return 1
	}
	if v == "" {
		return usual
	}
	if _, err := fmt.Sscan(v, &rounds); err != nil || rounds < 1 {
		t.Fatalf("%s=%s: want a number above 0", hostsRoundsEnv, v)
	}
	return rounds
}

func TestHosts(t *testing.T) {
	rounds, length := hostsRounds(t, 2), 4*time.Second
	faults, events := map[string]int{}, 0
	var takeovers []time.Duration
	// What is done to whom is drawn: a round may have no kill of an owner.
	for n := 0; n < rounds || n < rounds+4 && len(takeovers) == 0; n++ {
		seed := rand.Uint64()
		r, err := hostsRound(t, seed, length)
		for what, n := range r.faults {
			faults[what] += n
		}
		events += len(r.history.ops)
		takeovers = append(takeovers, r.takeovers()...)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
	t.Logf("%d rounds, %d events, %v", rounds, events, faults)
	if faults["killed the owner"] == 0 || len(takeovers) == 0 {
		t.Fatal("no owner was killed: nothing was tested")
	}
	slices.Sort(takeovers)
	at := func(q float64) time.Duration { return takeovers[int(q*float64(len(takeovers)-1))] }
	t.Logf("%d takeovers: p50 %v, p99 %v, longest %v from the kill to the next acknowledged write",
		len(takeovers), at(0.5), at(0.99), at(1))
}

func (r *hostsRun) startFour() []*hostsChild {
	children := make([]*hostsChild, 4)
	for i := range children {
		children[i] = r.start()
	}
	waitFor(r.t, "owner", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.children[r.owner] != nil
	})
	time.Sleep(300 * time.Millisecond)
	return children
}

// replaceAll closes the children in order and replaces them, one by one.
func (r *hostsRun) replaceAll(children []*hostsChild) {
	for i, c := range children {
		r.end(c, syscall.SIGTERM)
		children[i] = r.start()
		time.Sleep(200 * time.Millisecond)
	}
}

// finishWithout is finish after a run in which no operation may have failed.
func (r *hostsRun) finishWithout(seed uint64) {
	r.t.Helper()
	r.mu.Lock()
	failed := slices.Clone(r.failed) // what comes at the end is killed
	r.mu.Unlock()
	if len(failed) > 0 {
		r.t.Errorf("seed %d: %d operations failed: %s", seed, len(failed), failed[0])
	}
	if err := r.finish(); err != nil {
		r.t.Errorf("seed %d: %v", seed, err)
	}
}

// TestHostsRollingRestart: all processes are closed and replaced in turn, twice,
// under load, and no caller sees an error.
func TestHostsRollingRestart(t *testing.T) {
	seed := rand.Uint64()
	r := newHostsRun(t, seed)
	children := r.startFour()
	for range 2 {
		r.replaceAll(children)
	}
	r.finishWithout(seed)
	owners := map[int64]bool{}
	for _, at := range r.owned {
		owners[at] = true
	}
	if len(owners) < 3 {
		t.Errorf("got %d owners: the ownership did not go round", len(owners))
	}
	t.Logf("%d events, %d owners", len(r.history.ops), len(owners))
}

// TestHostsRollingUpgrade: processes of a build that speaks the wire's version
// before are replaced one by one, under load, and back, and no caller sees an
// error.
func TestHostsRollingUpgrade(t *testing.T) {
	if testing.Short() {
		t.Skip("builds this package's tests with the tag wire1")
	}
	before := t.TempDir() + "/before.test"
	if out, err := exec.Command("go", "test", "-c", "-tags", "wire1", "-o", before, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	seed := rand.Uint64()
	r := newHostsRun(t, seed)
	r.exe = before
	children := r.startFour()
	for _, r.exe = range []string{os.Args[0], before} {
		r.replaceAll(children)
	}
	r.finishWithout(seed)
	t.Logf("%d events", len(r.history.ops))
}
