package control

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// giveTo changes the owner of the socket that was just made at path by the calling user. The directory
// may belong to somebody who puts another file in its place meanwhile: a link to a file of
// root's would be given away. So the file is held, and looked at, first.
func giveTo(path string, o Owner) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFSOCK || st.Nlink != 1 || int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("somebody has put another file in its place")
	}
	return unix.Fchownat(fd, "", o.UID, o.GID, unix.AT_EMPTY_PATH)
}
