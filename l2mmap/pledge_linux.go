package l2mmap

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// The bytes of MAPPED that are locked.
const (
	lockPledge = iota
	lockAttend
	lockAll // how many there are
)

// pledgeFile is MAPPED, with a shared lock on one of these bytes.
type pledgeFile struct{ f *os.File }

func (p pledgeFile) close() error { return unlockAndClose(p.f) }

// openPledge opens MAPPED. The owner makes it if it is not there; nobody removes
// it. A follower only reads.
func openPledge(storeDir string, flags int) (*os.File, error) {
	name := filepath.Join(storeDir, pledgeName)
	return os.OpenFile(name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
}

func pledgeOwner(storeDir string, id [16]byte) (pledgeFile, error) {
	f, err := openPledge(storeDir, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return pledgeFile{}, err
	}
	if err = pledgeOwnerIn(f, id); err != nil {
		_ = f.Close()
		return pledgeFile{}, err
	}
	return pledgeFile{f}, nil
}

func pledgeOwnerIn(f *os.File, id [16]byte) error {
	alone, err := lock(f, unix.F_WRLCK, lockPledge, 1)
	if err != nil {
		return unsupportedLock(f, err)
	}
	if !alone {
		if err = pledgeIn(f, id); !errors.Is(err, ErrMismatch) {
			return err
		}
		// Who kept all others out (Unpledged) was none who trusts that file.
		if alone, err = lock(f, unix.F_WRLCK, lockPledge, 1); err != nil {
			return err
		}
	}
	if !alone {
		return fmt.Errorf("%s: %w: a process trusts another control file", f.Name(), ErrInUse)
	}
	if _, err := f.WriteAt(id[:], 0); err != nil {
		return err
	}
	_, err = lock(f, unix.F_RDLCK, lockPledge, 1) // one step: no gap in between
	return err
}

func pledgeFollower(storeDir string, id [16]byte) (pledgeFile, error) {
	f, err := openPledge(storeDir, os.O_RDONLY)
	if err != nil {
		return pledgeFile{}, err
	}
	if err := pledgeIn(f, id); err != nil {
		_ = f.Close()
		return pledgeFile{}, err
	}
	return pledgeFile{f}, nil
}

// pledgeLimit bounds the wait for an owner that is writing the name.
const pledgeLimit = time.Second

// pledgeIn takes the shared lock and then reads the name, which cannot change
// from then on.
func pledgeIn(f *os.File, id [16]byte) error {
	if err := lockWithin(f, unix.F_RDLCK, lockPledge, pledgeLimit); err != nil {
		return unsupportedLock(f, err)
	}
	var named [16]byte
	if _, err := f.ReadAt(named[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if named != id || id == noControl {
		return fmt.Errorf("%s: %w: it names another control file", f.Name(), ErrMismatch)
	}
	return nil
}

func attend(storeDir string) (pledgeFile, error) {
	f, err := openPledge(storeDir, os.O_RDONLY)
	if err != nil {
		return pledgeFile{}, err
	}
	if err := lockWithin(f, unix.F_RDLCK, lockAttend, pledgeLimit); err != nil {
		_ = f.Close()
		return pledgeFile{}, unsupportedLock(f, err)
	}
	return pledgeFile{f}, nil
}

// unsupportedLock is for file systems without such locks.
func unsupportedLock(f *os.File, err error) error {
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOLCK) || errors.Is(err, unix.EOPNOTSUPP) {
		return fmt.Errorf("%s: %w: %w", f.Name(), ErrUnsupported, err)
	}
	return err
}

func unpledged(storeDir string) (release func(), err error) {
	f, err := os.OpenFile(filepath.Join(storeDir, pledgeName), os.O_RDWR|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, os.ErrNotExist) {
		return func() {}, nil // there was never one
	}
	if err != nil {
		return nil, err
	}
	release = func() { _ = f.Close() }
	alone, err := lock(f, unix.F_WRLCK, 0, lockAll)
	switch {
	case err != nil && !errors.Is(unsupportedLock(f, err), ErrUnsupported):
		release()
		return nil, err
	case err == nil && !alone:
		release()
		return nil, fmt.Errorf("%s: %w: a process has the store open", f.Name(), ErrInUse)
	}
	return release, nil
}
