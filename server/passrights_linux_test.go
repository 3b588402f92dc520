package server

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Clients that may pass descriptors, in the queue of a listener or because the kernel cannot refuse
// them, are not in a loop with other clients.
func TestPassedDescriptorsDelayNoOther(t *testing.T) {
	own, err := ListenUnix(t.Context(), filepath.Join(t.TempDir(), "sock"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	other, err := net.Listen("unix", filepath.Join(t.TempDir(), "sock"))
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, engineCase{use: func(*Server) {}}, "tcp4")
	f.start()
	exchange(t, f.dial(), []byte("served"))
	for _, step := range []struct {
		listener net.Listener
		aside    bool
	}{
		{own, !knowsPassRights(t, own)},
		{other, true},
	} {
		before := clientsAside(f)
		f.serve(step.listener)
		conn := f.dial()
		exchange(t, conn, []byte("served"))
		if aside := clientsAside(f) > before; aside != step.aside {
			t.Errorf("a client of %T is in a loop of their own: %v", step.listener, aside)
		}
	}
}

// clientsAside returns how many clients the loops for those that may pass descriptors have.
func clientsAside(f *fixture) (n int64) {
	f.server.mu.Lock()
	defer f.server.mu.Unlock()
	if f.server.aside == nil {
		return 0
	}
	loops := f.server.aside.(*epollEngine).loops.Load()
	if loops == nil {
		return 0
	}
	for _, l := range *loops {
		n += l.load.Load()
	}
	return n
}

// Where the kernel can, every Unix socket that is served refuses descriptors from then on.
func TestDescriptorsAreRefused(t *testing.T) {
	own, err := ListenUnix(t.Context(), filepath.Join(t.TempDir(), "sock"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	other, err := net.Listen("unix", filepath.Join(t.TempDir(), "sock"))
	if err != nil {
		t.Fatal(err)
	}
	packets, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "sock"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, engineCase{use: func(*Server) {}}, "unix")
	knows := knowsPassRights(t, own)
	check := func(conn net.Conn) {
		exchange(t, conn, []byte("served"))
		if err := passDescriptor(t, conn); knows != errors.Is(err, unix.EPERM) {
			t.Errorf("pass a descriptor to %v: %v", conn.RemoteAddr(), err)
		}
	}
	for _, l := range []net.Listener{own, other} {
		f.serve(l)
		check(f.dial())
	}
	servedC := make(chan error, 1)
	go func() { servedC <- f.server.ServePacket(packets, &f.service) }()
	name := &net.UnixAddr{Name: filepath.Join(t.TempDir(), "client"), Net: "unixgram"}
	client, err := net.DialUnix("unixgram", name, packets.LocalAddr().(*net.UnixAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	check(client)
	f.server.Close()
	wait(t, "ServePacket", servedC)
}

// knowsPassRights tells whether the kernel can refuse descriptors: Linux 6.16 can.
func knowsPassRights(t *testing.T, c syscall.Conn) (knows bool) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		_, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSRIGHTS)
		knows = err == nil
	}); err != nil {
		t.Fatal(err)
	}
	return knows
}

// passDescriptor sends a byte and a descriptor.
func passDescriptor(t *testing.T, conn net.Conn) (passErr error) {
	t.Helper()
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		passErr = unix.Sendmsg(int(fd), []byte("!"), unix.UnixRights(int(f.Fd())), nil, 0)
	}); err != nil {
		t.Fatal(err)
	}
	return passErr
}
