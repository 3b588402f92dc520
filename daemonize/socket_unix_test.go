//go:build unix

package daemonize

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// TestSocketKinds asks the kernel about sockets of every kind that is handed over.
func TestSocketKinds(t *testing.T) {
	tests := []struct {
		name string
		open func(t *testing.T) int
		want SocketKind
	}{
		{"tcp listener", listenerDescriptor("tcp", "127.0.0.1:0"), ListeningStream},
		{"unix listener", unixListenerDescriptor, ListeningStream},
		{"udp", packetDescriptor("udp", "127.0.0.1:0"), Datagram},
		{"connected pair", func(t *testing.T) int { return socketPair(t, unix.SOCK_STREAM)[0] }, ConnectedStream},
		{"datagram pair", func(t *testing.T) int { return socketPair(t, unix.SOCK_DGRAM)[0] }, Datagram},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fd := tt.open(t)
			s, err := newSocket(fd, fd, "it")
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if s.Kind != tt.want {
				t.Errorf("it is %v, want %v", s.Kind, tt.want)
			}
			flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
			if err != nil || flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("descriptor flags %#x, %v: not close-on-exec", flags, err)
			}
		})
	}
}

func TestSocketRefused(t *testing.T) {
	tests := []struct {
		name string
		open func(t *testing.T) int
		want error
	}{
		{"a file", fileDescriptor, ErrNotSocket},
		{"not open", closedDescriptor, unix.EBADF},
		{"sequenced packets", func(t *testing.T) int { return socketPair(t, unix.SOCK_SEQPACKET)[0] }, ErrWrongSocket},
		{"neither listening nor connected", unboundDescriptor, ErrNotConnected},
		{"another family", otherFamilyDescriptor, ErrWrongSocket},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := newSocket(tt.open(t), 3, "web")
			var socket *SocketError
			if !errors.Is(err, tt.want) || !errors.As(err, &socket) {
				t.Fatalf("got %v, want a SocketError with %v", err, tt.want)
			}
			if socket.Descriptor != 3 || socket.Name != "web" {
				t.Errorf("it is about descriptor %d, name %q", socket.Descriptor, socket.Name)
			}
		})
	}
}

// TestSocketOfAnotherKind holds that a socket is only given away as what it is, and then only once.
func TestSocketOfAnotherKind(t *testing.T) {
	fd := listenerDescriptor("tcp", "127.0.0.1:0")(t)
	s, err := newSocket(fd, fd, "web")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Conn(); !errors.Is(err, ErrWrongSocket) {
		t.Errorf("a listener as a connection: %v", err)
	}
	if _, err := s.PacketConn(); !errors.Is(err, ErrWrongSocket) {
		t.Errorf("a listener as a packet connection: %v", err)
	}
	l, err := s.Listener()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := s.Listener(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a second time: %v", err)
	}
}

// TestUnixListenerKeepsItsPath holds that the socket of a service manager can be connected to after
// the listener was closed here.
func TestUnixListenerKeepsItsPath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	theirs, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: path})
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	fd := duplicate(t, theirs)
	s, err := newSocket(fd, fd, "it")
	if err != nil {
		t.Fatal(err)
	}
	ours, err := s.Listener()
	if err != nil {
		t.Fatal(err)
	}
	ours.Close()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("the socket is gone: %v", err)
	}
	conn.Close()
}

// TestHandOver sends sockets through a handshake socket and uses what comes out.
func TestHandOver(t *testing.T) {
	sys := kernel{}
	ours, theirs := handshakeSockets(t)
	listening := listenerDescriptor("tcp", "127.0.0.1:0")(t)
	first, err := newSocket(listening, listening, "a \"name\"\n")
	if err != nil {
		t.Fatal(err)
	}
	pair := socketPair(t, unix.SOCK_STREAM)
	second, err := newSocket(pair[0], pair[0], "")
	if err != nil {
		t.Fatal(err)
	}
	if err := sys.send(ours, []byte("greeting\n"), nil); err != nil {
		t.Fatal(err)
	}
	if err := (&Daemon{Sockets: []*Socket{first, second}}).sendFiles(ours); err != nil {
		t.Fatal(err)
	}
	fd := int(theirs.Fd())
	if b, _, err := sys.receive(fd, len("greeting\n")); err != nil || string(b) != "greeting\n" {
		t.Fatalf("greeting is %q, %v", b, err)
	}
	h := &handshake{sys: sys}
	if err := h.receiveFiles(fd); err != nil {
		t.Fatal(err)
	}
	got := h.sockets
	if len(got) != 2 || got[0].Name != first.Name || got[1].Name != "" ||
		got[0].Kind != ListeningStream || got[1].Kind != ConnectedStream {
		t.Fatalf("got %+v", got)
	}
	conn, err := got[1].Conn()
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	second.Close()
	if _, err := unix.Write(pair[1], []byte("x")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	if _, err := io.ReadFull(conn, b); err != nil || b[0] != 'x' {
		t.Errorf("read %q, %v through the socket that was handed over", b, err)
	}
	conn.Close()
	got[0].Close()
}

func TestHandOverOfNothing(t *testing.T) {
	ours, theirs := handshakeSockets(t)
	if err := (&Daemon{}).sendFiles(ours); err != nil {
		t.Fatal(err)
	}
	h := &handshake{sys: kernel{}}
	if err := h.receiveFiles(int(theirs.Fd())); err != nil || len(h.sockets) != 0 || len(h.files) != 0 {
		t.Errorf("got %v, %v, %v", h.sockets, h.files, err)
	}
}

func listenerDescriptor(network, address string) func(*testing.T) int {
	return func(t *testing.T) int {
		l, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return duplicate(t, l.(*net.TCPListener))
	}
}

func unixListenerDescriptor(t *testing.T) int {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: filepath.Join(t.TempDir(), "s")})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return duplicate(t, l)
}

func packetDescriptor(network, address string) func(*testing.T) int {
	return func(t *testing.T) int {
		c, err := net.ListenPacket(network, address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return duplicate(t, c.(*net.UDPConn))
	}
}

// duplicate returns a descriptor of its own, which lives until the end of the test at least.
func duplicate(t *testing.T, f interface{ File() (*os.File, error) }) int {
	t.Helper()
	file, err := f.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	fd, err := unix.Dup(int(file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

func socketPair(t *testing.T, kind int) [2]int {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, kind, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(pair[1]) })
	return pair
}

func fileDescriptor(t *testing.T) int {
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return int(f.Fd())
}

func closedDescriptor(*testing.T) int { return 1 << 19 }

func unboundDescriptor(t *testing.T) int {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// otherFamilyDescriptor opens a routing or netlink socket, which is of a family that exists
// wherever these tests run.
func otherFamilyDescriptor(t *testing.T) int {
	kind := unix.SOCK_RAW
	if runtime.GOOS == "linux" {
		kind = unix.SOCK_DGRAM // only its family tells it from those that are served
	}
	fd, err := unix.Socket(unix.AF_ROUTE, kind, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}
