package host

import (
	"net"

	"golang.org/x/sys/unix"
)

const maxAddress = 104

// peerUID is the uid of the process at the other end.
func peerUID(fd int) (int, error) {
	cred, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return 0, err
	}
	return int(cred.Uid), nil
}

// byDescriptor has no way here: a socket's address is a path alone.
func byDescriptor(string, string, func(*net.UnixAddr) error) error { return errTooLong }
