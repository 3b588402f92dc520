//go:build unix

package main

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// A tty is a terminal that was changed and will be given back as it was.
type tty struct {
	out, in int
	saved   *unix.Termios // nil when standard input is no terminal
}

func openTTY(out, in *os.File) (*tty, error) {
	t := &tty{out: int(out.Fd()), in: int(in.Fd())}
	if _, err := unix.IoctlGetTermios(t.out, getTermios); err != nil {
		return nil, fmt.Errorf("look at the terminal: %w", err)
	}
	t.saved, _ = unix.IoctlGetTermios(t.in, getTermios)
	return t, nil
}

// withoutEcho has keys come at once, and not shown. Those for signals still make signals.
func (t *tty) withoutEcho() {
	if t.saved == nil {
		return
	}
	changed := *t.saved
	changed.Lflag &^= unix.ICANON | unix.ECHO
	changed.Cc[unix.VMIN], changed.Cc[unix.VTIME] = 1, 0
	unix.IoctlSetTermios(t.in, setTermios, &changed)
}

func (t *tty) restore() {
	if t.saved != nil {
		unix.IoctlSetTermios(t.in, setTermios, t.saved)
	}
}

// size returns how many characters fit; a terminal that does not tell has 80 by 24.
func (t *tty) size() (columns, rows int) {
	size, err := unix.IoctlGetWinsize(t.out, unix.TIOCGWINSZ)
	if err != nil || size.Col == 0 || size.Row == 0 {
		return 80, 24
	}
	return int(size.Col), int(size.Row)
}

// stopSelf stops the process as Ctrl-Z would have done, and returns when it is continued.
func stopSelf() { syscall.Kill(os.Getpid(), syscall.SIGSTOP) }
