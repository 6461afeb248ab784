//go:build !wasm

package faultfs

// Op is a kind of call.
type Op int

// The kinds of call; Any in a Fault stands for all of them.
const (
	Any Op = iota
	MkdirAll
	OpenFile
	Rename
	Remove
	ReadDir
	SyncDir
	ReadAt
	WriteAt
	Size
	Truncate
	Preallocate
	Datasync
	Sync
	Close
)

// String names the call as its method is named.
func (o Op) String() string {
	return [...]string{"Any", "MkdirAll", "OpenFile", "Rename", "Remove", "ReadDir", "SyncDir", "ReadAt",
		"WriteAt", "Size", "Truncate", "Preallocate", "Datasync", "Sync", "Close"}[o]
}

// Fault makes a call fail.
type Fault struct {
	Op   Op
	Call int // which one, counted from its injection; 1 is the next
	Err  error
	// Bytes is how much of a WriteAt is done before it fails.
	Bytes int
	// After says that the call does all of its work and fails nevertheless.
	After bool
	// Lasting says that all later calls of the kind fail, too.
	Lasting bool
}

// Inject adds a fault to those that wait for their call.
func (f *FS) Inject(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fault.Call += f.calls[fault.Op]
	f.faults = append(f.faults, fault)
}

// Heal takes all faults away, those that wait and those that last.
func (f *FS) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = nil
}

// Calls is the number of calls of a kind so far.
func (f *FS) Calls(op Op) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[op]
}

// Trace has each call told to fn, with the lock held: fn must not call f. It
// helps to see which call a seed or a number stands for.
func (f *FS) Trace(fn func(op Op, name string)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = fn
}

// failLocked counts a call and returns its fault, the zero Fault if it has
// none.
func (f *FS) failLocked(op Op, name string) Fault {
	f.calls[op]++
	f.calls[Any]++
	if f.log != nil {
		f.log(op, name)
	}
	for _, fault := range f.faults {
		if fault.Op != op && fault.Op != Any {
			continue
		}
		if n := f.calls[fault.Op]; n == fault.Call || (fault.Lasting && n > fault.Call) {
			return fault
		}
	}
	return Fault{}
}

// ReadFile returns a copy of a file's contents; nil if there is none.
func (f *FS) ReadFile(name string) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n, ok := f.files[f.rel(name)]; ok {
		return append([]byte{}, n.data...)
	}
	return nil
}

// WriteFile puts a file there, durably, without counting as a call.
func (f *FS) WriteFile(name string, data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := newNode(append([]byte{}, data...))
	f.files[f.rel(name)], f.synced[f.rel(name)] = n, n
}

// DeleteFile removes a file, durably, without counting as a call.
func (f *FS) DeleteFile(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.files, f.rel(name))
	delete(f.synced, f.rel(name))
}
