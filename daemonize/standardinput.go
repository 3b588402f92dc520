package daemonize

import (
	"fmt"
	"os"
)

// StandardInput takes the socket that inetd(8), xinetd(8) or systemd with StandardInput=socket has
// put on standard input. It moves to another descriptor, which is close-on-exec, and /dev/null
// takes the place of standard input, and of standard output and error where they are the same
// socket: no message of the program, of a library or of a crash can reach the client by mistake.
//
// The error is a [*SocketError] if standard input is not a socket that can be served; a socket that
// cannot is replaced by /dev/null as well.
func StandardInput() (*Socket, error) {
	fd, err := kernel{}.dup(0)
	if err != nil {
		return nil, &SocketError{Descriptor: 0, Err: err}
	}
	s, err := newSocket(fd, 0, "")
	if !StandardInputIsSocket() {
		kernel{}.close(fd)
		return nil, err
	}
	if nullErr := silence(fd); nullErr != nil {
		kernel{}.close(fd)
		return nil, nullErr
	}
	if err != nil {
		kernel{}.close(fd)
	}
	return s, err
}

// StandardInputIsSocket reports whether standard input is a socket, of whatever kind.
func StandardInputIsSocket() bool {
	info, err := os.Stdin.Stat()
	return err == nil && info.Mode()&os.ModeSocket != 0
}

// silence puts /dev/null in the place of standard input, output and error where they are the file
// behind fd.
func silence(fd int) error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	for standard := range 3 {
		if !sameFile(standard, fd) {
			continue
		}
		if err := (kernel{}).dup2(int(null.Fd()), standard); err != nil {
			return fmt.Errorf("put %s on descriptor %d: %w", os.DevNull, standard, err)
		}
	}
	return nil
}
