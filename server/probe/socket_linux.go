package probe

import (
	"fmt"
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls below never block, so they go to the kernel without telling Go's
// scheduler (unix.RawSyscall): telling it costs a fifth of a small message.

// sockaddr is where to connect to, in the kernel's own form, so that it need
// not be made for each connection.
type sockaddr struct {
	family int
	typ    int
	raw    unix.RawSockaddrAny
	length uint32

	sources []unix.RawSockaddrInet4 // where to connect from, in turn; empty: the kernel chooses
	turn    int
}

// newSockaddr translates a, which must come from a connection of this package.
func newSockaddr(a net.Addr) (*sockaddr, error) {
	s := &sockaddr{typ: unix.SOCK_STREAM}
	switch a := a.(type) {
	case *net.TCPAddr:
		return s, s.setIP(a.IP, a.Port, a.Zone)
	case *net.UDPAddr:
		s.typ = unix.SOCK_DGRAM
		return s, s.setIP(a.IP, a.Port, a.Zone)
	case *net.UnixAddr:
		return s, s.setPath(a.Name)
	}
	return nil, fmt.Errorf("address %s: no socket address", a)
}

func (s *sockaddr) setIP(ip net.IP, port int, zone string) error {
	bigEndian := [2]byte{byte(port >> 8), byte(port)}
	if ip4 := ip.To4(); ip4 != nil {
		s.family = unix.AF_INET
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(&s.raw))
		in.Family = unix.AF_INET
		in.Port = *(*uint16)(unsafe.Pointer(&bigEndian))
		copy(in.Addr[:], ip4)
		s.length = unix.SizeofSockaddrInet4
		return nil
	}
	s.family = unix.AF_INET6
	in := (*unix.RawSockaddrInet6)(unsafe.Pointer(&s.raw))
	in.Family = unix.AF_INET6
	in.Port = *(*uint16)(unsafe.Pointer(&bigEndian))
	copy(in.Addr[:], ip.To16())
	if zone != "" {
		i, err := net.InterfaceByName(zone)
		if err != nil {
			return fmt.Errorf("address zone %s: %w", zone, err)
		}
		in.Scope_id = uint32(i.Index)
	}
	s.length = unix.SizeofSockaddrInet6
	return nil
}

// setPath is for a path, or with a leading @ for a name that is in no file
// system (unix(7), "abstract").
func (s *sockaddr) setPath(path string) error {
	s.family = unix.AF_UNIX
	un := (*unix.RawSockaddrUnix)(unsafe.Pointer(&s.raw))
	un.Family = unix.AF_UNIX
	if len(path) >= len(un.Path) {
		return fmt.Errorf("address %s: longer than %d bytes", path, len(un.Path)-1)
	}
	// The kernel's char is signed on some architectures only.
	name := unsafe.Slice((*byte)(unsafe.Pointer(&un.Path)), len(un.Path))
	copy(name, path)
	s.length = uint32(unsafe.Offsetof(un.Path)) + uint32(len(path))
	if path != "" && path[0] == '@' {
		name[0] = 0
	} else {
		s.length++ // the zero at the end
	}
	return nil
}

// loopbackSources is from how many addresses spreadSources connects.
const loopbackSources = 16

// onePortSpace is how many connections one address is good for: the more of
// its 28,000 ports are in use, the longer the kernel searches for a free one.
// For 18,000 connections it took 16 s.
const onePortSpace = 4000

// spreadSources makes connections to the loopback network come from several of
// its addresses. For opening and closing this matters with few connections,
// too: a port that was used rests for a second or a minute before it is used
// again for the same server (TIME_WAIT), and the search for another one took
// nine tenths of the time.
func (s *sockaddr) spreadSources() {
	to := (*unix.RawSockaddrInet4)(unsafe.Pointer(&s.raw))
	if s.family != unix.AF_INET || s.typ != unix.SOCK_STREAM || to.Addr[0] != 127 {
		return
	}
	for i := range loopbackSources {
		from := unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: [4]byte{127, 0, 0, byte(1 + i)}}
		s.sources = append(s.sources, from)
	}
}

// bindSource binds fd to the next source address; the port is chosen when it connects.
func (s *sockaddr) bindSource(fd uintptr) unix.Errno {
	on := int32(1)
	unix.RawSyscall6(unix.SYS_SETSOCKOPT, fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT,
		uintptr(unsafe.Pointer(&on)), unsafe.Sizeof(on), 0)
	s.turn = (s.turn + 1) % len(s.sources)
	_, _, errno := unix.RawSyscall(unix.SYS_BIND, fd, uintptr(unsafe.Pointer(&s.sources[s.turn])), unix.SizeofSockaddrInet4)
	return errno
}

// dialRaw begins to connect a new socket. inProgress tells that the outcome
// is still open. With an error there is no socket.
func dialRaw(s *sockaddr) (fd int, inProgress bool, err error) {
	r, _, errno := unix.RawSyscall(unix.SYS_SOCKET, uintptr(s.family),
		uintptr(s.typ|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC), 0)
	if errno != 0 {
		return -1, false, errno
	}
	fd = int(r)
	if s.typ == unix.SOCK_STREAM && s.family != unix.AF_UNIX {
		on := int32(1)
		unix.RawSyscall6(unix.SYS_SETSOCKOPT, r, unix.IPPROTO_TCP, unix.TCP_NODELAY,
			uintptr(unsafe.Pointer(&on)), unsafe.Sizeof(on), 0)
	}
	if len(s.sources) > 0 {
		errno = s.bindSource(r)
	}
	if errno == 0 {
		_, _, errno = unix.RawSyscall(unix.SYS_CONNECT, r, uintptr(unsafe.Pointer(&s.raw)), uintptr(s.length))
	}
	switch errno {
	case 0:
		return fd, false, nil
	case unix.EINPROGRESS:
		return fd, true, nil
	}
	closeRaw(fd)
	return -1, false, errno
}

// sendRaw sends what fits; err is EAGAIN if nothing does.
func sendRaw(fd int, b []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

// receiveRaw receives what is there; err is EAGAIN if nothing is.
func receiveRaw(fd int, b []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

func closeRaw(fd int) { unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }

// controlRaw sets what epoll tells of fd; number and generation come back with it.
func controlRaw(epoll, op, fd int, mask uint32, number, generation int32) error {
	event := unix.EpollEvent{Events: mask, Fd: number, Pad: generation}
	_, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(epoll), uintptr(op), uintptr(fd),
		uintptr(unsafe.Pointer(&event)), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// pollRaw collects what has happened, without waiting. There is no epoll_wait
// on the newer architectures, so this is epoll_pwait.
func pollRaw(epoll int, events []unix.EpollEvent) int {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epoll), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}

// waitFor waits up to ns nanoseconds for something to happen, and tells the
// scheduler that this thread sleeps.
func waitFor(epoll int, events []unix.EpollEvent, ns int64) int {
	// The kernel's timespec for new calls: 64 bits wide everywhere, other than unix.Timespec.
	timeout := [2]int64{ns / 1e9, ns % 1e9}
	n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(epoll), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)),
		uintptr(unsafe.Pointer(&timeout)), 0, 0)
	if errno == unix.ENOSYS { // before Linux 5.11: whole milliseconds, and the rest by asking again
		got, err := unix.EpollWait(epoll, events, int(ns/1e6))
		if err != nil {
			return 0
		}
		return got
	}
	if errno != 0 {
		return 0
	}
	return int(n)
}
