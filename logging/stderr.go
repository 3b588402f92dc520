package logging

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
)

// Stderr is a log on standard error, or whatever stream takes its place.
type Stderr struct{ output }

// NewStderr returns a log on f, each record in one write(2) of its own. f is
// not closed with the log. A reader of f who has gone does not end the process
// with SIGPIPE, as it would by [os.File.Write]; lines are then dropped.
//
// journalStream is the value of the environment variable JOURNAL_STREAM. If it
// names f, each line begins with its priority, "<N>", for the journal to take
// off again; see systemd.exec(5) and sd-daemon(3).
func NewStderr(f *os.File, journalStream string, o Options) (*Stderr, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("open log on %s: %w", f.Name(), cause(err))
	}
	return &Stderr{newOutput(&stream{conn}, 0, o, isJournal(f, journalStream))}, nil
}

// Close writes the lines that are waiting. Lines that come later, or cannot be
// written at once, are dropped and counted. If the reader does not read, Close
// gives up after 2 s.
func (s *Stderr) Close() error {
	if err := s.queue.close(closeTimeout); err != nil {
		return fmt.Errorf("close log on standard error: %w", err)
	}
	return nil
}

// isJournal reports whether journalStream, "DEVICE:INODE" in decimal, is f.
func isJournal(f *os.File, journalStream string) bool {
	if journalStream == "" {
		return false
	}
	info, err := f.Stat()
	if err != nil {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && journalStream == fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}

// stream is the sink that writes a line at a time.
type stream struct{ conn syscall.RawConn }

func (s *stream) write(lines []byte) (n int, err error) {
	for n < len(lines) && err == nil {
		end := n + bytes.IndexByte(lines[n:], '\n') + 1
		var m int
		m, err = s.writeSome(lines[n:end])
		n += m
	}
	return n, err
}

// writeSome is write(2) on a descriptor that may be set to non-blocking.
func (s *stream) writeSome(p []byte) (n int, err error) {
	connErr := s.conn.Write(func(fd uintptr) bool {
		for {
			n, err = syscall.Write(int(fd), p)
			if err != syscall.EINTR {
				return err != syscall.EAGAIN
			}
		}
	})
	if err == nil {
		err = connErr
	}
	return max(n, 0), err
}

func (s *stream) close() error { return nil }
