package host

import (
	"fmt"
	"net"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

const maxAddress = 108

// peerUID is the uid of the process at the other end.
func peerUID(fd int) (int, error) {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0, err
	}
	return int(cred.Uid), nil
}

// byDescriptor reaches dir by a descriptor of it, whatever its path's length.
func byDescriptor(dir, name string, fn func(*net.UnixAddr) error) error {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: dir, Err: err}
	}
	defer unix.Close(fd)
	by := "/proc/self/fd/" + strconv.Itoa(fd)
	if _, err := os.Stat(by); err != nil {
		return fmt.Errorf("%w (there is no /proc to reach it otherwise)", errTooLong)
	}
	return fn(&net.UnixAddr{Name: by + "/" + name, Net: "unix"})
}
