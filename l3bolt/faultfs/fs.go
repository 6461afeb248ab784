//go:build !wasm

// Package faultfs is a file system in memory for tests of package l3bolt: it
// counts calls, makes the one that a test picks fail, and can be cut off from
// power, after which only what was synced is certain to be there.
//
//	fs := faultfs.New(dir)
//	db, err := l3bolt.Open(dir, &l3bolt.Options{FS: fs})
//	fs.Inject(faultfs.Fault{Op: faultfs.Datasync, Call: 3, Err: syscall.EIO})
//	after := fs.PowerCut(otherDir, seed)
//
// It is stricter than real file systems: directory changes that were not
// synced are lost one by one, in any combination, and so is each sector of 512
// bytes that was written and not synced. After a failed sync the sectors that
// it was to write count as clean, as on linux: they can be read, but no later
// sync writes them, unless they are written again.
package faultfs

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/stratakv/strata/l3bolt"
)

// FS is an l3bolt.FS in memory. Its methods are safe for concurrent use.
type FS struct {
	root string

	mu      sync.Mutex
	files   map[string]*node // by their name below root
	synced  map[string]*node // as after a power cut that loses all of pending
	pending []change         // to synced, in order
	room    int64            // bytes that all files together may have, < 0: any number
	hungry  bool             // what they give back is not to be had again
	calls   map[Op]int
	faults  []Fault
	log     func(op Op, name string)
}

var _ l3bolt.FS = (*FS)(nil)

// node is a file, whatever its name.
type node struct {
	data   []byte
	synced []byte // as after a power cut that loses all sectors not synced
	dirty  sectors
	least  int // the smallest size since the last sync: beyond, synced is out of date
}

// sectors are those that the next sync writes.
type sectors map[int]struct{}

func (s sectors) add(off, n int) {
	for i := off / sector; n > 0 && i <= (off+n-1)/sector; i++ {
		s[i] = struct{}{}
	}
}

// newNode is a file whose contents are durable.
func newNode(data []byte) *node {
	return &node{data: data, synced: slices.Clone(data), dirty: sectors{}, least: len(data)}
}

// flush makes the size durable, and the contents of the dirty sectors.
func (n *node) flush() {
	n.synced = n.synced[:min(n.least, len(n.synced))]
	n.synced = append(n.synced, make([]byte, len(n.data)-len(n.synced))...)
	for i := range n.dirty {
		if off := i * sector; off < len(n.data) {
			copy(n.synced[off:], n.data[off:min(off+sector, len(n.data))])
		}
	}
	clear(n.dirty)
	n.least = len(n.data)
}

func (n *node) clone() *node {
	return &node{data: slices.Clone(n.data), synced: slices.Clone(n.synced), dirty: maps.Clone(n.dirty), least: n.least}
}

// change is a change of a directory that may be lost: the name from goes, the
// name to stands for n. Either may be "".
type change struct {
	from, to string
	n        *node
}

func (c change) apply(names map[string]*node) {
	if c.from != "" {
		delete(names, c.from)
	}
	if c.to != "" {
		names[c.to] = c.n
	}
}

func (c change) dir() string { return filepath.Dir(max(c.from, c.to)) }

// New returns an empty file system for the names below root.
func New(root string) *FS {
	return &FS{root: root, files: map[string]*node{}, synced: map[string]*node{}, calls: map[Op]int{}, room: -1}
}

func (f *FS) rel(name string) string {
	rel, err := filepath.Rel(f.root, name)
	if err != nil || strings.HasPrefix(rel, "..") {
		panic(fmt.Sprintf("faultfs: %s is not below %s", name, f.root))
	}
	return rel
}

// SetRoom limits the bytes of all files together; beyond, it is ENOSPC. A
// negative number lifts the limit.
func (f *FS) SetRoom(bytes int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.room, f.hungry = bytes, false
}

// FillUp leaves no room, now or when files get smaller: another user of the
// disk takes it at once. SetRoom ends that.
func (f *FS) FillUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hungry = true
	f.eatLocked()
}

// eatLocked follows a change that may have given room back.
func (f *FS) eatLocked() {
	if f.hungry {
		f.room = f.usedLocked()
	}
}

// Used is the number of bytes that the files have.
func (f *FS) Used() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.usedLocked()
}

func (f *FS) usedLocked() int64 {
	var n int64
	for _, file := range f.files {
		n += int64(len(file.data))
	}
	return n
}

// MkdirAll does nothing: directories are there, durably.
func (f *FS) MkdirAll(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failLocked(MkdirAll, dir).Err
}

// OpenFile opens or, with os.O_CREATE, creates a file.
func (f *FS) OpenFile(name string, flag int) (l3bolt.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fault := f.failLocked(OpenFile, name); fault.Err != nil {
		return nil, pathError("open", name, fault.Err)
	}
	rel := f.rel(name)
	n, ok := f.files[rel]
	switch {
	case !ok && flag&os.O_CREATE == 0:
		return nil, pathError("open", name, syscall.ENOENT)
	case !ok:
		n = newNode(nil)
		f.changeLocked(change{to: rel, n: n})
	case flag&os.O_EXCL != 0:
		return nil, pathError("open", name, syscall.EEXIST)
	}
	if flag&os.O_TRUNC != 0 {
		n.data, n.least = nil, 0
		f.eatLocked()
	}
	return &file{fs: f, node: n, name: name}, nil
}

// changeLocked changes a directory now, and on disk perhaps.
func (f *FS) changeLocked(c change) {
	c.apply(f.files)
	f.pending = append(f.pending, c)
	f.eatLocked()
}

// Rename gives a file another name, taking it from whichever file had it.
func (f *FS) Rename(oldName, newName string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	from, to := f.rel(oldName), f.rel(newName)
	fault := f.failLocked(Rename, newName)
	if fault.Err != nil && !fault.After {
		return pathError("rename", newName, fault.Err)
	}
	n, ok := f.files[from]
	if !ok {
		return pathError("rename", oldName, syscall.ENOENT)
	}
	f.changeLocked(change{from: from, to: to, n: n})
	return pathError("rename", newName, fault.Err)
}

// Remove removes a name.
func (f *FS) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	fault := f.failLocked(Remove, name)
	if fault.Err != nil && !fault.After {
		return pathError("remove", name, fault.Err)
	}
	rel := f.rel(name)
	if _, ok := f.files[rel]; !ok {
		return pathError("remove", name, syscall.ENOENT)
	}
	f.changeLocked(change{from: rel})
	return pathError("remove", name, fault.Err)
}

// ReadDir returns the names in dir.
func (f *FS) ReadDir(dir string) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fault := f.failLocked(ReadDir, dir); fault.Err != nil {
		return nil, pathError("readdir", dir, fault.Err)
	}
	var names []string
	for rel := range f.files {
		if filepath.Dir(rel) == f.rel(dir) {
			names = append(names, filepath.Base(rel))
		}
	}
	slices.Sort(names)
	return names, nil
}

// SyncDir makes the changes of dir durable.
func (f *FS) SyncDir(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	fault := f.failLocked(SyncDir, dir)
	if fault.Err != nil && !fault.After {
		return pathError("sync", dir, fault.Err)
	}
	rel := f.rel(dir)
	f.pending = slices.DeleteFunc(f.pending, func(c change) bool {
		if c.dir() == rel {
			c.apply(f.synced)
		}
		return c.dir() == rel
	})
	return pathError("sync", dir, fault.Err)
}

// PowerCut returns the file system, for root, that another machine could find
// on the disk if the power failed now: of each file what was synced, and any
// of the sectors written since; of each directory likewise. The seed decides.
// f itself is left as it is.
func (f *FS) PowerCut(root string, seed uint64) *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	rng := rand.New(rand.NewPCG(seed, 1))
	names := maps.Clone(f.synced)
	for _, c := range f.pending {
		if rng.IntN(2) == 0 {
			c.apply(names)
		}
	}
	after := New(root)
	for _, rel := range slices.Sorted(maps.Keys(names)) {
		data := names[rel].afterCut(rng)
		after.files[rel] = newNode(data)
	}
	after.synced = maps.Clone(after.files)
	return after
}

// Kill returns the file system, for root, as another process would find it if
// this one were killed now: nothing is lost.
func (f *FS) Kill(root string) *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	after := New(root)
	clones := map[*node]*node{nil: nil}
	clone := func(n *node) *node {
		if _, ok := clones[n]; !ok {
			clones[n] = n.clone()
		}
		return clones[n]
	}
	for rel, n := range f.files {
		after.files[rel] = clone(n)
	}
	for rel, n := range f.synced {
		after.synced[rel] = clone(n)
	}
	for _, c := range f.pending {
		after.pending = append(after.pending, change{from: c.from, to: c.to, n: clone(c.n)})
	}
	return after
}

const sector = 512

// afterCut is what is left of a file: its size is the synced one or the
// current one, each sector that differs is old or new.
func (n *node) afterCut(rng *rand.Rand) []byte {
	size := len(n.synced)
	if len(n.data) != size && rng.IntN(2) == 0 {
		size = len(n.data)
	}
	out := make([]byte, size)
	for off := 0; off < size; off += sector {
		end := min(off+sector, size)
		from := n.synced
		if rng.IntN(2) == 0 {
			from = n.data
		}
		if off < len(from) {
			copy(out[off:end], from[off:])
		}
	}
	return out
}
