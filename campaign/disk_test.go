//go:build linux

package campaign_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// disk is a mounted file system in userspace with switches. It keeps each
// file twice: as programs see it, and as it would be after a power cut. A sync
// brings the second up to the first, where it was written since the last one;
// one that fails forgets what was written, as kernels do, so that a later one
// proves nothing about it. Names are durable at once.
//
// Only other processes may use its files: a page fault of this one could wait
// for a server that the garbage collector has stopped.
type disk struct {
	dir    string
	root   *diskDir
	server *fuse.Server

	mu     sync.Mutex // guards all files, too
	faults []*diskFault
	hits   map[string]int // faults that struck, by operation
}

// diskFault makes calls fail with EIO.
type diskFault struct {
	op      string // read, write, fsync
	file    string // part of the name; "": any file
	nth     int    // which matching call, from now on
	lasting bool   // and all that follow
	torn    int    // how much of a write is done before it fails
}

const (
	diskBlock  = 4096
	diskSector = 512
)

func mountDisk(t *testing.T) *disk {
	t.Helper()
	need(t)
	if _, err := os.Stat("/dev/fuse"); err != nil {
		missing(t, "no /dev/fuse: %v", err)
	}
	d := &disk{dir: filepath.Join(t.TempDir(), "disk"), hits: map[string]int{}}
	if err := os.Mkdir(d.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	d.root = &diskDir{disk: d}
	second := time.Second
	var err error
	d.server, err = fs.Mount(d.dir, d.root, &fs.Options{
		AttrTimeout: &second, EntryTimeout: &second,
		MountOptions: fuse.MountOptions{DirectMountStrict: true, FsName: "strata", Name: "strata"},
	})
	if err != nil {
		missing(t, "mounting a file system in userspace: %v", err)
	}
	t.Cleanup(func() { d.unmount(t) })
	return d
}

func (d *disk) unmount(t *testing.T) {
	t.Helper()
	if d.server == nil {
		return
	}
	if err := d.server.Unmount(); err != nil {
		t.Errorf("unmount: %v", err)
		_ = syscall.Unmount(d.dir, syscall.MNT_DETACH)
	}
	d.server = nil
}

func (d *disk) inject(f diskFault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = append(d.faults, &f)
}

func (d *disk) heal() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = nil
}

func (d *disk) struck(op string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.hits[op]
}

// faultLocked counts a call and returns the fault that strikes it, or nil.
func (d *disk) faultLocked(op, file string) *diskFault {
	for _, f := range d.faults {
		if f.op != op || !strings.Contains(file, f.file) {
			continue
		}
		f.nth--
		if f.nth == 0 || f.lasting && f.nth < 0 {
			d.hits[op]++
			return f
		}
	}
	return nil
}

// save writes the files into to, as programs see them, or with lose as after a
// power cut: each sector that was not synced is lost or kept by chance.
func (d *disk) save(t *testing.T, to string, lose *rand.Rand) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	var walk func(node *fs.Inode, to string)
	walk = func(node *fs.Inode, to string) {
		if err := os.Mkdir(to, 0o700); err != nil {
			t.Fatal(err)
		}
		for name, child := range node.Children() {
			path := filepath.Join(to, name)
			f, isFile := child.Operations().(*diskFile)
			if !isFile {
				walk(child, path)
				continue
			}
			if err := os.WriteFile(path, f.contentsLocked(lose), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	walk(d.root.EmbeddedInode(), to)
}

// diskDir is a directory.
type diskDir struct {
	fs.Inode
	disk *disk
}

var (
	_ fs.NodeCreater  = (*diskDir)(nil)
	_ fs.NodeMkdirer  = (*diskDir)(nil)
	_ fs.NodeUnlinker = (*diskDir)(nil)
	_ fs.NodeRenamer  = (*diskDir)(nil)
	_ fs.NodeFsyncer  = (*diskDir)(nil)
)

func (n *diskDir) Create(ctx context.Context, name string, _, _ uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	f := &diskFile{disk: n.disk, name: filepath.Join(n.Path(nil), name), dirty: map[int]bool{}}
	out.Mode = fuse.S_IFREG | 0o600
	return n.NewPersistentInode(ctx, f, fs.StableAttr{Mode: fuse.S_IFREG}), nil, 0, fs.OK
}

func (n *diskDir) Mkdir(ctx context.Context, _ string, _ uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	out.Mode = fuse.S_IFDIR | 0o700
	return n.NewPersistentInode(ctx, &diskDir{disk: n.disk}, fs.StableAttr{Mode: fuse.S_IFDIR}), fs.OK
}

// Unlink and Rename: the library changes the tree.
func (n *diskDir) Unlink(context.Context, string) syscall.Errno { return fs.OK }

func (n *diskDir) Rename(context.Context, string, fs.InodeEmbedder, string, uint32) syscall.Errno {
	return fs.OK
}

// Fsync has nothing to do: names are durable.
func (n *diskDir) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno { return fs.OK }

// diskFile is a file; its disk's lock guards it.
type diskFile struct {
	fs.Inode
	disk   *disk
	name   string // that it was created by
	data   []byte
	synced []byte
	dirty  map[int]bool // blocks written since the last sync
}

var (
	_ fs.NodeOpener    = (*diskFile)(nil)
	_ fs.NodeGetattrer = (*diskFile)(nil)
	_ fs.NodeSetattrer = (*diskFile)(nil)
	_ fs.NodeReader    = (*diskFile)(nil)
	_ fs.NodeWriter    = (*diskFile)(nil)
	_ fs.NodeAllocater = (*diskFile)(nil)
	_ fs.NodeFsyncer   = (*diskFile)(nil)
)

func (f *diskFile) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, 0, fs.OK
}

func (f *diskFile) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.attrLocked(out)
	return fs.OK
}

func (f *diskFile) attrLocked(out *fuse.AttrOut) {
	out.Mode = fuse.S_IFREG | 0o600
	out.Size = uint64(len(f.data))
	out.Blocks = (out.Size + diskSector - 1) / diskSector
}

func (f *diskFile) Setattr(_ context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if size, ok := in.GetSize(); ok {
		f.resizeLocked(int(size))
	}
	f.attrLocked(out)
	return fs.OK
}

func (f *diskFile) resizeLocked(size int) {
	if size <= len(f.data) {
		clear(f.data[size:])
		f.data = f.data[:size]
		return
	}
	f.data = append(f.data, make([]byte, size-len(f.data))...)
}

func (f *diskFile) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.faultLocked("read", f.name) != nil {
		return nil, syscall.EIO
	}
	if off >= int64(len(f.data)) {
		return fuse.ReadResultData(nil), fs.OK
	}
	n := copy(dest, f.data[off:])
	return fuse.ReadResultData(dest[:n]), fs.OK
}

func (f *diskFile) Write(_ context.Context, _ fs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	fault := f.disk.faultLocked("write", f.name)
	if fault != nil {
		data = data[:min(fault.torn, len(data))]
	}
	if len(data) > 0 {
		end := int(off) + len(data)
		if end > len(f.data) {
			f.resizeLocked(end)
		}
		copy(f.data[off:], data)
		for b := int(off) / diskBlock; b*diskBlock < end; b++ {
			f.dirty[b] = true
		}
	}
	if fault != nil {
		return 0, syscall.EIO
	}
	return uint32(len(data)), fs.OK
}

func (f *diskFile) Allocate(_ context.Context, _ fs.FileHandle, off, size uint64, mode uint32) syscall.Errno {
	if mode != 0 {
		return syscall.EOPNOTSUPP
	}
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if end := int(off + size); end > len(f.data) {
		f.resizeLocked(end)
	}
	return fs.OK
}

func (f *diskFile) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.faultLocked("fsync", f.name) != nil {
		clear(f.dirty)
		return syscall.EIO
	}
	size := len(f.data)
	f.synced = append(f.synced[:min(len(f.synced), size)], make([]byte, max(0, size-len(f.synced)))...)
	for b := range f.dirty {
		if from := b * diskBlock; from < size {
			copy(f.synced[from:min(from+diskBlock, size)], f.data[from:])
		}
	}
	clear(f.dirty)
	return fs.OK
}

// contentsLocked is what the file holds, or with lose what a power cut might
// leave of it.
func (f *diskFile) contentsLocked(lose *rand.Rand) []byte {
	if lose == nil {
		return append([]byte(nil), f.data...)
	}
	left := append([]byte(nil), f.synced...)
	if len(f.data) != len(left) && lose.IntN(2) == 0 { // the size reached the disk
		left = append(left[:min(len(left), len(f.data))], make([]byte, max(0, len(f.data)-len(left)))...)
	}
	for from := 0; from < min(len(left), len(f.data)); from += diskSector {
		if lose.IntN(2) == 0 {
			copy(left[from:min(from+diskSector, len(left))], f.data[from:])
		}
	}
	return left
}
