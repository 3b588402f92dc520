package server

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Where the memory of a socket, as Linux tells it since 4.12, has the number of drops, and how long
// that is: see sock_get_meminfo and SK_MEMINFO_DROPS in the kernel.
const (
	meminfoDrops = 8
	meminfoLen   = 9
)

// kernelDrops returns how many datagrams a socket has lost since it was made. A Unix socket loses
// none: its senders wait.
func kernelDrops(fd uintptr) (drops uint32, ok bool) {
	var info [meminfoLen]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	return info[meminfoDrops], errno == 0 && size == uint32(unsafe.Sizeof(info))
}
