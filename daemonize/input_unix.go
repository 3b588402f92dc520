//go:build unix

package daemonize

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// nullDescriptor is where go-daemon leaves /dev/null open in its child. It becomes the channel.
const nullDescriptor = channel

// go-daemon gives its child a pipe as standard input, with all that is in the environment. A
// program that reads before it calls Detach would get that, and go-daemon offers no other way, so
// this is done before main begins: it is the one init function of this project, and has no effect
// in a process that go-daemon did not start for this package.
func init() {
	_, launched := os.LookupEnv(secretVariable)
	if launched && os.Getenv(markVariable) != "" {
		takeInput()
	}
}

// takeInput puts the descriptors of go-daemon's child in the order in which a daemon finds them:
// standard input is /dev/null, and the channel the socket that output and error are. What the
// launcher writes to the pipe is read to its end, or the launcher would fail to write it. After an
// error the greeting is not found, and Detach refuses.
func takeInput() {
	if !isKind(0, unix.S_IFIFO) || !isKind(1, unix.S_IFSOCK) || !isKind(nullDescriptor, unix.S_IFCHR) {
		return
	}
	b := make([]byte, 4096)
	defer clear(b)
	for {
		n, err := unix.Read(0, b)
		if n <= 0 && !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if (kernel{}).dup2(nullDescriptor, 0) == nil {
		(kernel{}).dup2(1, channel)
	}
}

func isKind(fd int, kind uint32) bool {
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && uint32(st.Mode)&unix.S_IFMT == kind
}
