package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync"
	"syscall"
)

// listenQueue is how many connections wait to be accepted, unless the system allows fewer, as it
// does.
const listenQueue = 1<<16 - 1

// A UnixListener listens on a Unix socket and owns the socket's file. net.UnixListener would remove
// whatever is at the path when it is closed.
type UnixListener struct {
	*net.UnixListener
	made fs.FileInfo // what was bound

	mu   sync.Mutex
	path string // empty once the file was removed, or cannot be reached
}

// ListenUnix makes a Unix socket at path, to which users may connect that mode lets write, whatever
// the umask is; see unix(7). ctx bounds the question to a socket that is there already whether
// a process serves it. If none does it is replaced; else the error wraps [syscall.EADDRINUSE]. If
// what is there is no socket, the error wraps [fs.ErrExist].
//
// Two callers that find the same dead socket at the same time may both replace it, and the later
// one has the path. Only one of them should get here: by a locked pid file, for instance. One that
// has bound its socket, and is about to listen, looks dead too.
func ListenUnix(ctx context.Context, path string, mode fs.FileMode) (*UnixListener, error) {
	l, err := openSocketFile(path, mode)
	if errors.Is(err, syscall.EADDRINUSE) {
		if err = removeStale(ctx, path); err == nil {
			l, err = openSocketFile(path, mode)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("listen on unix://%s: %w", path, err)
	}
	return l, nil
}

// openSocketFile lets no client connect before the file has its mode. It does so by itself because
// package net listens at once, and panics if the address cannot be looked up.
func openSocketFile(path string, mode fs.FileMode) (*UnixListener, error) {
	f, err := newUnixSocket()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fd := int(f.Fd())
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		return nil, err
	}
	l := &UnixListener{path: path}
	if l.made, err = os.Lstat(path); err != nil {
		return nil, innermost(err)
	}
	if !hasOneName(l.made) {
		return nil, errReplaced
	}
	if err := l.listen(f, mode); err != nil {
		_ = removeSame(path, l.made) // else it is stale
		return nil, err
	}
	return l, nil
}

// newUnixSocket returns a socket that programs started later do not inherit.
func newUnixSocket() (*os.File, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, err
	}
	syscall.CloseOnExec(fd)
	f := os.NewFile(uintptr(fd), "unix socket")
	refuseDescriptors(f)
	return f, nil
}

func (l *UnixListener) listen(f *os.File, mode fs.FileMode) error {
	if l.made.Mode().Perm() != mode {
		if err := l.change(func(f *heldFile) error { return f.chmod(mode) }); err != nil {
			return fmt.Errorf("set mode: %w", innermost(err))
		}
	}
	if err := syscall.Listen(int(f.Fd()), listenQueue); err != nil {
		return err
	}
	listener, err := net.FileListener(f)
	if err != nil {
		return innermost(err)
	}
	l.UnixListener = listener.(*net.UnixListener) // by the kind of socket
	l.SetUnlinkOnClose(false)
	return nil
}

// Chown gives the file to a user and a group; -1 leaves one as it is.
func (l *UnixListener) Chown(uid, gid int) error {
	if err := l.change(func(f *heldFile) error { return f.chown(uid, gid) }); err != nil {
		return fmt.Errorf("chown %s: %w", l.Addr(), innermost(err))
	}
	return nil
}

// change calls do with the file, if it still is the one that was made. The file is held, so that
// a user that may write to the directory cannot have another one changed by putting it in its place.
func (l *UnixListener) change(do func(*heldFile) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, err := holdFile(l.path)
	if err != nil {
		return err
	}
	defer f.close()
	now, err := f.stat()
	if err != nil {
		return err
	}
	if !os.SameFile(now, l.made) || now.Mode().Type() != fs.ModeSocket {
		return errReplaced
	}
	return do(f)
}

// errReplaced is why nothing is done to the file at the path.
var errReplaced = errors.New("somebody has put another file in its place")

// hasOneName tells the file that was just made from a link to another file, which a user that may
// write to the directory could have put in its place. The owner tells nothing: some file systems
// give a new file to another user.
func hasOneName(made fs.FileInfo) bool {
	st, ok := made.Sys().(*syscall.Stat_t)
	return !ok || st.Nlink == 1
}

// SetPath says where the file is to be found when it is closed, after chroot(2). Empty means
// nowhere: it stays, and the next to listen there replaces it.
func (l *UnixListener) SetPath(path string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.path = path
}

// Removed reports whether the file was removed, though not by Close, and where it was.
func (l *UnixListener) Removed() (path string, removed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.path == "" {
		return "", false
	}
	_, err := os.Lstat(l.path)
	return l.path, errors.Is(err, fs.ErrNotExist)
}

// Close removes the file, if it still is the one that was made, and stops accepting. The file
// stays, to be replaced by the next to listen there, if the process may not remove it any more,
// having given up its privileges: an error tells.
func (l *UnixListener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	if l.path != "" {
		// The file goes first: a process that sees the socket dead would take it for stale.
		if err = removeSame(l.path, l.made); err != nil {
			err = fmt.Errorf("remove %s: %w", l.path, err)
		}
		l.path = ""
	}
	return errors.Join(l.UnixListener.Close(), err)
}
