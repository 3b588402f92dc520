package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"

	"echod/server"
)

// CheckPath returns an error if path cannot be the address of a Unix socket; see unix(7). Listen
// and Client check it themselves.
func CheckPath(path string) error {
	switch {
	case path == "" || path[0] == '@':
		return fmt.Errorf("control socket %q: not a path", path)
	case len(path) > server.MaxSocketPath:
		return fmt.Errorf("control socket %s: the path has %d bytes, a socket address holds %d", path, len(path), server.MaxSocketPath)
	}
	return nil
}

// A Listener is a control socket. Where the system tells who is calling, a [Server] serves root,
// the user who called Listen and the owner of the socket, and answers others with 403 Forbidden.
type Listener struct {
	allowed []int // user ids

	mu     sync.Mutex
	socket *server.UnixListener
	closed bool
}

// An Owner is the user and group that a socket is given to.
type Owner struct{ UID, GID int }

// Listen makes the control socket at path as [server.ListenUnix] does, with mode 0600, and gives it
// to owner unless that is nil. It makes no directory.
func Listen(path string, owner *Owner) (*Listener, error) {
	if err := CheckPath(path); err != nil {
		return nil, err
	}
	socket, err := server.ListenUnix(context.Background(), path, 0o600)
	if err != nil {
		return nil, err
	}
	l := &Listener{socket: socket, allowed: []int{0, os.Geteuid()}}
	if owner == nil {
		return l, nil
	}
	l.allowed = append(l.allowed, owner.UID)
	if err := socket.Chown(owner.UID, owner.GID); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// SetPath is [server.UnixListener.SetPath].
func (l *Listener) SetPath(path string) { l.current().SetPath(path) }

func (l *Listener) current() *server.UnixListener {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.socket
}

// Renew makes the socket again if its file was removed, and reports whether it did. The file
// belongs to the user that the process is now. What another process has made at the path is left
// alone.
func (l *Listener) Renew() (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	path, removed := l.socket.Removed()
	if l.closed || !removed {
		return false, nil
	}
	socket, err := server.ListenUnix(context.Background(), path, 0o600)
	if err != nil {
		return false, err
	}
	before := l.socket
	l.socket = socket
	before.SetPath("")
	return true, before.Close()
}

// Accept returns the next connection. [Server] asks it for its peer and whether that may call.
func (l *Listener) Accept() (net.Conn, error) {
	conn, err := l.acceptUnix()
	if err != nil {
		return nil, err
	}
	p, err := findPeer(conn)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return conn, nil
	case err != nil:
		p = peer{uid: -1}
	}
	p.welcome = slices.Contains(l.allowed, p.uid)
	return &knownConn{conn, p}, nil
}

// acceptUnix goes on with the socket that has taken the place of the one before.
func (l *Listener) acceptUnix() (*net.UnixConn, error) {
	for {
		socket := l.current()
		conn, err := socket.AcceptUnix()
		if err == nil || socket == l.current() {
			return conn, err
		}
	}
}

// Addr returns the address that Listen was given.
func (l *Listener) Addr() net.Addr { return l.current().Addr() }

// Close is [server.UnixListener.Close].
func (l *Listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	return l.socket.Close()
}

// innermost drops what is said around a cause: the path is in the message already.
func innermost(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}
