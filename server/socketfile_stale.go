package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"
)

// staleTimeout is how long a Unix socket has to take or refuse a connection. The kernel answers at
// once.
const staleTimeout = time.Second

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
	asking := net.Dialer{Timeout: staleTimeout}
	conn, err := asking.DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		conn.Close()
		return fmt.Errorf("%w by a server that answers", syscall.EADDRINUSE)
	case errors.Is(err, syscall.EAGAIN):
		return fmt.Errorf("%w by a server whose queue is full", syscall.EADDRINUSE)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case !errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w, and connecting to it says: %w", syscall.EADDRINUSE, innermost(err))
	}
	return removeSame(path, found)
}

// removeSame removes the file at path if it is the one that was found. The inode of a dead socket
// may be given to the next one; hence the time. Nothing can make the comparison and the removal one
// step.
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

// innermost drops what is said around the cause: the path is in the message already.
func innermost(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}
