//go:build !wasm

package faultfs

import (
	"io"
	"os"
	"syscall"
)

// file is an open file.
type file struct {
	fs   *FS
	node *node
	name string
}

func (h *file) ReadAt(p []byte, off int64) (int, error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if fault := h.fs.failLocked(ReadAt, h.name); fault.Err != nil {
		return 0, pathError("read", h.name, fault.Err)
	}
	if off >= int64(len(h.node.data)) {
		return 0, io.EOF
	}
	n := copy(p, h.node.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (h *file) WriteAt(p []byte, off int64) (int, error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	fault := h.fs.failLocked(WriteAt, h.name)
	if fault.Err != nil {
		n := min(fault.Bytes, len(p))
		if fault.After {
			n = len(p)
		}
		if n > 0 && h.resizeLocked(max(off+int64(n), int64(len(h.node.data)))) {
			h.node.dirty.add(int(off), copy(h.node.data[off:], p[:n]))
		}
		return min(fault.Bytes, len(p)), pathError("write", h.name, fault.Err)
	}
	if !h.resizeLocked(max(off+int64(len(p)), int64(len(h.node.data)))) {
		return 0, pathError("write", h.name, syscall.ENOSPC)
	}
	n := copy(h.node.data[off:], p)
	h.node.dirty.add(int(off), n)
	return n, nil
}

// resizeLocked is false if there is no room.
func (h *file) resizeLocked(size int64) bool {
	grow := size - int64(len(h.node.data))
	if grow > 0 && h.fs.room >= 0 && h.fs.usedLocked()+grow > h.fs.room {
		return false
	}
	if grow > 0 {
		h.node.data = append(h.node.data, make([]byte, grow)...)
	}
	h.node.data, h.node.least = h.node.data[:size], min(h.node.least, int(size))
	h.fs.eatLocked()
	return true
}

func (h *file) Size() (int64, error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if fault := h.fs.failLocked(Size, h.name); fault.Err != nil {
		return 0, pathError("stat", h.name, fault.Err)
	}
	return int64(len(h.node.data)), nil
}

func (h *file) Truncate(size int64) error {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	fault := h.fs.failLocked(Truncate, h.name)
	if fault.Err != nil && !fault.After {
		return pathError("truncate", h.name, fault.Err)
	}
	if !h.resizeLocked(size) {
		return pathError("truncate", h.name, syscall.ENOSPC)
	}
	return pathError("truncate", h.name, fault.Err)
}

func (h *file) Preallocate(size int64) error {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	fault := h.fs.failLocked(Preallocate, h.name)
	if fault.Err != nil && !fault.After {
		return pathError("fallocate", h.name, fault.Err)
	}
	if !h.resizeLocked(max(size, int64(len(h.node.data)))) {
		return pathError("fallocate", h.name, syscall.ENOSPC)
	}
	return pathError("fallocate", h.name, fault.Err)
}

func (h *file) Datasync() error { return h.sync(Datasync) }
func (h *file) Sync() error     { return h.sync(Sync) }

func (h *file) sync(op Op) error {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	fault := h.fs.failLocked(op, h.name)
	if fault.Err == nil || fault.After {
		h.node.flush()
	} else {
		clear(h.node.dirty)
	}
	return pathError(op.String(), h.name, fault.Err)
}

func (h *file) Close() error {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	return pathError("close", h.name, h.fs.failLocked(Close, h.name).Err)
}

func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: op, Path: name, Err: err}
}
