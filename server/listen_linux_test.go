package server

import (
	"context"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// withoutIPv6 runs a test in a thread for which socket(2) knows no IPv6, as on a machine that has
// none.
func withoutIPv6(t *testing.T, test func()) {
	t.Helper()
	doneC := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends here
		const arguments = 16   // where seccomp_data(2) has them
		program := []unix.SockFilter{
			{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0},
			{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_SOCKET, Jf: 3},
			{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: arguments},
			{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.AF_INET6, Jf: 1},
			{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EAFNOSUPPORT)},
			{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		}
		prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
		err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
		if err == nil {
			err = unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&prog)), 0, 0)
		}
		if err == nil {
			test()
		}
		doneC <- err
	}()
	if err := <-doneC; err != nil {
		t.Fatal(err)
	}
}

// All addresses of a machine without IPv6 are all IPv4 addresses.
func TestListenWithoutIPv6(t *testing.T) {
	withoutIPv6(t, func() {
		tcp, err := Address{network: "tcp"}.Listen(context.Background())
		if err != nil {
			t.Error(err)
			return
		}
		defer tcp.Close()
		udp, err := Address{network: "udp"}.ListenPacket(context.Background())
		if err != nil {
			t.Error(err)
			return
		}
		defer udp.Close()
		for _, a := range []net.Addr{tcp.Addr(), udp.LocalAddr()} {
			if own := netip.MustParseAddrPort(a.String()); own.Addr() != netip.IPv4Unspecified() {
				t.Errorf("%s is served", a)
			}
		}
	})
}
