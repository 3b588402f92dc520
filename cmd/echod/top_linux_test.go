package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// A watchedTop is the verb top on a terminal of its own.
type watchedTop struct {
	t      *testing.T
	tty    *os.File // our end
	far    *os.File // the end that top has
	cmd    *exec.Cmd
	doneC  chan error
	before *unix.Termios

	mu    sync.Mutex
	shown string
}

// watchTop starts top on a terminal of 80 by 24, with more variables in its environment.
func (b *sandbox) watchTop(t *testing.T, env ...string) *watchedTop {
	t.Helper()
	w := &watchedTop{t: t, doneC: make(chan error, 1)}
	var err error
	w.tty, w.far, err = pty.Open()
	check(t, err)
	check(t, pty.Setsize(w.tty, &pty.Winsize{Cols: 80, Rows: 24}))
	w.before = w.settings()
	w.cmd = exec.Command(b.bin+"/echod", "top", "--pid-file=p", "--interval=100ms")
	w.cmd.Dir, w.cmd.Env = b.dir, append(append([]string{"TERM=xterm"}, b.env...), env...)
	w.cmd.Stdin, w.cmd.Stdout, w.cmd.Stderr = w.far, w.far, w.far
	check(t, w.cmd.Start())
	readC := make(chan struct{})
	go func() { w.doneC <- w.cmd.Wait() }()
	go func() { defer close(readC); w.read() }()
	t.Cleanup(func() {
		w.cmd.Process.Kill()
		w.far.Close()
		w.tty.Close()
		<-readC
	})
	return w
}

func (w *watchedTop) read() {
	buffer := make([]byte, 4096)
	for {
		n, err := w.tty.Read(buffer)
		w.mu.Lock()
		w.shown += string(buffer[:n])
		w.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (w *watchedTop) settings() *unix.Termios {
	w.t.Helper()
	settings, err := unix.IoctlGetTermios(int(w.far.Fd()), unix.TCGETS)
	check(w.t, err)
	return settings
}

// await waits until what was shown matches, and forgets it.
func (w *watchedTop) await(expression string) string {
	w.t.Helper()
	re, found := regexp.MustCompile(expression), ""
	err := waitUntil("the screen shows "+expression, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		at := re.FindStringIndex(w.shown)
		if at == nil {
			return false
		}
		found, w.shown = w.shown[:at[1]], w.shown[at[1]:]
		return true
	})
	if err != nil {
		w.t.Fatalf("%v; it shows %q", err, w.shown[:min(len(w.shown), 2000)])
	}
	return found
}

func (w *watchedTop) press(keys string) {
	w.t.Helper()
	_, err := w.tty.WriteString(keys)
	check(w.t, err)
}

// ended waits for the end with a status, and sees to it that the terminal is as it was.
func (w *watchedTop) ended(status int) {
	w.t.Helper()
	<-w.doneC
	if got := w.cmd.ProcessState.ExitCode(); got != status {
		w.t.Errorf("top exited with %d, want %d", got, status)
	}
	if after := w.settings(); *after != *w.before {
		w.t.Errorf("the terminal is left as %+v, was %+v", *after, *w.before)
	}
}

// TestTopOnATerminal: a screen with the clients, that follows the size of the window and ends at q.
func TestTopOnATerminal(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	server := b.start(t)
	c, err := dial(server.address)
	check(t, err)
	defer c.Close()
	check(t, c.exchange("hello"))
	w := b.watchTop(t)
	w.await(regexp.QuoteMeta(enterScreen))
	w.await(`echod \S+  pid \d+  up \S+  serving`)
	w.await(`clients  1 now`)
	w.await(regexp.QuoteMeta(reverse) + ` +RATE +ID `)
	w.await(` 1 +5 B +5 B .*` + c.LocalAddr().String())
	if during := w.settings(); during.Lflag&(unix.ICANON|unix.ECHO) != 0 {
		t.Error("keys wait for the end of a line, or are shown")
	}

	check(t, pty.Setsize(w.tty, &pty.Winsize{Cols: 20, Rows: 5}))
	w.await(`clients  1 now  [^\r]*\r\n[^\r]*\r\nlog {6}[^\r\n]{11}` + regexp.QuoteMeta(clearLine+clearRest))
	w.press("xq")
	w.await(regexp.QuoteMeta(leaveScreen))
	w.ended(exitOK)
	b.run(t, exitOK, "echod", "stop", "--pid-file=p")
}

// TestTopEnds also by Ctrl-C, and with the server; the terminal is given back before the error is
// told.
func TestTopEnds(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.start(t)
	interrupted, left := b.watchTop(t, "NO_COLOR=1"), b.watchTop(t)
	if frame := interrupted.await(`RATE`); strings.Contains(frame, reverse) {
		t.Errorf("NO_COLOR is not honoured: %q", frame)
	}
	// The shell would have made this the foreground job of the terminal; here it has to be told.
	check(t, interrupted.cmd.Process.Signal(os.Interrupt))
	interrupted.await(regexp.QuoteMeta(leaveScreen))
	interrupted.ended(exitOK)

	left.await(`RATE`)
	b.run(t, exitOK, "echod", "stop", "--pid-file=p")
	left.await(regexp.QuoteMeta(leaveScreen) + `echod: top: (connect to|call) control socket .*\n`)
	left.ended(exitUnavailable)
}
