//go:build linux

package campaign_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/tiered/tier"
)

// subject is a store under test.
type subject interface {
	set(key string, value []byte, ttl time.Duration) error
	remove(key string) error
	get(key string) (value []byte, found bool, err error)
	close() error
}

// The kinds of subject.
const (
	whole  = "tiered"     // tiered.Open as users call it
	small  = "l3bolt"     // l3bolt with small segments and checkpoints, so that faults meet them
	lying  = "no sync"    // control: on files whose fdatasync does nothing
	forget = "sync fails" // control: small, on files whose failed fdatasync is taken for done
)

func openSubject(kind, dir string) (subject, error) {
	if kind == whole {
		s, err := tiered.Open(dir, &tiered.Options{SharedDir: os.Getenv(sharedEnv)})
		return store{s}, err
	}
	opts := &l3bolt.Options{SegmentBytes: 256 << 10, CheckpointBytes: 512 << 10, SpareBytes: 1 << 20}
	switch kind {
	case lying: // in one segment: the end of several would show as a gap
		opts.SegmentBytes, opts.CheckpointBytes = 16<<20, 16<<20
		opts.FS = plainFS{sync: func(func() error) error { return nil }}
	case forget:
		opts.FS = plainFS{sync: func(fdatasync func() error) error { _ = fdatasync(); return nil }}
	}
	return openSingle(dir, opts)
}

// checkStore opens the durable tier in dir and checks the whole of it. Closing
// may say that there is no room to write back; then it is in the journal.
func checkStore(dir string) error {
	db, err := l3bolt.Open(dir, nil)
	if err != nil {
		return err
	}
	err = db.Check()
	if closeErr := db.Close(); !errors.Is(closeErr, tier.ErrFull) {
		err = errors.Join(err, closeErr)
	}
	return err
}

// store is a tiered.Store.
type store struct{ s *tiered.Store }

func (s store) set(key string, value []byte, ttl time.Duration) error {
	return s.s.Set(context.Background(), key, value, ttl)
}

func (s store) remove(key string) error { return s.s.Delete(context.Background(), key) }

func (s store) get(key string) ([]byte, bool, error) {
	value, err := s.s.Get(context.Background(), key)
	if errors.Is(err, tiered.ErrNotFound) {
		return nil, false, nil
	}
	return value, err == nil, err
}

func (s store) close() error { return s.s.Close() }

// single is the durable tier under the least authority there can be: one
// goroutine that commits what has queued up.
type single struct {
	db    *l3bolt.DB
	codec *codec.Codec
	queue chan *write
	done  chan struct{}
	once  sync.Once

	version uint64 // the goroutine's
	usage   tier.Usage
}

// write is one operation that waits for its group.
type write struct {
	key      string
	frame    []byte // nil: remove
	deadline int64
	answer   chan error
}

func openSingle(dir string, opts *l3bolt.Options) (subject, error) {
	coder, err := codec.New(codec.Options{}, 64<<20)
	if err != nil {
		return nil, err
	}
	db, err := l3bolt.Open(dir, opts)
	if err != nil {
		return nil, err
	}
	s := &single{db: db, codec: coder, queue: make(chan *write, 64), done: make(chan struct{})}
	s.version, s.usage = db.State().Version, db.State().Usage
	go s.run()
	return s, nil
}

func (s *single) set(key string, value []byte, ttl time.Duration) error {
	w := &write{key: key, frame: s.codec.Encode(value), answer: make(chan error, 1)}
	if ttl != 0 {
		w.deadline = time.Now().Add(ttl).UnixMilli()
	}
	s.queue <- w
	return <-w.answer
}

func (s *single) remove(key string) error {
	w := &write{key: key, answer: make(chan error, 1)}
	s.queue <- w
	return <-w.answer
}

func (s *single) get(key string) ([]byte, bool, error) {
	rec, found, err := s.db.Load(key)
	if err != nil || !found {
		return nil, false, err
	}
	value, err := s.codec.Decode(nil, key, rec.Frame)
	return value, err == nil, err
}

func (s *single) close() error {
	s.once.Do(func() { close(s.queue) })
	<-s.done
	return s.db.Close()
}

func (s *single) run() {
	defer close(s.done)
	for w := range s.queue {
		group := []*write{w}
		for len(s.queue) > 0 && len(group) < 64 {
			group = append(group, <-s.queue)
		}
		err := s.commit(group)
		for _, w := range group {
			w.answer <- err
		}
	}
}

// commit makes one group of ws. It may use the reserve if all remove.
func (s *single) commit(ws []*write) error {
	g := &tier.Group{Version: s.version, Usage: s.usage, Reserve: true}
	heads := map[string]tier.Head{}
	for _, w := range ws {
		old, met := heads[w.key]
		if !met {
			h := make([]tier.Head, 1)
			if err := s.db.Heads([]string{w.key}, h, nil); err != nil {
				return err
			}
			old = h[0]
		}
		if w.frame == nil && old.Version == 0 {
			heads[w.key] = old
			continue
		}
		g.Version++
		c := tier.Change{Key: w.key, Frame: w.frame, Head: tier.Head{Version: g.Version}}
		if w.frame != nil {
			g.Reserve = false
			c.Head = codec.Seal(w.frame, w.key, g.Version, w.deadline)
		}
		count(&g.Usage, w.key, old, -1)
		if w.frame != nil {
			count(&g.Usage, w.key, c.Head, +1)
			heads[w.key] = c.Head
		} else {
			heads[w.key] = tier.Head{}
		}
		g.Changes = append(g.Changes, c)
	}
	if len(g.Changes) == 0 {
		return nil
	}
	if err := s.db.Commit(g); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	s.version, s.usage = g.Version, g.Usage
	return nil
}

func count(u *tier.Usage, key string, h tier.Head, sign int64) {
	if h.Version == 0 {
		return
	}
	u.Records += sign
	u.LiveBytes += sign * tier.LogicalSize(key, h.RawLen)
	u.RawBytes += sign * int64(h.RawLen)
	u.StoredBytes += sign * int64(h.FrameLen)
}
