//go:build !wasm

package l2mmap

import (
	"errors"
	"fmt"
)

// The sentinels of this package, for [errors.Is]. A frame that no page could
// hold is tier.ErrTooLarge, a call after Close tier.ErrClosed.
var (
	// ErrUnsupported: this host, architecture or file system cannot share
	// memory between processes safely.
	ErrUnsupported = errors.New("shared memory is not supported here")
	// ErrUnsafe: a directory or file is a symbolic link, is not the user's own,
	// can be opened by others, or is not a plain file.
	ErrUnsafe = errors.New("unsafe directory or file")
	// ErrMismatch: the file has another layout, geometry or store.
	ErrMismatch = errors.New("file has another layout, geometry or store")
	// ErrInUse: another process is the owner, or holds what is needed.
	ErrInUse = errors.New("in use by another process")
	// ErrLockedPage: the page's lock could not be had in time; nothing was done.
	ErrLockedPage = errors.New("page is locked")
	// ErrRefused: the bucket's word is not the expected one any more, or the
	// page has changed; nothing was done.
	ErrRefused = errors.New("fill refused")
	// ErrDetached: the mapping is not trusted any more, or not yet bound;
	// nothing was done.
	ErrDetached = errors.New("detached from shared memory")
)

// errDamaged: the structure of a page contradicts itself. It never leaves the
// package: the page is reset.
var errDamaged = errors.New("page is damaged")

// errDamagedFile: a file's header cannot be what was written there. If nobody
// has the file open, it is replaced.
var errDamagedFile = fmt.Errorf("%w: damaged", ErrMismatch)
