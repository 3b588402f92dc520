//go:build !linux

package server

import (
	"io/fs"
	"os"
	"path/filepath"
)

// A heldFile is a name in a directory that stays the same directory. A user that may write to it
// can still put a hard link to another file there between a look and a change: it should be the
// server's own.
type heldFile struct {
	dir  *os.Root
	name string
}

func holdFile(path string) (*heldFile, error) {
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	return &heldFile{dir, filepath.Base(path)}, nil
}

func (f *heldFile) stat() (fs.FileInfo, error)   { return f.dir.Lstat(f.name) }
func (f *heldFile) chmod(mode fs.FileMode) error { return f.dir.Chmod(f.name, mode) }
func (f *heldFile) chown(uid, gid int) error     { return f.dir.Lchown(f.name, uid, gid) }
func (f *heldFile) close()                       { f.dir.Close() }
