package daemonize

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"unicode/utf8"
)

// Sockets that were handed over to the launcher, and files of its own, go on to the daemon through
// the same pair of sockets as the greeting, before the daemon is started: a line that says how many
// there are and what they are called, and the descriptors with it. They do not keep their
// numbers.

const (
	maxHandedOver = 250 // as many fit into one message; SCM_MAX_FD of Linux is 253
	maxFileName   = 255 // bytes; nothing reads the line before all of it is written
)

// A handOver is the line that announces descriptors: first the sockets, then the files.
type handOver struct {
	Sockets []string `json:"sockets,omitempty"`
	Files   []string `json:"files,omitempty"`
}

// sendFiles says nothing if there is nothing to hand over.
func (d *Daemon) sendFiles(f *os.File) error {
	var line handOver
	var fds []int
	for _, s := range d.Sockets {
		if s.file == nil {
			return &SocketError{s.descriptor, s.Name, os.ErrClosed}
		}
		line.Sockets = append(line.Sockets, s.Name)
		fds = append(fds, int(s.file.Fd()))
	}
	line.Files = slices.Sorted(maps.Keys(d.Files))
	for _, name := range line.Files {
		fd, err := descriptor(d.Files[name])
		if err != nil {
			return fmt.Errorf("file %q: %w", name, err)
		}
		fds = append(fds, fd)
	}
	if len(fds) == 0 {
		return nil
	}
	if len(fds) > maxHandedOver {
		return fmt.Errorf("at most %d sockets and files, have %d", maxHandedOver, len(fds))
	}
	b, err := json.Marshal(line)
	if err != nil {
		return err
	}
	return d.system().send(f, append(b, '\n'), fds)
}

// descriptor returns the number without what Fd does: it would make the file a blocking one, here
// and, as it is the same open file, in the daemon.
func descriptor(f *os.File) (int, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	number := -1
	err = conn.Control(func(fd uintptr) { number = int(fd) })
	return number, err
}

// checkFiles refuses what cannot be handed on.
func checkFiles(files map[string]*os.File) error {
	for name, f := range files {
		if name == "" || len(name) > maxFileName || !utf8.ValidString(name) {
			return fmt.Errorf("hand on file %q: want a name of 1 to %d bytes of UTF-8", name, maxFileName)
		}
		if f == nil {
			return fmt.Errorf("hand on file %q: it is nil", name)
		}
	}
	return nil
}

// receiveFiles reads what sendFiles has written to the other end of fd, if anything.
func (h *handshake) receiveFiles(fd int) error {
	line, fds, err := receiveHandOver(h.sys, fd)
	if err != nil {
		return err
	}
	n := len(line.Sockets)
	if len(fds) != n+len(line.Files) {
		return fmt.Errorf("%d sockets and %d files announced, %d descriptors received", n, len(line.Files), len(fds))
	}
	for i, name := range line.Sockets {
		s, err := newSocket(fds[i], fds[i], name)
		if err != nil {
			return err
		}
		h.sockets = append(h.sockets, s)
	}
	h.files = make(map[string]*os.File)
	for i, name := range line.Files {
		h.files[name] = os.NewFile(uintptr(fds[n+i]), name)
	}
	return nil
}

func receiveHandOver(sys system, fd int) (line handOver, fds []int, err error) {
	waiting, err := sys.peekInput(fd)
	if err != nil && !notGreeted(err) {
		return line, nil, err
	}
	if len(waiting) == 0 {
		return line, nil, nil // nothing follows the greeting
	}
	var text []byte
	for !bytes.HasSuffix(text, []byte("\n")) {
		b, more, err := sys.receive(fd, 4096)
		if err != nil {
			return line, nil, err
		}
		if len(b) == 0 {
			return line, nil, errors.New("the list of descriptors has no end")
		}
		text, fds = append(text, b...), append(fds, more...)
	}
	if err := json.Unmarshal(text, &line); err != nil {
		return line, nil, fmt.Errorf("read the list of descriptors: %w", err)
	}
	return line, fds, nil
}
