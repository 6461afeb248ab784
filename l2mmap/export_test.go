//go:build !wasm

package l2mmap

import "fmt"

// HeapCache puts a bound cache on the heap, so that the race detector sees it.
func HeapCache(control *Control, maxBytes int64, pageBytes int) (*Cache, error) {
	geo, err := geometryFor(maxBytes, pageBytes)
	if err != nil {
		return nil, err
	}
	mem := newMemory(int(geo.fileBytes()))
	writeFileHeader(mem, newID(), control.id, geo, control.seed)
	c := newCache(mem, geo, control, nil)
	_, err = control.Bind(Truth{Opening: control.State().Opening + 1, Previous: control.State().Opening, BootID: "test"}, c)
	return c, err
}

// CacheOf puts a bound cache of one page over the bytes of that page.
func CacheOf(control *Control, page []byte) (*Cache, error) {
	c, err := HeapCache(control, int64(fileHeaderBytes+len(page)), len(page))
	if err == nil {
		copy(c.mem[fileHeaderBytes:], page)
	}
	return c, err
}

// Has reports whether there is an entry of hash, without visiting it.
func (c *Cache) Has(hash uint64) bool {
	p := c.page(c.PageOf(hash))
	_, _, found, _ := p.findLocked(hash)
	return found
}

// Memory is the raw memory of file or control file.
func (c *Cache) Memory() []byte   { return c.mem }
func (c *Control) Memory() []byte { return c.mem }

// Poison is what the owner leaves in the words.
const Poison = uint64(poison)

// BeginLate and EndLate are those of a committer that looked at the control
// file before it was detached.
func (c *Control) BeginLate(bucket uint16)         { c.add(bucket, oneInFlight) }
func (c *Control) EndLate(bucket uint16, n uint64) { c.add(bucket, endOf(n)) }

// Another is the control as another process has it.
func (c *Control) Another() *Control { return newControl(c.mem, nil) }

// LoadRaw gives the word as it is, and Possible what a reader thinks of it.
func (c *Control) LoadRaw(bucket uint16) Word { return Word(c.mem.load(atWords + int(bucket)*8)) }
func (c *Control) Possible(w Word) bool       { return w.possible() }

// Where things lie, for tests that damage them.
const (
	FileHeaderBytes = fileHeaderBytes
	ControlStateAt  = atOpening
	ControlStateEnd = atPlanSum + 8
	ControlClockAt  = atClock
	ControlWords    = atWords
)

// Pages and PageOf tell the geometry.
func (c *Cache) Pages() int              { return c.geo.pages }
func (c *Cache) PageOf(hash uint64) int  { return c.geo.pageOf(BucketOf(hash)) }
func (c *Cache) PageBytes() int          { return c.geo.pageBytes }
func (c *Cache) Blocks() int             { return c.geo.blocks }
func (c *Cache) BlocksFor(bytes int) int { return blocksFor(bytes) }

// Formatted is the number of pages that were ever written to.
func (c *Cache) Formatted() (n int) {
	for i := range c.geo.pages {
		if p := c.page(i); !p.m.zero(0, len(p.m)) {
			n++
		}
	}
	return n
}

// LockPage takes the lock of hash's page and begins a change, as a writer does,
// until release is called.
func (c *Cache) LockPage(hash uint64) (release func(), err error) {
	n := c.geo.pageOf(BucketOf(hash))
	p := c.page(n)
	if err := c.lockPage(&p, n, writeLimit); err != nil {
		return nil, err
	}
	p.begin()
	return func() { c.unlockPage(&p, n) }, nil
}

// Verify walks every page and returns what contradicts itself.
func (c *Cache) Verify() error {
	for n := range c.geo.pages {
		p := c.page(n)
		if p.m.load(atMagic) == 0 {
			continue
		}
		if err := p.verify(); err != nil {
			return fmt.Errorf("page %d: %w", n, err)
		}
	}
	return nil
}

func (p *page) verify() error {
	if !p.sound() {
		return fmt.Errorf("header: %w", errDamaged)
	}
	used := map[uint32]string{}
	use := func(id uint32, what string) error {
		if !p.valid(id) {
			return fmt.Errorf("block %d of %s: out of range", id, what)
		}
		if before, met := used[id]; met {
			return fmt.Errorf("block %d: both in %s and %s", id, before, what)
		}
		used[id] = what
		return nil
	}
	first, free := p.pair(atFree)
	for id, n := first, uint32(0); id != 0; n++ {
		if err := use(id, "the free chain"); err != nil {
			return err
		}
		next, kind := p.pair(p.block(id))
		if kind != freeBlock || n >= free {
			return fmt.Errorf("free block %d: kind %#x, %d of %d", id, kind, n, free)
		}
		id = next
	}
	chained := map[uint32]bool{}
	for i := range p.g.heads {
		id, ok := p.head(i)
		for id != 0 && ok {
			var e entry
			if e, ok = p.entry(id); ok {
				ok = !chained[id] && p.headOf(e.hash) == i
				chained[id] = true
				id = e.chain
			}
		}
		if !ok {
			return fmt.Errorf("chain %d: %w", i, errDamaged)
		}
	}
	newest, id := p.pair(atEnds)
	var last uint32
	entries := 0
	for ; id != 0; entries++ {
		e, ok := p.entry(id)
		newer, older := p.pair(p.block(id) + atQueue)
		if !ok || !chained[id] || older != last {
			return fmt.Errorf("entry %d in the queue: %w", id, errDamaged)
		}
		if err := use(id, "an entry"); err != nil {
			return err
		}
		next := e.next
		for range blocksFor(e.size()) - 1 {
			if err := use(next, "an entry's tail"); err != nil {
				return err
			}
			next, _ = p.pair(p.block(next))
		}
		last, id = id, newer
	}
	if last != newest || entries != len(chained) || entries != p.entries() || len(used) != p.g.blocks {
		return fmt.Errorf("queue ends at %d, not %d; %d entries, %d in chains, %d counted; %d of %d blocks met",
			last, newest, entries, len(chained), p.entries(), len(used), p.g.blocks)
	}
	return nil
}
