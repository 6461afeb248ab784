package host_test

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/stratakv/strata/host"
)

// Guarantee 9. The test runs as root to be somebody else for a moment.
func TestOtherUserIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to connect under another uid")
	}
	s := toyStore{dir: t.TempDir()}
	open(t, s, options(s))
	sock := filepath.Join(s.dir, "sock")
	for _, name := range []string{sock, s.dir, filepath.Dir(s.dir)} {
		if err := os.Chmod(name, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	type result struct {
		conn net.Conn
		err  error
	}
	connected := make(chan result)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		conn, err := connectAs(65534, sock)
		connected <- result{conn, err}
	}()
	r := <-connected
	if r.err != nil {
		t.Skip("cannot connect under another uid: ", r.err)
	}
	defer r.conn.Close()
	if k, _, _, err := host.NewRaw(r.conn).Next(); err != nil || k != host.KindRefusal {
		t.Errorf("got kind %d, %v, want a refusal", k, err)
	}
}

// connectAs connects with the calling thread's uid changed.
func connectAs(uid int, path string) (net.Conn, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "socket")
	defer f.Close()
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), uintptr(uid), ^uintptr(0)); errno != 0 {
		return nil, errno
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		return nil, err
	}
	return net.FileConn(f)
}
