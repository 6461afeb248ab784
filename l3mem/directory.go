package l3mem

import "math/bits"

// entrySize is the size of a directory entry, a reference.
const entrySize = 4

// directory finds records by their keys' hash. It lies at the arena's start
// and has one entry for four blocks, for ever: at the smallest useful records
// it is about full, and it never has to grow. Records of one entry are linked
// through their headers. Its secrets are drawn anew for each store, so that
// nobody can choose keys that meet in one entry.
type directory struct {
	*arena
	entries uint64
	secrets [2]uint64
}

func (d *directory) hash(key string) uint64 {
	h := d.secrets[0] ^ uint64(len(key))
	for ; len(key) >= 8; key = key[8:] {
		h = mix(h^load64(key), d.secrets[1])
	}
	if len(key) > 0 {
		var tail uint64
		for i := range len(key) {
			tail |= uint64(key[i]) << (8 * i)
		}
		h = mix(h^tail, d.secrets[1])
	}
	return mix(h, d.secrets[1]^d.secrets[0])
}

func mix(x, y uint64) uint64 {
	hi, lo := bits.Mul64(x, y)
	return hi ^ lo
}

func load64(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// entry is the part of the arena that belongs to the hash.
func (d *directory) entry(hash uint64) []byte {
	i, _ := bits.Mul64(hash, d.entries)
	return d.mem[i*entrySize : i*entrySize+entrySize]
}

// find returns the record of key, 0 if there is none.
func (d *directory) find(key string, hash uint64) uint32 {
	ref := load32(d.entry(hash))
	for ref != 0 && (d.tag(ref) != byte(hash) || d.compareKey(key, ref) != 0) {
		ref = d.u32(ref, atCollider)
	}
	return ref
}

func (d *directory) insert(ref uint32, hash uint64) {
	entry := d.entry(hash)
	d.put32(ref, atCollider, load32(entry))
	store32(entry, ref)
}

func (d *directory) remove(ref uint32, hash uint64) {
	entry := d.entry(hash)
	at := load32(entry)
	if at == ref {
		store32(entry, d.u32(ref, atCollider))
		return
	}
	for d.u32(at, atCollider) != ref {
		at = d.u32(at, atCollider)
		if at == 0 {
			panic("l3mem: invariant 2: a record is not in the directory")
		}
	}
	d.put32(at, atCollider, d.u32(ref, atCollider))
}
