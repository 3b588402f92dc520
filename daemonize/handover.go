package daemonize

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// Sockets that were handed over to the launcher go on to the daemon through the same pair of
// sockets as the greeting, before the daemon is started: a line that says how many there are and
// what they are called, and the descriptors with it. They do not keep their numbers.

// maxHandedOver is how many sockets fit into one message; SCM_MAX_FD of Linux is 253.
const maxHandedOver = 250

// A handOver is the line that announces sockets.
type handOver struct {
	Names []string `json:"sockets"`
}

// sendSockets says nothing if there are none.
func sendSockets(sys system, f *os.File, sockets []*Socket) error {
	if len(sockets) == 0 {
		return nil
	}
	if len(sockets) > maxHandedOver {
		return fmt.Errorf("at most %d sockets, have %d", maxHandedOver, len(sockets))
	}
	var line handOver
	var fds []int
	for _, s := range sockets {
		if s.file == nil {
			return &SocketError{s.descriptor, s.Name, os.ErrClosed}
		}
		line.Names = append(line.Names, s.Name)
		fds = append(fds, int(s.file.Fd()))
	}
	b, err := json.Marshal(line)
	if err != nil {
		return err
	}
	return sys.send(f, append(b, '\n'), fds)
}

// receiveSockets reads what sendSockets has written to the other end of fd, if anything.
func receiveSockets(sys system, fd int) ([]*Socket, error) {
	waiting, err := sys.peekInput(fd)
	if err != nil && !notGreeted(err) {
		return nil, err
	}
	if len(waiting) == 0 {
		return nil, nil // nothing follows the greeting
	}
	var text []byte
	var fds []int
	for !bytes.HasSuffix(text, []byte("\n")) {
		b, more, err := sys.receive(fd, 4096)
		if err != nil {
			return nil, err
		}
		if len(b) == 0 {
			return nil, errors.New("the list of sockets has no end")
		}
		text, fds = append(text, b...), append(fds, more...)
	}
	var line handOver
	if err := json.Unmarshal(text, &line); err != nil {
		return nil, fmt.Errorf("read the list of sockets: %w", err)
	}
	if len(line.Names) != len(fds) {
		return nil, fmt.Errorf("%d sockets announced, %d received", len(line.Names), len(fds))
	}
	sockets := make([]*Socket, len(fds))
	for i, name := range line.Names {
		var err error
		if sockets[i], err = newSocket(fds[i], fds[i], name); err != nil {
			return nil, err
		}
	}
	return sockets, nil
}
