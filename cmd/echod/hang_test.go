//go:build linux

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// hung returns a command that starts a daemon which hangs before it is ready: strace(1) stops it in
// its first call of listen(2). There, CONT makes it go on, and nothing but KILL ends it. strace
// counts the calls of each thread: that for a control socket might be the first of another one.
func (b *sandbox) hung(flags ...string) []string {
	return append(b.traced("-e", "trace=listen", "-e", "inject=listen:signal=STOP:when=1"), append(flags, "--control-socket=")...)
}

// awaitStarting waits until a daemon is starting, and returns its pid.
func (b *sandbox) awaitStarting(t *testing.T) int {
	t.Helper()
	var pid int
	check(t, waitUntil("status says that a server is starting", func() bool {
		o, err := b.try(b.dir, "echod", "status", "--pid-file=p")
		found := regexp.MustCompile(`^echod: starting, pid (\d+)[,\n]`).FindStringSubmatch(o.stdout)
		if err != nil || found == nil {
			return false
		}
		pid, err = strconv.Atoi(found[1])
		return err == nil
	}))
	b.awaitStop(t, pid)
	return pid
}

// nothingLeft sees to it that a start that failed is as if it had never been.
func (b *sandbox) nothingLeft(t *testing.T) {
	t.Helper()
	check(t, waitUntil("all processes have ended", func() bool { return len(processesFrom(b.bin)) == 0 }))
	for _, name := range []string{"p", "l"} {
		if _, err := os.Lstat(filepath.Join(b.dir, name)); !os.IsNotExist(err) {
			content, _ := os.ReadFile(filepath.Join(b.dir, name)) // to show it, if that is possible
			t.Errorf("%s is left: %v %q", name, err, content)
		}
	}
}

// A daemon that does not get ready in time is ended, and start fails.
func TestReadyTimeout(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	o := b.runInto(t, "said", b.hung("--ready-timeout=500ms")...)
	if o.status != exitFailure || !strings.Contains(o.stderr, "echod: daemon was ended before it was ready: not ready after 500ms\n") {
		t.Error(o)
	}
	b.nothingLeft(t)
}

// An interrupt, or the end of the terminal, while start waits ends the daemon that was to be.
func TestStartInterrupted(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			b := newSandbox(t)
			startC := make(chan outcome, 1)
			cmd, wait := b.begin(t, "said", b.hung()...)
			go func() { startC <- wait() }()
			b.awaitStarting(t)
			check(t, cmd.Process.Signal(s))
			o := <-startC
			if o.status != exitFailure || !strings.Contains(o.stderr, "interrupted by signal: "+s.String()) {
				t.Error(o)
			}
			b.nothingLeft(t)
		})
	}
}

// The terminal of a start that waits is closed: with it goes all that was begun.
func TestTerminalClosesWhileStarting(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	x := b.terminal(t)
	x.enter(strings.Join(b.hung(), " ") + "\n")
	b.awaitStarting(t)
	x.hangUp()
	b.nothingLeft(t)
}

// A launcher that is killed while it waits cannot end the daemon that was to be, which finds out by
// itself.
func TestLauncherKilled(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.openUp(t)
	cmd, wait := b.begin(t, "said", b.hung()...)
	pid := b.awaitStarting(t)
	check(t, cmd.Process.Kill())
	wait()
	check(t, syscall.Kill(pid, syscall.SIGCONT))
	b.nothingLeft(t)
}

// Stop ends a server that is starting, and the start that waits for it says so.
func TestStopWhileStarting(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	_, wait := b.begin(t, "said", b.hung()...)
	pid := b.awaitStarting(t)
	o := b.run(t, exitOK, "echod", "stop", "--pid-file=p", "--timeout=200ms")
	if want := "echod: killed, pid " + strconv.Itoa(pid) + ": it did not end within 200ms\n"; o.stdout != want {
		t.Errorf("stop said %q, want %q", o.stdout, want)
	}
	if o := wait(); o.status != exitFailure || !strings.Contains(o.stderr, "daemon ended before it was ready: signal: killed\n") {
		t.Error(o)
	}
	b.nothingLeft(t)
}

// A second start waits for the outcome of the first, and is then one of two: here the first fails.
func TestSecondStartWaits(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	_, wait := b.begin(t, "said", b.hung("--ready-timeout=4s")...)
	first := b.awaitStarting(t)
	second := b.start(t)
	if second.pid == first {
		t.Errorf("both are pid %d", first)
	}
	if o := wait(); o.status != exitFailure {
		t.Error(o)
	}
	check(t, echoBack(second.address, "hello"))
	b.run(t, exitOK, "echod", "stop", "--pid-file=p")
}

// A daemon that crashes before it is ready: start says what it said, and nothing is left, not even
// the log that has the text of a crash later, when there is no terminal any more.
func TestCrashBeforeReady(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	o := b.runInto(t, "said", append(b.traced("-e", "trace=listen", "-e", "inject=listen:signal=ABRT:when=1"), "--control-socket=")...)
	for _, want := range []string{"SIGABRT: abort\n", "\ngoroutine ", "\nechod: daemon ended before it was ready: exit status 2\n"} {
		if !strings.Contains(o.stderr, want) {
			t.Errorf("standard error has no %q:\n%s", want, o.stderr)
		}
	}
	if o.status != 2 {
		t.Errorf("exit status %d", o.status)
	}
	b.nothingLeft(t)
}
