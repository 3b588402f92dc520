package daemonize

import (
	"errors"
	"fmt"
	"net"
	"os"
)

// A SocketKind says what can be done with a socket that was handed over.
type SocketKind int

const (
	ListeningStream SocketKind = iota + 1 // accept connections
	ConnectedStream                       // talk to one client
	Datagram                              // receive from anybody
)

func (k SocketKind) String() string {
	switch k {
	case ListeningStream:
		return "a listening stream socket"
	case ConnectedStream:
		return "a connected stream socket"
	case Datagram:
		return "a datagram socket"
	}
	return "a socket"
}

var (
	// ErrNotSocket says that a descriptor is no socket.
	ErrNotSocket = errors.New("it is no socket")

	// ErrWrongSocket says that a descriptor is a socket, but none of the kind that is due.
	ErrWrongSocket = errors.New("it is a socket of the wrong type")

	// ErrNotConnected says that a stream socket neither listens nor has a peer. With a
	// connection that was handed over it means that the client has broken it off already.
	ErrNotConnected = errors.New("it is a stream socket that is neither listening nor connected")
)

// A SocketError says what is wrong with a descriptor that was handed over: [ErrNotSocket],
// [ErrWrongSocket], [ErrNotConnected], or the error of a system call, of which
// [syscall.EBADF] says that it is not open.
type SocketError struct {
	Descriptor int
	Name       string // of the socket; empty for standard input
	Err        error
}

func (e *SocketError) Error() string {
	if e.Name == "" {
		return fmt.Sprintf("use descriptor %d: %v", e.Descriptor, e.Err)
	}
	return fmt.Sprintf("use descriptor %d (%s): %v", e.Descriptor, e.Name, e.Err)
}

func (e *SocketError) Unwrap() error { return e.Err }

// A Socket was open when the program started: a service manager had made it. It is of the
// family IPv4, IPv6 or Unix.
type Socket struct {
	// Name is what the service manager calls it, such as FileDescriptorName= of
	// systemd.socket(5); "unknown" if it does not say, and empty for standard input.
	Name string

	Kind SocketKind

	descriptor int      // by which it was handed over, for messages
	file       *os.File // nil once it was given away
}

// newSocket takes over descriptor fd, and describes errors by the number and name under which it
// was handed over. The descriptor becomes close-on-exec.
func newSocket(fd, descriptor int, name string) (*Socket, error) {
	kind, err := inspectSocket(fd)
	if err != nil {
		return nil, &SocketError{descriptor, name, err}
	}
	return &Socket{Name: name, Kind: kind, descriptor: descriptor, file: os.NewFile(uintptr(fd), "socket "+name)}, nil
}

// Listener gives the socket away as a listener. It has to be a ListeningStream. A Unix
// socket is not unlinked when the listener is closed: whoever made it may go on using it.
func (s *Socket) Listener() (net.Listener, error) {
	return giveAway(s, ListeningStream, net.FileListener)
}

// PacketConn gives the socket away as a packet connection. It has to be a Datagram.
func (s *Socket) PacketConn() (net.PacketConn, error) {
	return giveAway(s, Datagram, net.FilePacketConn)
}

// Conn gives the socket away as a connection. It has to be a ConnectedStream.
func (s *Socket) Conn() (net.Conn, error) {
	return giveAway(s, ConnectedStream, net.FileConn)
}

// Close closes a socket that nobody wants.
func (s *Socket) Close() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return err
}

// giveAway hands the socket to package net, which works on a duplicate.
func giveAway[T any](s *Socket, want SocketKind, convert func(*os.File) (T, error)) (T, error) {
	var none T
	if s.file == nil {
		return none, &SocketError{s.descriptor, s.Name, os.ErrClosed}
	}
	if s.Kind != want {
		return none, &SocketError{s.descriptor, s.Name, fmt.Errorf("%w: %v, want %v", ErrWrongSocket, s.Kind, want)}
	}
	converted, err := convert(s.file)
	if err != nil {
		return none, &SocketError{s.descriptor, s.Name, err}
	}
	return converted, s.Close()
}
