//go:build !linux

package control

import "os"

// giveTo changes the owner of the socket at path. Whoever owns the directory could put a link to
// another file in its place just before; it should be root's, or the owner's to be.
func giveTo(path string, o Owner) error {
	return os.Lchown(path, o.UID, o.GID)
}
