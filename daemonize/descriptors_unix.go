//go:build unix

package daemonize

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// markOpenDescriptors marks all descriptors from first on close-on-exec; dir is the directory, such
// as /dev/fd, that lists the descriptors of this process.
func markOpenDescriptors(dir string, first int) error {
	for _, fd := range openDescriptors(dir, first) {
		unix.CloseOnExec(fd)
	}
	return nil
}

// closeInherited closes the descriptors above 2 that are not marked close-on-exec. The Go runtime
// and the standard library open theirs with the mark, so these are the caller's.
func closeInherited(dir string) error {
	for _, fd := range openDescriptors(dir, 3) {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err != nil || flags&unix.FD_CLOEXEC != 0 {
			continue
		}
		if err := unix.Close(fd); err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("close descriptor %d: %w", fd, err)
		}
	}
	return nil
}

// openDescriptors returns those from first on that dir lists, some of which may be closed by now.
// Without such a directory it returns all below 1024, open or not.
func openDescriptors(dir string, first int) []int {
	var fds []int
	names, err := os.ReadDir(dir)
	if err != nil || len(names) == 0 {
		for fd := first; fd < 1024; fd++ {
			fds = append(fds, fd)
		}
	}
	for _, name := range names {
		if fd, err := strconv.Atoi(name.Name()); err == nil && fd >= first {
			fds = append(fds, fd)
		}
	}
	return fds
}
