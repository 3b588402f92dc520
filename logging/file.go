package logging

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"time"
)

const (
	// flushInterval is the longest time that a line waits for others to be
	// written with.
	flushInterval = 100 * time.Millisecond

	// closeTimeout is how long Close waits for the last lines to be written.
	closeTimeout = 2 * time.Second
)

// File is a log in a file that others may rename at any time.
// Its methods may be called by several goroutines at once.
type File struct {
	output
	lines *lineFile     // belongs to the writer
	turnC chan struct{} // of one element: held during a Reopen

	mu      sync.Mutex
	path    string // of the next Reopen
	owner   int    // as in Options
	file    *openedFile
	crashes bool // whether crashes are written to file
}

// OpenFile opens the log file at path, to append to it. A file that is missing
// is created with mode 0640, whatever the umask is; a missing directory is
// not. A relative path is one of the present working directory, also for
// [File.Reopen] later.
//
// Only a regular file, a symbolic link to one, and /dev/null are accepted.
// For anything else the error matches [ErrNotRegular] and nothing was changed.
//
// Where users other than root and the caller may write a directory on the way,
// they could choose which file the caller writes to. No symbolic link is
// followed there, but for those of root and the caller in a sticky directory
// such as /tmp; and a file must be root's, the caller's or that of
// Options.Owner, and have one name only. Otherwise the error matches
// [ErrUntrusted].
//
// Other errors match [io/fs.ErrPermission], [io/fs.ErrNotExist] or the
// [syscall.Errno] of open(2).
func OpenFile(path string, o Options) (*File, error) {
	if path == "" {
		return nil, fmt.Errorf("open log file: empty path: %w", fs.ErrInvalid)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open log file: %w", err)
	}
	file, err := openLog(path, o.Owner)
	if err != nil {
		return nil, fmt.Errorf("open log file %s: %w", path, err)
	}
	lines := &lineFile{f: file.File}
	return &File{
		output: newOutput(lines, flushInterval, o, false),
		lines:  lines,
		turnC:  make(chan struct{}, 1),
		path:   path,
		owner:  o.Owner,
		file:   file,
	}, nil
}

// Created reports whether the present file was created when it was opened, by
// [OpenFile] or by [File.Reopen].
func (f *File) Created() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.file.created
}

// Chown gives the file to a user and group if it is [File.Created], so that it
// can be opened again when privileges have been given up. A file that was
// there before keeps its owner. An id of -1 is left as it is.
func (f *File) Chown(uid, gid int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.file.created {
		return nil
	}
	if err := f.file.Chown(uid, gid); err != nil {
		return fmt.Errorf("chown log file %s to %d:%d: %w", f.path, uid, gid, cause(err))
	}
	return nil
}

// Path returns the path that [File.Reopen] opens.
func (f *File) Path() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.path
}

// SetPath sets the path that [File.Reopen] opens: the name of the same file
// after chroot(2), or that of another one. It should be absolute.
func (f *File) SetPath(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.path = path
}

// Discard is Close for the log of a server that was never ready. A file that is [File.Created] is
// removed; where the process may not do so any more, it is left empty.
func (f *File) Discard() error {
	if !f.Created() {
		return f.Close()
	}
	info, err := f.file.Stat()
	f.lines.discarded.Store(true)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = removeLog(f.Path(), info)
	}
	return err
}

// Close writes the lines that are waiting and closes the file. Lines that come
// later, or cannot be written at once, are dropped and counted. If the file
// system does not answer, Close gives up after 2 s.
func (f *File) Close() error {
	err := f.queue.close(closeTimeout)
	if crashErr := f.releaseCrashes(); err == nil {
		err = crashErr
	}
	if err != nil {
		return fmt.Errorf("close log file %s: %w", f.Path(), cause(err))
	}
	return nil
}
