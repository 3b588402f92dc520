package server

import (
	"net"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A client that has vanished is given up after the same time whether it was idle, when keep-alive
// probes find out, or was owed an answer, when TCP_USER_TIMEOUT does. Without the second, Linux
// tries for about 15 minutes.
const (
	keepAliveInterval = 15 * time.Second // of package net, which sets the same
	keepAliveProbes   = 9
	userTimeout       = (1 + keepAliveProbes) * keepAliveInterval
)

// windowInterval is how often the windows of clients are looked at. One that closes right after a
// look must be seen before userTimeout is over.
const windowInterval = userTimeout * 3 / 10

// setUserTimeout sets how long an answer may stay unacknowledged; 0 leaves it to the system. A
// socket of Multipath TCP, as package net makes for listening where it can, does not know it; the
// connections that it accepts do, unless the client uses Multipath TCP, too.
func setUserTimeout(fd int, d time.Duration) error {
	return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(d/time.Millisecond))
}

// fitUserTimeout takes the timeout away from a client that is there but has closed its window,
// since it does not read: Linux counts that as time without an acknowledgement. It gives it back
// when the window opens, or when the client has acknowledged nothing for too long, upon which the
// next probe of the kernel ends the connection. lifted is whether the timeout was taken away
// before; the result is whether it is now.
//
// The kernel's probes of a closed window are 120 s apart at most, so that a client without an
// acknowledgement for longer than userTimeout has missed one.
func fitUserTimeout(fd int32, lifted bool) bool {
	if !lifted && unsentBytes(fd) == 0 {
		return false
	}
	info, size, errno := tcpInfo(fd)
	if errno != 0 {
		return lifted
	}
	stuck := info.Unacked == 0 && info.Notsent_bytes > 0
	if uintptr(size) >= unsafe.Offsetof(info.Snd_wnd)+unsafe.Sizeof(info.Snd_wnd) { // Linux 5.4
		stuck = stuck || info.Snd_wnd == 0
	}
	missing := info.Probes > 0 && time.Duration(info.Last_ack_recv)*time.Millisecond > userTimeout
	switch lift := stuck && !missing; {
	case lift && !lifted && setUserTimeout(int(fd), 0) == nil:
		return true
	case !lift && lifted && setUserTimeout(int(fd), userTimeout) == nil:
		return false
	}
	return lifted
}

// watchVanishing has a client of the portable engine given up when it has vanished, until the
// function that it returns is called.
func watchVanishing(conn net.Conn) (stop func()) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return func() {}
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return func() {}
	}
	raw.Control(func(fd uintptr) { err = setUserTimeout(int(fd), userTimeout) })
	if err != nil {
		return func() {}
	}
	lifted := false
	var timer *time.Timer
	readyC := make(chan struct{}) // closed when timer is set, which the function it calls reads
	timer = time.AfterFunc(windowInterval, func() {
		<-readyC
		if raw.Control(func(fd uintptr) { lifted = fitUserTimeout(int32(fd), lifted) }) == nil {
			timer.Reset(windowInterval)
		}
	})
	close(readyC)
	return func() { timer.Stop() } // one that it comes too late for finds the connection closed, and is the last
}

// tcpInfo returns what the kernel knows of a connection, and how many bytes of that it has filled
// in.
func tcpInfo(fd int32) (info unix.TCPInfo, size uint32, errno syscall.Errno) {
	size = uint32(unsafe.Sizeof(info))
	_, _, errno = syscall.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.IPPROTO_TCP, unix.TCP_INFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	return info, size, errno
}
