//go:build unix

package daemonize

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// markOpenDescriptors marks all descriptors from first on that dir, such as
// /dev/fd, lists. Without such a directory it tries those below 1024 one by one.
func markOpenDescriptors(dir string, first int) error {
	names, err := os.ReadDir(dir)
	if err != nil || len(names) == 0 {
		for fd := first; fd < 1024; fd++ {
			unix.CloseOnExec(fd)
		}
		return nil
	}
	for _, name := range names {
		if fd, err := strconv.Atoi(name.Name()); err == nil && fd >= first {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}
