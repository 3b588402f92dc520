package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// socketFileMode lets everybody connect.
const socketFileMode fs.FileMode = 0o666

// probeTimeout is how long a Unix socket has to take or refuse a connection. The kernel answers at once,
// unless the queue of a listener is full.
const probeTimeout = time.Second

// A socketFileListener is a listener on a Unix socket that owns the socket's file. net.UnixListener
// would unlink whatever is at the path when it is closed.
type socketFileListener struct {
	*net.UnixListener
	path string
	made fs.FileInfo // what was bound
	once sync.Once
	err  error
}

// listenSocketFile binds a Unix socket to path, if need be after taking away a file that nobody serves.
//
// Between the look at such a file and its removal another process may have done the same and bound
// its socket, which is then removed, and its server is out of reach. The file is compared just
// before, so that this needs two starts in the same instant; a lock that both know, such as a pid
// file, rules it out. A server that has bound its socket and does not listen yet looks like a dead one.
func listenSocketFile(ctx context.Context, path string) (*socketFileListener, error) {
	l, err := bindSocketFile(ctx, path)
	if !errors.Is(err, syscall.EADDRINUSE) {
		return l, err
	}
	if err := removeStale(ctx, path); err != nil {
		return nil, fmt.Errorf("listen on unix://%s: %w", path, err)
	}
	return bindSocketFile(ctx, path)
}

// bindSocketFile makes the file and then opens it to everybody. In between it has what the
// umask leaves, which is less: nobody can connect too early.
func bindSocketFile(ctx context.Context, path string) (*socketFileListener, error) {
	var config net.ListenConfig
	bound, err := config.Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	l := &socketFileListener{UnixListener: bound.(*net.UnixListener), path: path}
	l.SetUnlinkOnClose(false)
	if l.made, err = os.Lstat(path); err == nil && l.made.Mode().Perm() != socketFileMode {
		err = l.inDirectory(func(dir *os.Root, name string) error { return dir.Chmod(name, socketFileMode) })
	}
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("listen on unix://%s: set mode: %w", path, innermost(err))
	}
	return l, nil
}

// removeStale removes the socket at path, or says why it stays.
func removeStale(ctx context.Context, path string) error {
	found, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // its server has just ended
	case err != nil:
		return innermost(err)
	case found.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%w and is no socket", fs.ErrExist)
	}
	probe := net.Dialer{Timeout: probeTimeout}
	conn, err := probe.DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		conn.Close()
		return fmt.Errorf("%w by a server that answers", syscall.EADDRINUSE)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case !errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w, and connecting to it says: %w", syscall.EADDRINUSE, innermost(err))
	}
	return removeSame(path, found)
}

// Close ends listening and removes the file, as [Address.Listen] has it.
func (l *socketFileListener) Close() error {
	l.once.Do(func() {
		// The file goes first: whoever sees the socket dead would take it for stale.
		if l.made != nil {
			_ = removeSame(l.path, l.made) // a file that has to stay is stale, and no harm
		}
		l.err = l.UnixListener.Close()
	})
	return l.err
}

// Chown gives the file to a user and a group; -1 leaves one as it is.
func (l *socketFileListener) Chown(uid, gid int) error {
	err := l.inDirectory(func(dir *os.Root, name string) error { return dir.Lchown(name, uid, gid) })
	if err != nil {
		return fmt.Errorf("chown %s: %w", l.path, innermost(err))
	}
	return nil
}

// inDirectory calls change with the directory of the file and its name there, if the file still is the one that was made.
// It is held by the directory so that nobody who may write to the directory can lead change elsewhere by a symbolic link.
func (l *socketFileListener) inDirectory(change func(dir *os.Root, name string) error) error {
	dir, err := os.OpenRoot(filepath.Dir(l.path))
	if err != nil {
		return err
	}
	defer dir.Close()
	name := filepath.Base(l.path)
	now, err := dir.Lstat(name)
	if err != nil {
		return err
	}
	if !os.SameFile(now, l.made) {
		return errors.New("another file is in its place")
	}
	return change(dir, name)
}

// removeSame removes the file at path if it is the one that info describes: by device and inode.
// Nothing can make the comparison and the removal one step.
func removeSame(path string, info fs.FileInfo) error {
	now, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(now, info) {
		return nil
	}
	if err == nil {
		err = os.Remove(path)
	}
	return innermost(err)
}

// innermost drops what a path or network error says around its cause: the path is in the message already.
func innermost(err error) error {
	var path *fs.PathError
	var call *os.SyscallError
	switch {
	case errors.As(err, &call):
		return call.Err
	case errors.As(err, &path):
		return path.Err
	}
	return err
}
