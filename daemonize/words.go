package daemonize

import (
	"errors"
	"io"
	"os"
	"syscall"
	"time"
)

// words reads what the daemon, or what it has started, writes to standard output and error.
type words struct {
	file *os.File // a non-blocking socket
	left int      // after the cut, how much may still come
	tail bool     // after the cut
}

// lastWords is more than a socket buffers. It bounds what a launcher takes from a program that
// a daemon has left behind writing without end.
const lastWords = 8 << 20

// cut has Read return what was written up to now and then EOF, although processes that the
// daemon has started may have its standard output open. It may be called while Read waits.
func (w *words) cut() { w.file.SetReadDeadline(time.Unix(0, 1)) }

func (w *words) Read(b []byte) (n int, err error) {
	if !w.tail {
		n, err = w.file.Read(b)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		w.tail, w.left = true, lastWords
		w.file.SetReadDeadline(time.Time{})
	}
	return w.readBuffered(b[:min(len(b), w.left)])
}

// readBuffered does not wait.
func (w *words) readBuffered(b []byte) (n int, err error) {
	conn, err := w.file.SyscallConn()
	if err != nil {
		return 0, err
	}
	readErr := err
	err = conn.Read(func(fd uintptr) bool {
		readErr = ignoringEINTR(func() error {
			n, err = syscall.Read(int(fd), b)
			return err
		})
		return true
	})
	switch {
	case err != nil:
		return 0, err
	case errors.Is(readErr, syscall.EAGAIN), readErr == nil && n == 0:
		return 0, io.EOF
	case readErr != nil:
		return 0, readErr
	}
	w.left -= n
	return n, nil
}
