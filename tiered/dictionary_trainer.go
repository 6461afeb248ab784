//go:build !wasm

package tiered

import (
	"cmp"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stratakv/strata/codec/train"
	"github.com/stratakv/strata/internal/failpoint"
	"github.com/stratakv/strata/tiered/tier"
)

// trainer is the part of learning that belongs to an owner: one goroutine, which
// trains a class at a time, and rests 20 times as long as that took. It ends in
// close, before the durable tier does; a training that is under way is given up.
type trainer struct {
	*learning
	durable tier.Durable
	store   tier.DictionaryKeeper // durable
	clock   *clock
	log     *slog.Logger

	mu   sync.Mutex // guards kept
	kept []tier.Dictionary

	made, rejected   atomic.Uint64 // written by who holds working
	working          sync.Mutex    // held while classes are trained
	told             bool          // guarded by working: that a dictionary cannot be kept was logged
	wake, stop, done chan struct{} // done is closed when the goroutine has ended
}

// The goroutine's rests.
const (
	restFactor = 20
	shortRest  = 200 * time.Millisecond
)

// own makes known what d keeps, and trains for it until the trainer is closed;
// nil: it keeps none. An error is a clash with a given dictionary.
func (l *learning) own(d tier.Durable, clock *clock, log *slog.Logger) (*trainer, error) {
	store, ok := d.(tier.DictionaryKeeper)
	if !ok {
		return nil, nil
	}
	t := &trainer{
		learning: l, durable: d, store: store, clock: clock, log: log,
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	if err := t.recall(); err != nil {
		return nil, err
	}
	l.trainer.Store(t)
	t.signal() // samples of before may be full
	go t.run()
	return t, nil
}

// recall takes over what is kept: the newest of each prefix is in use.
func (t *trainer) recall() error {
	kept, err := t.store.Dictionaries()
	if err != nil {
		t.log.Warn("strata: records cannot be read whose dictionaries cannot", slog.String("package", "tiered"), slog.Any("error", err))
	}
	slices.SortFunc(kept, func(a, b tier.Dictionary) int {
		return cmp.Or(cmp.Compare(a.Trained, b.Trained), cmp.Compare(a.ID, b.ID))
	})
	for _, k := range kept {
		d, err := t.codec.Add(k.Bytes)
		if err != nil {
			return err
		}
		if c := t.classOf(k.Prefix); c.prefix == k.Prefix { // else it is beyond maxClasses
			c.use(d, ratioOf(k))
		}
	}
	t.kept = kept
	return nil
}

func ratioOf(k tier.Dictionary) float64 { return float64(k.Stored) / float64(max(k.Raw, 1)) }

func (t *trainer) signal() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// run trains what is ready, and rests.
func (t *trainer) run() {
	defer close(t.done)
	for {
		select {
		case <-t.stop:
			return
		case <-t.wake:
		}
		begun := time.Now()
		t.work()
		rest := time.NewTimer(max(restFactor*time.Since(begun), shortRest))
		select {
		case <-t.stop:
			rest.Stop()
			return
		case <-rest.C:
		}
	}
}

// work trains one class that is ready, and asks to be called again, as there
// may be another.
func (t *trainer) work() {
	t.working.Lock()
	defer t.working.Unlock()
	for _, c := range *t.classes.Load() {
		if c.isReady() {
			c.trained(t.train(c))
			t.signal()
			return
		}
	}
}

// train is nil if nothing is gained, or no more dictionaries may be kept.
func (t *trainer) train(c *class) *inUse {
	sample := c.sample()
	if t.countKept("") >= maxKept || t.countKept(c.prefix) >= maxOfPrefix {
		return nil
	}
	now := c.current.Load()
	r, err := train.Dictionary(t.values(sample), &train.Options{
		Taken: t.codec.Knows, Stop: t.stopped, Now: func(value []byte) int {
			if now == nil {
				return len(t.codec.Encode(value))
			}
			return len(t.codec.EncodeWith(now.dictionary, value))
		},
	})
	if err != nil || float64(r.Stored) > worthwhile*float64(r.Without) {
		t.rejected.Add(1)
		return nil
	}
	d, err := t.publish(tier.Dictionary{
		ID: r.ID, Prefix: c.prefix, Bytes: r.Bytes, Trained: t.clock.now(), Raw: r.Raw, Stored: r.Stored,
	})
	if err != nil {
		t.tell(err)
		return nil
	}
	return d
}

// countKept is how many dictionaries are kept, or of a prefix.
func (t *trainer) countKept(prefix string) (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range t.kept {
		if prefix == "" || k.Prefix == prefix {
			n++
		}
	}
	return n
}

// values loads what is live under keys, each once.
func (t *trainer) values(keys []string) (values [][]byte) {
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		if t.stopped() {
			return nil
		}
		rec, found, err := t.durable.Load(key)
		if err != nil || !found || rec.Expired(t.clock.now()) || rec.RawLen < t.least || rec.RawLen > train.MaxSample {
			continue
		}
		if value, err := t.codec.Decode(nil, key, rec.Frame); err == nil {
			values = append(values, value)
		}
	}
	return values
}

func (t *trainer) stopped() bool {
	select {
	case <-t.stop:
		return true
	default:
		return false
	}
}

// publish has k kept, and only then makes it known.
func (t *trainer) publish(k tier.Dictionary) (*inUse, error) {
	if err := t.store.KeepDictionary(k); err != nil {
		return nil, err
	}
	failpoint.Pass("tiered-dictionary")
	d, err := t.codec.Add(k.Bytes)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	t.kept = append(t.kept, k)
	t.mu.Unlock()
	t.made.Add(1)
	return &inUse{dictionary: d, ratio: ratioOf(k)}, nil
}

// tell logs, once, that a dictionary could not be kept.
func (t *trainer) tell(err error) {
	if t.told || errors.Is(err, tier.ErrFull) {
		return
	}
	t.told = true
	t.log.Warn("strata: a dictionary cannot be kept: values are stored longer", slog.String("package", "tiered"), slog.Any("error", err))
}

// find gives the bytes of a dictionary that is kept; tier.ErrNotFound.
func (t *trainer) find(id uint32) ([]byte, error) {
	if t == nil {
		return nil, tier.ErrNotFound
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range t.kept {
		if k.ID == id {
			return k.Bytes, nil
		}
	}
	return nil, tier.ErrNotFound
}

func (t *trainer) all() []Dictionary {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]Dictionary, len(t.kept))
	for i, k := range t.kept {
		all[i] = Dictionary{
			ID: k.ID, Prefix: k.Prefix, Bytes: slices.Clone(k.Bytes), Trained: time.UnixMilli(k.Trained), Ratio: ratioOf(k),
		}
	}
	return all
}

func (t *trainer) stats(d *DictionaryStats) {
	d.Trained, d.Rejected = t.made.Load(), t.rejected.Load()
	t.mu.Lock()
	defer t.mu.Unlock()
	d.Kept = len(t.kept)
	for _, k := range t.kept {
		d.Bytes += int64(len(k.Bytes))
	}
}

// close ends the goroutine.
func (t *trainer) close() {
	if t == nil {
		return
	}
	close(t.stop)
	<-t.done
	t.learning.trainer.CompareAndSwap(t, nil)
}
