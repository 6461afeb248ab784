package l3mem

// A block is the unit of storage: payload bytes and the reference of the next
// block of its chain, 0 at the end.
const (
	blockSize = 64
	payload   = 60
)

// arena is the store's memory: the directory, then blocks. A block's reference
// is its offset divided by blockSize; 0 is none, for the directory is there.
// It holds no Go pointer, so that the garbage collector never looks inside.
//
// Free blocks wait in chains as they were released, the chains linked through
// the first payload bytes of their heads: releasing a chain costs the same
// whatever its length. Blocks that were never used, or not since Clear, come
// last, so that memory is touched only when it is needed.
type arena struct {
	mem    []byte
	header int    // bytes before a record's key
	first  uint32 // the first block
	fresh  uint32 // blocks from here on were never used
	end    uint32 // behind the last block
	freed  uint32 // head of the newest free chain
	used   uint32 // blocks in use
}

// total is the number of blocks there are.
func (a *arena) total() uint32 { return a.end - a.first }

func (a *arena) block(ref uint32) []byte {
	at := int(ref) * blockSize
	return a.mem[at : at+blockSize : at+blockSize]
}

func (a *arena) u32(ref uint32, at int) uint32 {
	return load32(a.mem[int(ref)*blockSize+at:])
}

func (a *arena) put32(ref uint32, at int, v uint32) {
	store32(a.mem[int(ref)*blockSize+at:], v)
}

func (a *arena) u64(ref uint32, at int) uint64 {
	return uint64(a.u32(ref, at)) | uint64(a.u32(ref, at+4))<<32
}

func (a *arena) put64(ref uint32, at int, v uint64) {
	a.put32(ref, at, uint32(v))
	a.put32(ref, at+4, uint32(v>>32))
}

// load32 and store32 are little endian. They are encoding/binary's, which
// would bring reflect into the WebAssembly reactor.
func load32(b []byte) uint32 {
	_ = b[3]
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

func store32(b []byte, v uint32) {
	_ = b[3]
	b[0], b[1], b[2], b[3] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
}

func (a *arena) next(ref uint32) uint32 { return a.u32(ref, payload) }

func (a *arena) setNext(ref, next uint32) { a.put32(ref, payload, next) }

// alloc returns a block that ends its chain. The caller has made sure that
// there is one.
func (a *arena) alloc() uint32 {
	a.used++
	if head := a.freed; head != 0 {
		ref := a.next(head)
		if ref == 0 {
			a.freed = a.u32(head, 0)
			return head
		}
		a.setNext(head, a.next(ref))
		a.setNext(ref, 0)
		return ref
	}
	if a.fresh == a.end {
		panic("l3mem: invariant 1: a block was promised and there is none")
	}
	ref := a.fresh
	a.fresh++
	a.setNext(ref, 0) // it may have had one before Clear
	return ref
}

// release takes back a chain of n blocks.
func (a *arena) release(head uint32, n uint32) {
	if n == 0 {
		return
	}
	a.put32(head, 0, a.freed)
	a.freed = head
	a.used -= n
}

// place is a position in a chain.
type place struct {
	block uint32
	at    int // in the block's payload, at most payload
}

// skip returns the place n bytes behind p.
func (a *arena) skip(p place, n int) place {
	p.at += n
	for p.at > payload {
		p.block = a.next(p.block)
		p.at -= payload
	}
	return p
}

// read fills dst from p on and returns the place behind.
func (a *arena) read(p place, dst []byte) place {
	for {
		n := copy(dst, a.block(p.block)[p.at:payload])
		p.at += n
		dst = dst[n:]
		if len(dst) == 0 {
			return p
		}
		p = place{block: a.next(p.block)}
	}
}

// write stores src from p on, lengthens the chain where it ends, and returns
// the place behind.
func write[T string | []byte](a *arena, p place, src T) place {
	for {
		n := copy(a.block(p.block)[p.at:payload], src)
		p.at += n
		src = src[n:]
		if len(src) == 0 {
			return p
		}
		next := a.next(p.block)
		if next == 0 {
			next = a.alloc()
			a.setNext(p.block, next)
		}
		p = place{block: next}
	}
}
