//go:build !wasm

package l2mmap

import (
	"hash/crc32"
	"runtime"
	"runtime/debug"
	"slices"
)

// readTries bounds how often a read starts again because a writer was in the
// page; then it is a miss.
const readTries = 8

type verdict uint8

const (
	missed  verdict = iota
	hit             // the bytes are the entry's
	busy            // a writer is in the page
	torn            // a writer was in the page while it was copied
	damaged         // the page contradicts itself
)

// Get appends the frame of key to dst and returns it with its deadline; ok is
// false, and out is dst, if there is none or if the deadline has come. hash is
// the key's hash by [Control.Seed]. now gives unix milliseconds; it is asked only
// about a frame that has a deadline. Nothing is locked, and nothing allocated if dst has room for frame and key.
//
// A frame is what was last put or filled under the full key, whole: a copy
// that a writer may have changed meanwhile is dropped and read again, and what
// fails its checksum is a miss. Whether it is the truth is the word's matter.
func (c *Cache) Get(dst []byte, key string, hash uint64, now func() int64) (out []byte, deadline int64, ok bool) {
	out = dst
	if c.usable() != nil {
		return out, 0, false
	}
	defer c.caught(debug.SetPanicOnFault(true))
	n := c.geo.pageOf(BucketOf(hash))
	count := c.count(n)
	if !c.bound() {
		count.misses.Add(1)
		return out, 0, false
	}
	buf, e, v := c.read(n, dst, key, hash)
	if v == damaged {
		c.suspect(n, key, hash)
	}
	if v != hit || e.deadline != 0 && e.expired(now()) {
		count.misses.Add(1)
		return out, 0, false
	}
	count.hits.Add(1)
	runtime.KeepAlive(c)
	return buf, e.deadline, true
}

// read reads key in page n until no writer disturbs.
func (c *Cache) read(n int, dst []byte, key string, hash uint64) ([]byte, entry, verdict) {
	p := c.page(n)
	for range readTries {
		buf, e, v := p.read(dst, key, hash)
		switch v {
		case busy:
			p.pause()
		case torn:
			c.count(n).torn.Add(1)
		default:
			return buf, e, v
		}
	}
	return nil, entry{}, missed
}

// pause waits a moment for a writer to leave: some hundred nanoseconds.
func (p *page) pause() {
	for range 200 {
		if p.m.load(atSequence)&1 == 0 {
			return
		}
	}
}

// read is one try, between two looks at the sequence.
func (p *page) read(dst []byte, key string, hash uint64) ([]byte, entry, verdict) {
	sequence := p.m.load(atSequence)
	if sequence&1 != 0 {
		return nil, entry{}, busy
	}
	buf, e, v := p.copy(dst, key, hash)
	if p.m.load(atSequence) != sequence {
		return nil, entry{}, torn
	}
	if v != hit {
		return nil, entry{}, v
	}
	// From here on buf is private, and as it was at one moment.
	data := buf[len(dst):]
	if crc32.Checksum(data, castagnoli) != e.crc {
		return nil, entry{}, damaged
	}
	if string(data[e.frameLen:]) != key {
		return nil, entry{}, missed
	}
	p.visit(e.id)
	return buf[:len(dst)+e.frameLen], e, hit
}

// copy follows hash to its entry and copies it behind dst. All that it meets
// may be changing: nothing it returns is to be trusted before the sequence was
// looked at again.
func (p *page) copy(dst []byte, key string, hash uint64) ([]byte, entry, verdict) {
	id, ok := p.head(p.headOf(hash))
	if !ok {
		if p.m.load(atMagic) == 0 {
			return nil, entry{}, missed // not formatted yet
		}
		return nil, entry{}, damaged
	}
	for steps := 0; id != 0; steps++ {
		e, ok := p.entry(id)
		if !ok || steps > p.g.blocks {
			return nil, entry{}, damaged
		}
		if e.hash != hash {
			id = e.chain
			continue
		}
		if e.keyLen != len(key) {
			return nil, entry{}, missed
		}
		buf := slices.Grow(dst, e.size())[:len(dst)+e.size()]
		if !p.copyOut(buf[len(dst):], &e) {
			return nil, entry{}, damaged
		}
		return buf, e, hit
	}
	return nil, entry{}, missed
}

// Room reports whether the page of hash has free blocks for an item of so many
// bytes, frame and key together: a [Cache.Fill] then drives nothing out. It locks
// nothing, and is a hint.
func (c *Cache) Room(hash uint64, bytes int) (has bool) {
	if c.usable() != nil {
		return false
	}
	defer c.caught(debug.SetPanicOnFault(true))
	p := c.page(c.geo.pageOf(BucketOf(hash)))
	// A page that was never used is all room; its header does not say so yet.
	return p.free() >= blocksFor(bytes) || p.m.load(atMagic) != pageMagic
}

// suspect looks again, under the lock, at a page in which a reader met damage,
// and resets it. A page that is locked is looked at by its next writer.
func (c *Cache) suspect(n int, key string, hash uint64) {
	c.count(n).faults.Add(1)
	_ = c.locked(n, wait{}, func(p *page) error {
		if _, _, v := p.read(nil, key, hash); v == damaged {
			return errDamaged
		}
		return nil
	})
}
