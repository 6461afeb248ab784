package tiered_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/tiered"
)

// hostsTask is what a child of TestHosts does.
type hostsTask struct {
	Dir     string
	Shared  string
	ID      int // no other child of the run has it
	Seed    uint64
	Keys    int
	Workers int
	Pause   time.Duration // at most so long between two operations of a worker
	Follow  bool          // never own
	Disk    bool          // the journal is on a commandedDisk, commanded over standard input
}

const hostsEnv = "STRATA_TEST_HOSTS_CHILD"

// hostsLine is one line that a child says.
type hostsLine struct {
	What   string // call, return, role, open, closed, fault, bad
	Client int
	N      int   // number of the client's operation
	At     int64 // CLOCK_MONOTONIC, which all processes share

	Event event // of call and return
	// How an operation ended: "" as Event says; "unknown"; "dropped": it has not
	// happened.
	How string

	Role  string
	Epoch uint64
	Text  string
}

func monotonic() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(err)
	}
	return ts.Nano()
}

// hostsSay writes whole lines to standard output, one at a time.
type hostsSay struct{ mu sync.Mutex }

func (s *hostsSay) line(l hostsLine) {
	l.At = monotonic()
	b, err := json.Marshal(l)
	if err != nil {
		panic(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = os.Stdout.Write(append(b, '\n'))
}

// TestHostsChild is a child of TestHosts; alone it does nothing. It works until
// SIGTERM, and then closes the store.
func TestHostsChild(t *testing.T) {
	text := os.Getenv(hostsEnv)
	if text == "" {
		t.Skip("runs as a child of TestHosts")
	}
	var task hostsTask
	if err := json.Unmarshal([]byte(text), &task); err != nil {
		t.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	say := new(hostsSay)
	s, err := openHosts(ctx, &task, say)
	if err != nil {
		if ctx.Err() == nil {
			say.line(hostsLine{What: "bad", Text: "open: " + err.Error()})
		}
		return
	}
	say.line(hostsLine{What: "open", Client: task.ID})
	var wg sync.WaitGroup
	wg.Go(func() { sayRole(ctx, s, say, task.ID) })
	for w := range task.Workers {
		h := &hostsWorker{
			s: s, say: say, task: &task, client: task.ID*100 + w, known: map[string]uint64{},
			rng: rand.New(rand.NewPCG(task.Seed, uint64(task.ID*100+w))),
		}
		wg.Go(func() { h.work(ctx) })
	}
	wg.Wait()
	if err := s.Close(); err != nil {
		say.line(hostsLine{What: "bad", Text: "close: " + err.Error()})
	}
	say.line(hostsLine{What: "closed", Client: task.ID})
}

// openHosts opens the store; while its owner is stopped it has to wait.
func openHosts(ctx context.Context, task *hostsTask, say *hostsSay) (*tiered.Store, error) {
	o := &tiered.Options{L1Bytes: 1 << 20, L2Bytes: 1 << 20, SharedDir: task.Shared}
	if task.Follow {
		o.Role = tiered.RoleFollower
	}
	var fs l3bolt.FS
	if task.Disk {
		disk := &commandedDisk{fault: func() { say.line(hostsLine{What: "fault", Client: task.ID}) }}
		go disk.listen(os.Stdin)
		fs = disk
	}
	for {
		s, err := tiered.OpenOn(ctx, task.Dir, o, fs)
		if err == nil || ctx.Err() != nil || !errors.Is(err, tiered.ErrUnavailable) {
			return s, err
		}
	}
}

// sayRole says when the process's role changes.
func sayRole(ctx context.Context, s *tiered.Store, say *hostsSay, id int) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	last := ""
	for {
		st := s.Stats()
		if now := fmt.Sprint(st.Role, st.Epoch); now != last {
			last = now
			say.line(hostsLine{What: "role", Client: id, Role: st.Role.String(), Epoch: st.Epoch})
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// hostsWorker does operations and says them.
type hostsWorker struct {
	s      *tiered.Store
	say    *hostsSay
	task   *hostsTask
	client int
	n      int
	rng    *rand.Rand
	known  map[string]uint64 // versions seen
}

func (h *hostsWorker) work(ctx context.Context) {
	for ctx.Err() == nil {
		h.one()
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(h.rng.Int64N(int64(h.task.Pause) + 1))):
		}
	}
}

// one does one operation. What a write is to do is said before it is done: a
// child that is killed meanwhile may have done it.
func (h *hostsWorker) one() {
	h.n++
	key := fmt.Sprintf("k%d", h.rng.IntN(h.task.Keys))
	e := event{Key: key, Value: fmt.Sprintf("%d-%d", h.client, h.n), Before: h.s.NowMilli()}
	var do func(*event) error
	switch h.rng.IntN(12) {
	case 0, 1, 2, 3, 4:
		e.Kind, do = "get", h.get
	case 5, 6:
		e.Kind, do = "set", h.set
		if h.rng.IntN(4) == 0 {
			e.Deadline = e.Before + 50 + h.rng.Int64N(500)
		}
	case 7:
		e.Kind, do = "delete", h.remove
	case 8, 9:
		e.Kind, e.Expect, do = "cas", h.known[key], h.cas
		if h.rng.IntN(4) == 0 {
			e.Expect = 0
		}
	case 10:
		e.Kind, do = "rmw", h.update
	case 11:
		e.Kind, do = "touch", h.touch
	}
	if e.Kind != "get" {
		h.say.line(hostsLine{What: "call", Client: h.client, N: h.n, Event: e})
	}
	call := monotonic()
	err := do(&e)
	e.After = h.s.NowMilli()
	l := hostsLine{What: "return", Client: h.client, N: h.n, Event: e}
	l.Event.Call = call
	switch {
	case err == nil:
		if e.Version != 0 {
			h.known[key] = e.Version
		}
	case errors.Is(err, tiered.ErrUnknownOutcome):
		l.How = "unknown"
	case errors.Is(err, tiered.ErrUnavailable):
		l.How = "dropped"
	default:
		l.What, l.Text = "bad", e.Kind+": "+err.Error()
	}
	h.say.line(l)
}

func (h *hostsWorker) get(e *event) error {
	it, err := h.s.GetItem(context.Background(), e.Key)
	if errors.Is(err, tiered.ErrNotFound) {
		return nil
	}
	e.OK, e.Seen, e.Version = err == nil, string(it.Value), it.Version
	return err
}

func (h *hostsWorker) set(e *event) error {
	it := tiered.Item{Key: e.Key, Value: []byte(e.Value)}
	if e.Deadline != 0 {
		it.Expires = time.UnixMilli(e.Deadline)
	}
	it, err := h.s.SetItem(context.Background(), it)
	e.Version = it.Version
	return err
}

func (h *hostsWorker) remove(e *event) error { return h.s.Delete(context.Background(), e.Key) }

func (h *hostsWorker) cas(e *event) error {
	it, err := h.s.CompareAndSet(context.Background(), e.Key, e.Expect, []byte(e.Value), 0)
	switch {
	case err == nil:
		e.OK, e.Version = true, it.Version
	case errors.Is(err, tiered.ErrVersion):
		e.Found, e.Seen, e.Version, err = it.Version != 0, string(it.Value), it.Version, nil
	}
	return err
}

func (h *hostsWorker) update(e *event) error {
	e.OK = true
	it, err := h.s.Update(context.Background(), e.Key, func(old tiered.Item, found bool) ([]byte, time.Duration, error) {
		e.Found, e.Seen = found, string(old.Value)
		return []byte(e.Value), 0, nil
	})
	e.Version = it.Version
	return err
}

func (h *hostsWorker) touch(e *event) error {
	e.Deadline = e.Before + far.Milliseconds()
	err := h.s.Touch(context.Background(), e.Key, far)
	if errors.Is(err, tiered.ErrNotFound) {
		return nil
	}
	e.OK = err == nil
	return err
}
