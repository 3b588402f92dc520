package control

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// ErrInUse says that a server answers at the path of a socket.
var ErrInUse = errors.New("another server answers there")

// An Owner is the user and group that a socket is given to.
type Owner struct{ UID, GID int }

// CheckPath returns an error if path cannot be the address of a Unix socket; see unix(7). Listen
// and Client check it themselves.
func CheckPath(path string) error {
	limit := len(syscall.RawSockaddrUnix{}.Path) - 1
	switch {
	case path == "" || path[0] == '@':
		return fmt.Errorf("control socket %q: not a path", path)
	case len(path) > limit:
		return fmt.Errorf("control socket %s: the path has %d bytes, a socket address holds %d", path, len(path), limit)
	}
	return nil
}

// A Listener is a control socket. Where the system tells who is calling, a [Server] serves root, the
// user who called Listen and the owner of the socket, and answers others with 403 Forbidden.
type Listener struct {
	socket  *net.UnixListener
	allowed []int // user ids

	mu   sync.Mutex
	path string // empty once the socket was removed, or cannot be reached
	made fs.FileInfo
}

// Listen makes the control socket at path, with mode 0600, and gives it to owner unless that is nil. It makes no
// directory. A socket that is there already is replaced only if nobody answers at it; else the
// error is [ErrInUse]. Anything else that is there is left alone.
//
// The umask is changed for a moment: a file that another goroutine creates then gets a stricter mode.
//
// Two callers that find the same dead socket at the same time may both replace it, and the later one
// has the path. Only one of them should get here: by a locked pid file, for instance.
func Listen(path string, owner *Owner) (*Listener, error) {
	if err := CheckPath(path); err != nil {
		return nil, err
	}
	if err := removeDead(path); err != nil {
		return nil, fmt.Errorf("listen on control socket %s: %w", path, err)
	}
	l := &Listener{allowed: []int{0, os.Geteuid()}}
	if err := l.open(path, owner); err != nil {
		return nil, fmt.Errorf("listen on control socket %s: %w", path, innermost(err))
	}
	return l, nil
}

// open makes the socket, and lets nobody connect before it belongs to its owner. It does so by
// itself because net.ListenUnix listens at once, and panics if the address cannot be looked up.
func (l *Listener) open(path string, owner *Owner) error {
	f, err := newSocket()
	if err != nil {
		return err
	}
	defer f.Close()
	fd := int(f.Fd())
	mask := syscall.Umask(0o177)
	err = syscall.Bind(fd, &syscall.SockaddrUnix{Name: path})
	syscall.Umask(mask)
	if err != nil {
		return err
	}
	if l.made, err = os.Lstat(path); err != nil {
		return err
	}
	l.path = path
	if owner != nil {
		l.allowed = append(l.allowed, owner.UID)
		err = giveTo(path, *owner)
	}
	if err == nil {
		err = syscall.Listen(fd, syscall.SOMAXCONN)
	}
	var listener net.Listener
	if err == nil {
		listener, err = net.FileListener(f)
	}
	if err != nil {
		removeSame(path, l.made)
		return err
	}
	l.socket = listener.(*net.UnixListener) // by the kind of socket
	return nil
}

// newSocket returns a socket that programs started later do not inherit.
func newSocket() (*os.File, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, err
	}
	syscall.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), "control socket"), nil
}

// removeDead unlinks a socket that nobody listens on. One that comes to life after it was found
// dead is recognised by its inode, but for the moment between the last look and unlink(2).
func removeDead(path string) error {
	found, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return innermost(err)
	}
	if found.Mode().Type() != fs.ModeSocket {
		return errors.New("it is there already, and no socket")
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		conn.Close()
		return ErrInUse
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return removeSame(path, found)
	case errors.Is(err, syscall.EAGAIN):
		return ErrInUse // and so busy that no more fit into its queue
	}
	return innermost(err) // not known to be dead
}

// removeSame unlinks path if it still is the file that was found. A dead file's inode number
// may be given to the next one; hence the time.
func removeSame(path string, found fs.FileInfo) error {
	now, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && !(os.SameFile(now, found) && now.ModTime().Equal(found.ModTime())) {
		return nil
	}
	if err == nil {
		err = os.Remove(path)
	}
	return innermost(err)
}

// SetPath says where the socket is to be found when it is closed, after chroot(2). Empty means
// nowhere: it stays, and the next Listen replaces it.
func (l *Listener) SetPath(path string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.path = path
}

// Accept returns the next connection. [Server] asks it for its peer and whether that may call.
func (l *Listener) Accept() (net.Conn, error) {
	conn, err := l.socket.AcceptUnix()
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

// Addr returns the address that Listen was given.
func (l *Listener) Addr() net.Addr { return l.socket.Addr() }

// Close removes the socket, if it still is the one that Listen made, and stops accepting. As
// long as it is open, no other file can have its inode number.
func (l *Listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	if l.path != "" {
		if err = removeSame(l.path, l.made); err != nil {
			err = fmt.Errorf("remove control socket %s: %w", l.path, err)
		}
		l.path = ""
	}
	return errors.Join(l.socket.Close(), err)
}

// innermost drops what is said around a cause: the path is in the message already.
func innermost(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}
