//go:build linux || darwin

package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	shared   = true // several processes can have a directory
	sockName = "sock"
	newName  = "sock.new" // until it is renamed; only who holds the lock makes one
	sockMode = 0o600
)

// listener is an owner's bound socket.
type listener struct {
	*net.UnixListener
	path string
	info fs.FileInfo
}

// bind binds the socket of dir: under another name first, so that nobody meets
// one that cannot be used, then renamed into its place.
func bind(dir string) (*listener, error) {
	temp, path := filepath.Join(dir, newName), filepath.Join(dir, sockName)
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var l *net.UnixListener
	err := withAddress(dir, newName, func(addr *net.UnixAddr) (err error) {
		l, err = net.ListenUnix("unix", addr)
		return err
	})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	info, err := publish(temp, path)
	if err != nil {
		return nil, errors.Join(err, l.Close(), os.Remove(temp))
	}
	return &listener{l, path, info}, nil
}

func publish(temp, path string) (fs.FileInfo, error) {
	if err := os.Chmod(temp, sockMode); err != nil {
		return nil, err
	}
	info, err := os.Lstat(temp)
	if err != nil {
		return nil, err
	}
	return info, os.Rename(temp, path)
}

// inPlace reports whether the socket's file is still this one.
func (l *listener) inPlace() bool {
	info, err := os.Lstat(l.path)
	return err == nil && os.SameFile(info, l.info)
}

// remove takes the socket's file away, if it is this one.
func (l *listener) remove() {
	if l.inPlace() {
		_ = os.Remove(l.path)
	}
}

func (l *listener) accept() (net.Conn, error) { return l.Accept() }

func (l *listener) close() { _ = l.Close() }

// dial reaches the owner, and lets Follow look at it. errNobody: there is none,
// or it is not ready to answer.
func (n *Node) dial(ctx context.Context) (*link, error) {
	var conn net.Conn
	err := withAddress(n.dir, sockName, func(addr *net.UnixAddr) (err error) {
		var d net.Dialer
		conn, err = d.DialContext(ctx, "unix", addr.Name)
		return err
	})
	if err != nil {
		return nil, dialError(err)
	}
	rcv, w, err := n.handshake(ctx, conn)
	if err == nil {
		err = n.opts.Follow(w.hello)
		if err != nil {
			err = unavailable(err)
		}
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return newLink(conn, rcv, w, n.opts.Limits.Answer), nil
}

// dialError says which errors of a dial are those of an owner that is not there.
func dialError(err error) error {
	switch {
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return unavailable(fmt.Errorf("the owner's socket is another user's: run under the same user id, or use another directory: %w", err))
	case errors.Is(err, errTooLong):
		return unavailable(err)
	}
	return nobody(err)
}

func nobody(err error) error { return fmt.Errorf("%w: %w", errNobody, err) }

// handshake greets the owner. It ends with ctx, or when the owner does not
// answer for Limits.Answer: it may be stopped, and another one bound by then.
func (n *Node) handshake(ctx context.Context, conn net.Conn) (*receiver, welcome, error) {
	if err := sameUser(conn); err != nil {
		return nil, welcome{}, unavailable(err)
	}
	_ = conn.SetDeadline(time.Now().Add(n.opts.Limits.Answer))
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	g := greeting{newest: newest, oldest: oldest, client: n.client, never: n.opts.Role == RoleFollower}
	_, _ = conn.Write(appendFrame(nil, &message{kind: kindGreeting}, g.encode(), false))
	// A refusal may have come before the greeting could be written.
	rcv := newReceiver(conn, maxHandshake, maxHandshake)
	m, err := rcv.next()
	if err != nil {
		return nil, welcome{}, nobody(err)
	}
	if !stop() {
		return nil, welcome{}, nobody(ctx.Err())
	}
	_ = conn.SetDeadline(time.Time{})
	switch m.kind {
	case kindWelcome:
		w, err := decodeWelcome(m.body)
		if err == nil && (w.version < oldest || w.version > newest) {
			err = fmt.Errorf("version %d", w.version)
		}
		if err != nil {
			return nil, w, unavailable(fmt.Errorf("the owner's welcome: %w", err))
		}
		return rcv, w, nil
	case kindRefusal:
		d := decoder{buf: m.body}
		return nil, welcome{}, unavailable(fmt.Errorf("refused: %w", d.error()))
	}
	return nil, welcome{}, nobody(io.ErrUnexpectedEOF)
}

// errTooLong: the path does not fit a socket's address.
var errTooLong = errors.New("the path is too long for a Unix socket: use a shorter directory, or a short symbolic link to it")

// withAddress gives fn an address of name in dir that fits a socket's address,
// good while fn runs.
func withAddress(dir, name string, fn func(*net.UnixAddr) error) error {
	path := filepath.Join(dir, name)
	if len(path) < maxAddress {
		return fn(&net.UnixAddr{Name: path, Net: "unix"})
	}
	return byDescriptor(dir, name, fn)
}

// sameUser refuses the other end of conn unless it has this process's uid.
func sameUser(conn net.Conn) error {
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return err
	}
	var uid int
	var errCred error
	if err := raw.Control(func(fd uintptr) { uid, errCred = peerUID(int(fd)) }); err != nil {
		return err
	}
	if errCred != nil {
		return errCred
	}
	if uid != os.Geteuid() {
		return errOther
	}
	return nil
}

// rawConn is what writeNow writes to; nil: it cannot.
func rawConn(conn net.Conn) syscall.RawConn {
	c, ok := conn.(*net.UnixConn)
	if !ok {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// writeNow writes as much of b as the connection takes without waiting.
func writeNow(raw syscall.RawConn, b []byte) (n int, err error) {
	errRaw := raw.Control(func(fd uintptr) {
		for {
			if n, err = syscall.Write(int(fd), b); err != syscall.EINTR {
				return
			}
		}
	})
	switch {
	case errRaw != nil:
		return 0, errRaw
	case err == syscall.EAGAIN:
		return 0, nil
	}
	return max(n, 0), err
}
