package daemonize

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// channel is the descriptor on which a daemon finds its launcher. It is the same socket as standard
// output and error, but what a program does before Detach hardly ever touches it. From Detach
// on it holds a mark that says that the process was detached: unlike a variable of the
// environment, programs that the daemon starts do not inherit it.
const channel = 3

// A greeting is the line that waits for the daemon on its channel.
type greeting struct {
	launcher int    // pid
	secret   string // the same is in the environment of the daemon
}

const (
	greetingFormat = "daemonize/2 launched by %d, %s\n"
	markFormat     = "daemonize/2 detached %d\n"
)

func (g greeting) line() string { return fmt.Sprintf(greetingFormat, g.launcher, g.secret) }

// waiting returns what waits at a descriptor, which is not taken from there: a greeting, or nil,
// and whether it is the mark of the calling process. A mark of another process means nothing.
func waiting(sys system, fd int) (g *greeting, marked bool, err error) {
	b, err := sys.peekInput(fd)
	if err != nil {
		return nil, false, err
	}
	line, _, _ := strings.Cut(string(b), "\n")
	line += "\n"
	if line == fmt.Sprintf(markFormat, os.Getpid()) {
		return nil, true, nil
	}
	g = new(greeting)
	if n, _ := fmt.Sscanf(line, greetingFormat, &g.launcher, &g.secret); n == 2 && line == g.line() {
		return g, false, nil
	}
	return nil, false, nil
}

// Detached reports whether the calling process is the daemon: whether Detach has started it. It
// may be called before Detach, by a program that has things to do in one of the
// two processes only, and at any time after.
func Detached() bool {
	for fd := 1; fd <= channel; fd++ {
		if g, marked, _ := waiting(kernel{}, fd); g != nil || marked {
			return true
		}
	}
	return false
}

// recognise returns the handshake if the calling process is a daemon started by Detach, and nil
// without an error if it may become a launcher. Then it takes the variables away that it looked at.
//
// A process that a launcher has started and that goes on as a launcher makes a chain of them
// without end. So there is an error wherever something speaks for that: a greeting without its
// secret, a secret without its greeting, the mark. All these stay, so that calling Detach again is
// no way out. The error may come with a handshake, which is then good for telling the launcher. A
// program that changes the environment and all three descriptors is not recognised.
func recognise(sys system) (*handshake, error) {
	secret := os.Getenv(secretVariable)
	g, marked, err := waiting(sys, channel)
	switch {
	case marked:
		return nil, errors.New("detach: this process was detached before")
	case err != nil && !notGreeted(err):
		return newHandshake(sys, secret, channel), fmt.Errorf("look for the launcher: %w", err)
	case g == nil:
		return recogniseLost(sys, secret)
	case g.launcher != os.Getppid():
		return nil, fmt.Errorf("detach: pid %d, which greets a daemon, is not the parent of this process, or has ended", g.launcher)
	case secret == "":
		return refuse(sys, g, channel, fmt.Errorf("detach: a launcher waits, but %s is not set any more", secretVariable))
	case secret != g.secret:
		return refuse(sys, g, channel, fmt.Errorf("detach: a launcher waits, but %s is not its own", secretVariable))
	}
	h, err := answer(sys, g)
	if forgetErr := forgetLaunch(); err == nil && forgetErr != nil {
		err = fmt.Errorf("clean environment: %w", forgetErr)
	}
	return h, err
}

// recogniseLost is recognise for a process whose channel has no greeting.
func recogniseLost(sys system, secret string) (*handshake, error) {
	for fd := 1; fd <= 2; fd++ {
		if g, _, _ := waiting(sys, fd); g != nil {
			return refuse(sys, g, fd, fmt.Errorf("detach: a launcher waits, but descriptor %d is not its own any more", channel))
		}
	}
	if secret != "" {
		return nil, fmt.Errorf("detach: %s is set, but no launcher waits", secretVariable)
	}
	if err := forgetLaunch(); err != nil {
		return nil, fmt.Errorf("clean environment: %w", err)
	}
	return nil, nil
}

// refuse returns err, with the handshake to tell it if it is the parent of this process that waits.
func refuse(sys system, g *greeting, fd int, err error) (*handshake, error) {
	if g.launcher != os.Getppid() {
		return nil, err
	}
	fd, dupErr := sys.dup(fd)
	if dupErr != nil {
		return nil, err
	}
	return newHandshake(sys, g.secret, fd), err
}

// answer takes what the launcher has sent, and leaves the mark in its place.
func answer(sys system, g *greeting) (*handshake, error) {
	fd, err := sys.dup(channel)
	if err != nil {
		return newHandshake(sys, g.secret, channel), fmt.Errorf("keep the way to the launcher: %w", err)
	}
	h := newHandshake(sys, g.secret, fd)
	if _, h.stdio, err = sys.receive(fd, len(g.line())); err != nil {
		return h, fmt.Errorf("receive descriptors from the launcher: %w", err)
	}
	if err := h.receiveFiles(fd); err != nil {
		return h, fmt.Errorf("receive what was handed on from the launcher: %w", err)
	}
	if err := mark(sys); err != nil {
		return h, fmt.Errorf("mark this process as detached: %w", err)
	}
	return h, nil
}

// mark puts the mark on the channel: a socket whose other end has written it and is closed.
func mark(sys system) error {
	ours, theirs, err := sys.socketpair()
	if err != nil {
		return err
	}
	defer theirs.Close()
	_, err = fmt.Fprintf(ours, markFormat, os.Getpid())
	if err := errors.Join(err, ours.Close()); err != nil {
		return err
	}
	if err := sys.dup2(int(theirs.Fd()), channel); err != nil {
		return err
	}
	// A program that another thread starts before this inherits a mark that is not its own.
	syscall.CloseOnExec(channel)
	return nil
}

// notGreeted tells whether an error of reading from a descriptor means that no greeting is
// there: it is closed, or no socket, or one without a peer or with nothing to read.
func notGreeted(err error) bool {
	for _, errno := range []syscall.Errno{
		syscall.EBADF, syscall.ENOTSOCK, syscall.EAGAIN, syscall.ENOTCONN, syscall.EINVAL, syscall.EOPNOTSUPP, syscall.ECONNRESET, syscall.ECONNREFUSED,
	} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}
