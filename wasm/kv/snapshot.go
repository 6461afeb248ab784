package kv

import (
	"math/rand/v2"
	"unsafe"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/codec/snapshot"
	"github.com/stratakv/strata/tiered/tier"
)

// importGroup is how many records of a snapshot go into the store at once.
const importGroup = 256

// Export is a snapshot in the making. Blocks that are taken without a write
// between them are of one moment; else each is of its own, and what is in the
// store throughout is met exactly once.
type Export struct {
	store  *Store
	writer *snapshot.Writer
	from   []byte
	begun  bool
	walked bool
}

// NewExport begins a snapshot.
func (s *Store) NewExport() *Export {
	return &Export{store: s, writer: snapshot.NewWriter(rand.Uint64())}
}

// Next appends the next block to dst, of about maxBytes (0: 256 KiB), and says
// whether there are more. A block may be empty, of no bytes, although there are.
func (e *Export) Next(dst []byte, maxBytes int, boot float64) (block []byte, more bool, err error) {
	s := e.store
	now, err := s.clock.read(boot)
	if err != nil {
		return dst, true, err
	}
	if !e.begun {
		e.begun = true
		return e.writer.Head(dst, snapshot.Head{Version: s.version, Clock: now.ms}), true, nil
	}
	if e.walked {
		return e.writer.End(dst), false, nil
	}
	if maxBytes <= 0 {
		maxBytes = 256 << 10
	}
	at := len(dst)
	dst = e.writer.Begin(dst)
	e.walked = !s.walk(Range{From: lent(e.from), Records: importGroup}, true, func(rec tier.Record) bool {
		if !rec.Expired(now.ms) {
			s.frames = codec.AppendFrame(s.frames[:0], rec.Frame, rec.Key, rec.Head)
			dst = e.writer.Record(dst, rec.Key, s.frames)
		}
		return len(dst)-at < maxBytes
	})
	e.from = append(e.from[:0], s.cursor...)
	s.forget()
	return e.writer.Finish(dst), true, nil
}

// Snapshot calls write with the blocks of a snapshot of one moment; they are
// lent. write's error ends it and comes back.
func (s *Store) Snapshot(boot float64, write func(block []byte) error) error {
	var block []byte
	for e, more := s.NewExport(), true; more; {
		var err error
		if block, more, err = e.Next(block[:0], 0, boot); err == nil {
			err = write(block)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Restore takes a snapshot, or with check only looks at it. next gives its
// blocks one after the other; its error, io.EOF included, ends it and comes back.
func (s *Store) Restore(check bool, boot float64, next func() ([]byte, error)) error {
	for im, done := s.NewImport(check), false; !done; {
		block, err := next()
		if err == nil {
			done, err = im.Block(block, boot)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Import takes a snapshot block by block. What it writes are writes: records
// replace those under the same keys, deadlines stand as they are, what has
// expired is left out, and each record gets a version of its own, above the one
// that it had and all that the snapshot says its store had given. An error ends
// it; what was written before stays.
type Import struct {
	store  *Store
	reader snapshot.Reader
	check  bool
}

// NewImport begins an import, or with check only looks whether the snapshot is
// sound and this store can take its records, room aside.
func (s *Store) NewImport(check bool) *Import { return &Import{store: s, check: check} }

// Block takes the next block and says whether it was the last. ErrCorrupt: it is
// damaged, or needs a dictionary or zstd that is not here. ErrTTL, ErrTooLarge:
// a record is against this store's limits. ErrFull: there is no room.
func (im *Import) Block(block []byte, boot float64) (done bool, err error) {
	s := im.store
	now, err := s.clock.read(boot)
	if err != nil {
		return false, err
	}
	defer s.forget()
	version := s.version
	err = im.reader.Block(block, func(key string, frame []byte) error {
		head, err := s.admit(key, frame, now)
		if err != nil || im.check || head.Expired(now.ms) {
			return err
		}
		version = max(version, head.Version) + 1
		head.Version = version
		s.adopt(key, frame, head)
		if len(s.ops) < importGroup {
			return nil
		}
		return s.flush(version, now)
	})
	if err == nil {
		err = s.flush(version, now)
	}
	if err != nil {
		return false, err
	}
	if !im.check {
		s.version = max(s.version, im.reader.Head.Version)
	}
	return im.reader.Done(), nil
}

// admit says whether the store may take a record.
func (s *Store) admit(key string, frame []byte, now moment) (tier.Head, error) {
	head, err := s.coder.Check(key, frame)
	if err != nil {
		return tier.Head{}, err
	}
	if len(key) > MaxKeyBytes || head.RawLen > s.opts.ValueBytes {
		return tier.Head{}, tier.ErrTooLarge
	}
	if head.Version > snapshot.MaxVersion {
		return tier.Head{}, tier.ErrCorrupt
	}
	if bound := s.opts.MaxTTL; bound > 0 && (head.Deadline == 0 || float64(head.Deadline) > float64(now.ms)+bound) {
		return tier.Head{}, tier.ErrTTL
	}
	return head, nil
}

// adopt adds a record with its body as it is to s.ops.
func (s *Store) adopt(key string, frame []byte, head tier.Head) {
	at := len(s.frames)
	s.frames = codec.PackFrame(s.frames, frame)
	packed := s.frames[at:len(s.frames):len(s.frames)]
	head.FrameLen = len(packed)
	s.ops = append(s.ops, tier.Change{Key: key, Frame: packed, Head: head})
}

// flush commits s.ops and makes room for more.
func (s *Store) flush(version uint64, now moment) error {
	err := s.commit(version, now)
	s.ops, s.frames = s.ops[:0], s.frames[:0]
	return err
}

// lent is b as a string, as long as nobody writes to b.
func lent(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
