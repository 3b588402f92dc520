package daemonize

import (
	"testing"

	"golang.org/x/sys/unix"
)

// Without close_range(2), descriptors are found in /proc, and without that by trying.
func TestMarkOpenDescriptors(t *testing.T) {
	for _, dir := range []string{"/proc/self/fd", "/nonexistent"} {
		var fds []int
		for range 3 {
			fd, err := unix.Open("/dev/null", unix.O_RDONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(fd)
			fds = append(fds, fd)
		}
		if err := markOpenDescriptors(dir, fds[1]); err != nil {
			t.Error(err)
		}
		for i, fd := range fds {
			flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
			if marked := flags&unix.FD_CLOEXEC != 0; err != nil || marked != (i > 0) {
				t.Errorf("%s: descriptor %d, marking from %d on: marked %v, %v", dir, fd, fds[1], marked, err)
			}
		}
	}
}
