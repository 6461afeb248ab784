package l2mmap

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// aloneID is the store identity in the control file of a cache that stands
// alone, so that no store takes it for its own.
var aloneID = [16]byte{'a', 'l', 'o', 'n', 'e'}

// seedName is the file with the hash seed of a cache that stands alone.
const seedName = "seed"

// openAlone opens control and page file of a cache that stands alone. There is
// no owner but for the moment of binding: the first to come in a boot.
func openAlone(dir string, o PageOptions) (*Control, *Cache, error) {
	seed, err := aloneSeed(dir)
	if err != nil {
		return nil, nil, err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return nil, nil, err
	}
	control, err := OpenControl(dir, &ControlOptions{StoreID: aloneID, Seed: seed})
	if err != nil {
		return nil, nil, err
	}
	var pages *Cache
	if err = control.why; err == nil {
		pages, err = control.bindAlone(dir, o, strings.TrimSpace(string(boot)))
	}
	if err != nil {
		_ = control.Close()
		return nil, nil, err
	}
	return control, pages, nil
}

// aloneSeed reads the seed, and makes one if there is none.
func aloneSeed(dir string) (uint64, error) {
	d, err := openFolder(dir)
	if err != nil {
		return 0, err
	}
	defer func() { _ = d.close() }()
	for range 5 {
		f, err := d.open(seedName, 8)
		if err == nil {
			defer func() { _ = f.Close() }()
			var b [8]byte
			_, err := f.ReadAt(b[:], 0)
			return binary.LittleEndian.Uint64(b[:]), err
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
		err = d.create(seedName, 8, func(m memory) { _, _ = rand.Read(m) })
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return 0, err
		}
	}
	return 0, fmt.Errorf("%s: %w: its seed does not come to rest", dir, ErrInUse)
}

// bindAlone opens the bound page file, or binds one if there is none in this
// boot. The owner's lock is held while it does, so that one process binds.
func (c *Control) bindAlone(dir string, o PageOptions, boot string) (*Cache, error) {
	l, ok := c.host.(*locks)
	if !ok {
		return nil, ErrUnsupported
	}
	if err := lockWithin(l.f, unix.F_WRLCK, lockOwner, gateLimit); err != nil {
		return nil, err
	}
	defer func() {
		c.owner.Store(false)
		_, _ = lock(l.f, unix.F_UNLCK, lockOwner, 1)
	}()
	s, sameBoot := c.State(), false
	c.guarded(func() { sameBoot = c.mem.id(atBoot) == bootHash(boot) })
	if s.Opening != 0 && sameBoot {
		o = PageOptions{} // the geometry is chosen
	}
	pages, err := Open(dir, c, &o)
	if err != nil {
		return nil, err
	}
	if sameBoot && pages.inStepWith(s) {
		return pages, nil
	}
	opening := uint64(time.Now().UnixNano()) | 1
	_, err = c.Bind(Truth{Opening: opening, Previous: s.Opening, Version: s.Version, BootID: boot}, pages)
	if err != nil {
		_ = pages.Close()
		return nil, err
	}
	return pages, nil
}
