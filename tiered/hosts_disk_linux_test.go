package tiered_test

import (
	"bufio"
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stratakv/strata/l3bolt"
)

// commandedDisk is the operating system's file system, whose fdatasync fails or
// blocks on command.
type commandedDisk struct {
	fault func()        // called when an fdatasync fails
	lag   time.Duration // how much longer an fdatasync takes

	mu     sync.Mutex    // guards what follows
	orders []diskOrder   // one for each of the next fdatasyncs
	stall  chan struct{} // closed when the disk goes on; nil: it goes
	held   int           // fdatasyncs that wait for stall
}

// diskOrder is how an fdatasync fails.
type diskOrder int

const (
	failSync diskOrder = iota // what was written can be read, until a power cut
	loseSync                  // what was written is gone, as from a cache that drops it
)

var errDisk = errors.New("the disk fails by order")

// command is "fail", "lose", "stall" or "heal".
func (d *commandedDisk) command(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch what {
	case "fail":
		d.orders = append(d.orders, failSync)
	case "lose":
		d.orders = append(d.orders, loseSync)
	case "stall":
		if d.stall == nil {
			d.stall = make(chan struct{})
		}
	case "heal":
		if d.stall != nil {
			close(d.stall)
			d.stall = nil
		}
	}
}

// listen takes one command of each line, until they end.
func (d *commandedDisk) listen(from io.Reader) {
	for lines := bufio.NewScanner(from); lines.Scan(); {
		d.command(lines.Text())
	}
}

// stalled is how many fdatasyncs wait.
func (d *commandedDisk) stalled() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.held
}

// wait returns when the disk goes, or has gone on for a moment.
func (d *commandedDisk) wait() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if stall := d.stall; stall != nil {
		d.held++
		d.mu.Unlock()
		<-stall
		d.mu.Lock()
		d.held--
	}
}

func (d *commandedDisk) order() (o diskOrder, given bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.orders) == 0 {
		return 0, false
	}
	o, d.orders = d.orders[0], d.orders[1:]
	return o, true
}

func (d *commandedDisk) MkdirAll(dir string) error    { return os.MkdirAll(dir, 0o700) }
func (d *commandedDisk) Rename(from, to string) error { return os.Rename(from, to) }
func (d *commandedDisk) Remove(name string) error     { return os.Remove(name) }

func (d *commandedDisk) OpenFile(name string, flag int) (l3bolt.File, error) {
	f, err := os.OpenFile(name, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return &commandedFile{File: f, disk: d}, nil
}

func (d *commandedDisk) ReadDir(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

func (d *commandedDisk) SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// commandedFile remembers what its writes have replaced since the last sync.
type commandedFile struct {
	*os.File
	disk *commandedDisk

	mu   sync.Mutex // guards olds
	olds []replaced
}

type replaced struct {
	at  int64
	old []byte
}

func (f *commandedFile) WriteAt(p []byte, at int64) (int, error) {
	old := make([]byte, len(p))
	if _, err := f.ReadAt(old, at); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.olds = append(f.olds, replaced{at, old})
	return f.File.WriteAt(p, at)
}

func (f *commandedFile) Datasync() error {
	f.disk.wait()
	if o, given := f.disk.order(); given {
		if o == loseSync {
			f.takeBack()
		}
		f.disk.fault()
		return errDisk
	}
	err := unix.EINTR
	for err == unix.EINTR { // not run to its end
		if err, _ = unix.Fdatasync(int(f.Fd())).(unix.Errno); err == 0 {
			if f.disk.lag > 0 {
				<-time.After(f.disk.lag)
			}
			return f.synced(nil)
		}
	}
	return f.synced(err)
}

func (f *commandedFile) Sync() error {
	f.disk.wait()
	return f.synced(f.File.Sync())
}

func (f *commandedFile) synced(err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.olds = nil
	return err
}

// takeBack undoes what was written since the last sync.
func (f *commandedFile) takeBack() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range slices.Backward(f.olds) {
		if _, err := f.File.WriteAt(r.old, r.at); err != nil {
			panic(err)
		}
	}
	f.olds = nil
}

func (f *commandedFile) Preallocate(size int64) error {
	err := unix.Fallocate(int(f.Fd()), 0, 0, size)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return nil // it may do without
	}
	return err
}

func (f *commandedFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
