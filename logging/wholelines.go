package logging

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"sync/atomic"
)

// appendFile is what lineFile needs of an [os.File] opened for appending.
type appendFile interface {
	io.Writer
	io.Seeker
	io.Closer
	Stat() (fs.FileInfo, error)
	Truncate(size int64) error
}

// lineFile is the sink that keeps a file in whole lines.
type lineFile struct {
	f         appendFile
	discarded atomic.Bool // close empties the file
}

// write appends lines. If the file system takes only part of them, the line
// that was begun is cut off again and is to be written anew. Where that is
// refused (a file with chattr +a), the rest of it remains to be written.
func (l *lineFile) write(lines []byte) (int, error) {
	n, err := l.f.Write(lines)
	if err == nil {
		return n, nil
	}
	err = cause(err)
	whole := bytes.LastIndexByte(lines[:n], '\n') + 1
	if whole < n && l.cut(int64(n-whole)) {
		return whole, err
	}
	return n, err
}

// cut takes off the last n bytes of what was written and reports whether the
// line they belong to should be written anew. If another process has appended
// something since, nothing can be taken off, and the line has to be written
// anew to be whole; should that happen between Stat and Truncate, what the
// other has written goes too.
func (l *lineFile) cut(n int64) bool {
	end, err := l.f.Seek(0, io.SeekCurrent) // of an appending write: its end
	if err != nil {
		return false
	}
	info, err := l.f.Stat()
	if err != nil {
		return false
	}
	return info.Size() != end || l.f.Truncate(end-n) == nil
}

func (l *lineFile) close() error {
	var err error
	if l.discarded.Load() {
		err = cause(l.f.Truncate(0))
	}
	return errors.Join(err, cause(l.f.Close()))
}
