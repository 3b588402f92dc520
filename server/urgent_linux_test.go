package server

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A byte that a client has sent as urgent data is a byte like others: it comes back in its place.
func TestUrgentBytesComeBack(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		f.start()
		conn := f.dial()
		sendUrgent(t, conn, "ab", "!", "cd", "?", "!", "ef")
		answered(t, conn, "ab!cd?!ef")
		conn.CloseWrite()
		if n, err := conn.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("after the end: %d bytes, %v", n, err)
		}
	})
}

// So do those of a client that came before the listener was served, as a service manager's clients
// do.
func TestUrgentByteOfAnEarlyClient(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		l := listen(t, f.network)
		f.addr = l.Addr()
		conn := f.dial()
		sendUrgent(t, conn, "ab", "!", "cd")
		f.serve(l)
		answered(t, conn, "ab!cd")
	})
}

// sendUrgent sends the texts one after the other, those of one byte as urgent data.
func sendUrgent(t *testing.T, conn net.Conn, texts ...string) {
	t.Helper()
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		flags := 0
		if len(text) == 1 {
			flags = unix.MSG_OOB
		}
		var sendErr error
		if err := raw.Control(func(fd uintptr) {
			_, sendErr = unix.SendmsgN(int(fd), []byte(text), nil, nil, flags)
		}); err != nil || sendErr != nil {
			t.Fatalf("send %q: %v", text, errors.Join(err, sendErr))
		}
	}
}
