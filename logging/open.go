package logging

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// fileMode is the mode of a log file that is created, whatever the umask is:
// what clients do is not for everybody to read.
const fileMode fs.FileMode = 0o640

// ErrNotRegular is matched by the error for a log file that is neither a
// regular file nor /dev/null.
var ErrNotRegular = errors.New("not a regular file")

// ErrUntrusted is matched by the error for a log file that another user may have chosen; see
// [OpenFile].
var ErrUntrusted = errors.New("not trusted")

// errReplaced says that a file was there and then was not, or the reverse, as
// when it is being renamed by logrotate(8).
var errReplaced = errors.New("replaced while it was opened")

// openedFile is a log file and whether it was created to be opened.
type openedFile struct {
	*os.File
	created bool
}

// openLog opens a log file for appending. The error does not name the path.
func openLog(path string, owner int) (f *openedFile, err error) {
	for range 10 {
		var p *place
		if p, err = walkTo(path); err == nil {
			f, err = p.open(owner)
			p.close()
		}
		if !errors.Is(err, errReplaced) {
			return f, err
		}
	}
	return nil, err
}

// removeLog removes the log file at path if it still is the one that info is of.
func removeLog(path string, info fs.FileInfo) error {
	p, err := walkTo(path)
	if err != nil {
		return err
	}
	defer p.close()
	return p.remove(info)
}

// RemoveEmpty removes a log file in which there is nothing, where [OpenFile] would open it.
func RemoveEmpty(path string) error {
	p, err := walkTo(path)
	if err == nil {
		err = p.removeEmpty()
		p.close()
	}
	if err != nil {
		return fmt.Errorf("remove log file %s: %w", path, cause(err))
	}
	return nil
}

// cause takes the operation and the path off an error of package os.
func cause(err error) error {
	if pathErr, ok := err.(*fs.PathError); ok {
		return pathErr.Err
	}
	return err
}
