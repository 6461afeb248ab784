//go:build linux || darwin

package host_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/stratakv/strata/host"
	"github.com/stratakv/strata/tiered/tier"
)

// toyStore is a truth in a directory: a lock file, and a log with one entry for
// each write that did something. What it has written survives a kill.
type toyStore struct {
	dir string
	// blind leaves the tickets out: a control that the tests must catch.
	blind bool
	// silent writes no log.
	silent bool
	// forgetful remembers nothing, and says so.
	forgetful bool
	// before and after run around the application of each write, without a lock.
	before, after func(ctx context.Context) error
}

// toy is an opened toyStore.
type toy struct {
	toyStore
	lock, log *os.File
	epoch     uint64
	failed    chan struct{}
	applied   int // entries written in this opening

	mu       sync.Mutex // guards all below
	closed   bool
	version  uint64
	recs     map[string]tier.Record
	memories map[[16]byte]map[uint64][]byte
}

func (s toyStore) own(context.Context) (host.Owned, error) {
	lock, err := os.OpenFile(filepath.Join(s.dir, "LOCK"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, tier.ErrLocked
		}
		return nil, err
	}
	t := &toy{
		toyStore: s, lock: lock, failed: make(chan struct{}),
		recs: make(map[string]tier.Record), memories: make(map[[16]byte]map[uint64][]byte),
	}
	t.log, err = os.OpenFile(filepath.Join(s.dir, "log"), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	entries, err := readToy(s.dir)
	if err != nil {
		return nil, err
	}
	for _, l := range entries {
		t.replay(l)
	}
	_, err = t.append(toyEntry{}) // an entry of no ops is an opening
	return t, err
}

func (t *toy) replay(l toyEntry) {
	if len(l.Ops) == 0 {
		t.epoch++
		return
	}
	first := l.Version - uint64(len(l.Ops))
	for i, op := range l.Ops {
		t.apply(op, first+uint64(i)+1)
	}
	t.version = l.Version
	t.remember(l)
}

func (t *toy) remember(l toyEntry) {
	if l.Seq == 0 || t.forgetful {
		return
	}
	if t.memories[l.Client] == nil {
		t.memories[l.Client] = make(map[uint64][]byte)
	}
	t.memories[l.Client][l.Seq] = l.Outcome
}

func (t *toy) append(l toyEntry) (int, error) {
	if len(l.Ops) == 0 {
		t.epoch++
	} else {
		t.applied++
	}
	if t.silent {
		return 0, nil
	}
	return t.log.Write(l.encode())
}

func (t *toy) apply(op tier.Op, version uint64) tier.Result {
	switch op.Kind {
	case tier.OpSet:
		h := tier.Head{Version: version, Deadline: op.Life.Deadline, RawLen: op.RawLen, FrameLen: len(op.Frame)}
		t.recs[op.Key] = tier.Record{Key: op.Key, Frame: op.Frame, Head: h}
		return tier.Result{Head: h, Applied: true, Own: true, Tag: version}
	case tier.OpDelete:
		delete(t.recs, op.Key)
		return tier.Result{Head: tier.Head{Version: version}, Applied: true}
	}
	return tier.Result{}
}

func (t *toy) Write(ctx context.Context, ops []tier.Op) ([]tier.Result, error) {
	return t.WriteOnce(ctx, host.Attempt{}, ops)
}

func (t *toy) WriteOne(ctx context.Context, op tier.Op) (tier.Result, error) {
	results, err := t.Write(ctx, []tier.Op{op})
	if len(results) == 0 {
		return tier.Result{}, err
	}
	return results[0], err
}

// toyTold are the errors that a write of a key "error:n" gets.
var toyTold = []error{
	tier.ErrNotFound, tier.ErrTTL, tier.ErrTooLarge, tier.ErrFull, tier.ErrVersion, tier.ErrCorrupt,
	tier.ErrUnknownOutcome, tier.ErrUnavailable, tier.ErrLocked, context.Canceled, context.DeadlineExceeded,
	errors.Join(tier.ErrUnknownOutcome, context.DeadlineExceeded), errors.New("something else"),
}

func (t *toy) WriteOnce(ctx context.Context, a host.Attempt, ops []tier.Op) ([]tier.Result, error) {
	if t.before != nil {
		if err := t.before(ctx); err != nil {
			return nil, err
		}
	}
	results, err := t.writeOnce(a, ops)
	if t.after != nil && err == nil {
		return results, t.after(ctx)
	}
	return results, err
}

// Post has room for two writes of three.
func (t *toy) Post(writes []*host.Posted) int {
	n := len(writes) - len(writes)/3
	for _, w := range writes[:n] {
		ctx, cancel := context.WithCancel(context.Background())
		w.Mine = cancel
		go func() {
			defer cancel()
			w.Results, w.Err = t.WriteOnce(ctx, w.Attempt, w.Ops)
			host.Answer([]*host.Posted{w})
		}()
	}
	return n
}

func (t *toy) Withdraw(w *host.Posted) { w.Mine.(context.CancelFunc)() }

func (t *toy) writeOnce(a host.Attempt, ops []tier.Op) ([]tier.Result, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, tier.ErrClosed
	}
	if t.blind {
		a = host.Attempt{}
	}
	if outcome, known := t.memories[a.Client][a.Seq]; known && a.Seq != 0 {
		return host.DecodeOutcome(outcome)
	}
	if a.Again && t.forgetful {
		return nil, tier.ErrUnknownOutcome
	}
	for seq := range t.memories[a.Client] {
		if seq < a.Low {
			delete(t.memories[a.Client], seq)
		}
	}
	if results, err := t.refuse(ops); err != nil {
		return results, err
	}
	results := make([]tier.Result, len(ops))
	for i, op := range ops {
		results[i] = t.apply(op, t.version+uint64(i)+1)
	}
	t.version += uint64(len(ops))
	l := toyEntry{Ops: ops, Version: t.version, Client: a.Client, Seq: a.Seq, Outcome: host.EncodeOutcome(results)}
	t.remember(l)
	_, err := t.append(l)
	return results, err
}

// refuse judges the conditions.
func (t *toy) refuse(ops []tier.Op) ([]tier.Result, error) {
	results := make([]tier.Result, len(ops))
	for i, op := range ops {
		if n, told := strings.CutPrefix(op.Key, "error:"); told {
			results[i].Err = toyTold[n[0]-'a']
			return results, results[i].Err
		}
		cur := t.recs[op.Key]
		if (op.If || op.Kind == tier.OpCheck) && cur.Version != op.Expect {
			results[i] = tier.Result{Err: tier.ErrVersion, Current: cur}
			return results, tier.ErrVersion
		}
	}
	return results, nil
}

func (t *toy) Load(_ context.Context, key string) (tier.Record, bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return tier.Record{}, false, tier.ErrClosed
	}
	rec, found := t.recs[key]
	return rec, found, nil
}

func (t *toy) LoadMany(ctx context.Context, keys []string) ([]tier.Record, error) {
	recs := make([]tier.Record, len(keys))
	for i, key := range keys {
		var err error
		if recs[i], _, err = t.Load(ctx, key); err != nil {
			return nil, err
		}
	}
	return recs, nil
}

func (t *toy) Scan(_ context.Context, r tier.Range) (recs []tier.Record, next string, more bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, "", false, tier.ErrClosed
	}
	var keys []string
	for key := range t.recs {
		if strings.HasPrefix(key, r.Prefix) && key >= r.From {
			keys = append(keys, key)
		}
	}
	sort.Strings(keys)
	bytes := 0
	for i, key := range keys {
		recs = append(recs, t.recs[key])
		bytes += len(key) + len(t.recs[key].Frame)
		if len(recs) == r.Records || bytes >= r.MaxBytes {
			return recs, key + "\x00", i+1 < len(keys), nil
		}
	}
	return recs, "", false, nil
}

// DeleteExpired waits for before, and removes records of a past deadline.
func (t *toy) DeleteExpired(ctx context.Context) (n int, err error) {
	if t.before != nil {
		if err := t.before(ctx); err != nil {
			return 0, err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, rec := range t.recs {
		if rec.Expired(time.Now().UnixMilli()) {
			delete(t.recs, key)
			n++
		}
	}
	return n, nil
}

func (t *toy) Hello() host.Hello {
	t.mu.Lock()
	defer t.mu.Unlock()
	return host.Hello{
		StoreID: [16]byte{1, 2}, Epoch: t.epoch, Opening: 7, Seed: 8, Version: t.version,
		Stamp: tier.Stamp{Store: 1, Boot: 2, BootID: "boot", Slew: -3, SlewFrom: 4}, Mapping: [16]byte{3}, Place: "/place",
		Extra: []byte("extra"),
	}
}

func (t *toy) Dictionary(_ context.Context, id uint32) ([]byte, error) {
	if id != 1<<31 {
		return nil, tier.ErrNotFound
	}
	return []byte("dictionary"), nil
}

func (t *toy) Stats() []byte           { return []byte("stats") }
func (t *toy) Failed() <-chan struct{} { return t.failed }

func (t *toy) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	return errors.Join(t.log.Close(), t.lock.Close())
}
