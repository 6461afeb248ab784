//go:build !linux && !darwin

package host

import (
	"context"
	"errors"
	"net"
	"syscall"
)

const shared = false // a directory has one process

// errAlone: processes cannot share a store here.
var errAlone = errors.New("processes cannot share a store on this platform")

// dial finds nobody.
func (n *Node) dial(context.Context) (*link, error) { return nil, nobody(errAlone) }

func nobody(err error) error { return errors.Join(errNobody, err) }

// listener is an owner's bound socket: there is none.
type listener struct{}

func bind(string) (*listener, error) { return nil, errAlone }

func (*listener) inPlace() bool             { return false }
func (*listener) remove()                   {}
func (*listener) close()                    {}
func (*listener) accept() (net.Conn, error) { return nil, net.ErrClosed }

func sameUser(net.Conn) error { return errAlone }

func rawConn(net.Conn) syscall.RawConn { return nil }

func writeNow(syscall.RawConn, []byte) (int, error) { return 0, errAlone }
