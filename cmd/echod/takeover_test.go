//go:build linux

package main

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A daemon that has opened the pid file, and not yet locked it, is overtaken by another one, which
// takes the file over, serves, ends and removes it. The lock that the first one then gets is that
// of a file which nobody can find any more. It has to begin again, or two would serve.
func TestLockOfRemovedPidFile(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	first, wait := b.overtaken(t)
	check(t, syscall.Kill(first, syscall.SIGCONT))
	o := wait()
	if o.status != exitOK || serving(t, o.stdout).pid != first {
		t.Fatal(o)
	}
	second := b.run(t, exitOK, "echod", "start", "--listen=127.0.0.1:0", "--pid-file=p", "--log-file=l")
	if !strings.HasPrefix(second.stdout, "echod: already running, pid ") {
		t.Errorf("another start, while pid %d serves: %v", first, second)
		check(t, kill(first))
	}
	b.run(t, exitOK, "echod", "stop", "--pid-file=p")
}

// As before, but there is a new file in the place of the removed one: the other daemon has been
// started again.
func TestLockOfReplacedPidFile(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	first, wait := b.overtaken(t)
	b.start(t)
	check(t, syscall.Kill(first, syscall.SIGCONT))
	if o := wait(); !strings.HasPrefix(o.stdout, "echod: already running, pid ") {
		t.Errorf("pid %d, while another one serves: %v", first, o)
		check(t, kill(first))
	}
	b.run(t, exitOK, "echod", "stop", "--pid-file=p")
}

// overtaken returns a daemon that is stopped where it has opened the pid file, which another one
// has removed since, and what waits for its launcher.
func (b *sandbox) overtaken(t *testing.T) (first int, wait func() outcome) {
	t.Helper()
	b.openUp(t)
	b.leaveStalePidFile(t)
	// strace(1) stops the process that opens the pid file first: the launcher, which goes
	// on, and the daemon.
	launcher, wait := b.begin(t, "first", b.traced("-P", filepath.Join(b.dir, "p"),
		"-e", "trace=openat", "-e", "inject=openat:signal=STOP:when=1")...)
	b.awaitStop(t, launcher.Process.Pid)
	check(t, syscall.Kill(launcher.Process.Pid, syscall.SIGCONT))
	check(t, waitUntil("a process started by the launcher is stopped", func() bool {
		for _, pid := range processesFrom(b.bin) {
			if pid != launcher.Process.Pid && b.hasStopped(pid) {
				first = pid
			}
		}
		return first != 0
	}))
	b.start(t)
	b.run(t, exitOK, "echod", "stop", "--pid-file=p")
	endTracing(t, first) // or other threads of it would be stopped in their turn
	return first, wait
}
