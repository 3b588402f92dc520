//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A fault is a system call of the start path and the error it is made to fail with.
type fault struct {
	call     string
	errno    string
	needRoot bool // an ordinary user's start does not come to it
	lasting  bool // fail also from a certain call on: package net tries again with other options
	stale    bool // a pid file of an earlier server is there
	serving  bool // it is called for clients, too: the filter of --seccomp-bpf would outlive strace(1)
}

// faults are the calls that are made to fail. The pid file is written by pwrite64; write(2) itself
// is left out: what would fail is the message.
func faults() []fault {
	return []fault{
		{call: "openat", errno: "EMFILE"},
		{call: "flock", errno: "ENOLCK"},
		{call: "fchmod", errno: "EPERM"},
		{call: "fchown", errno: "EPERM", needRoot: true},
		{call: "pwrite64", errno: "ENOSPC"},
		{call: "ftruncate", errno: "EIO", stale: true},
		{call: "socket", errno: "EMFILE", lasting: true},
		{call: "setsockopt", errno: "ENOPROTOOPT", lasting: true},
		{call: "bind", errno: "EACCES", lasting: true},
		{call: "listen", errno: "EOPNOTSUPP", lasting: true},
		{call: "getsockname", errno: "ENOBUFS", lasting: true},
		{call: "epoll_create1", errno: "ENOMEM"},
		{call: "eventfd2", errno: "ENOMEM"},
		{call: "epoll_ctl", errno: "ENOMEM", serving: true},
		{call: "setgroups", errno: "EPERM", needRoot: true},
		{call: "setgid", errno: "EPERM", needRoot: true},
		{call: "setuid", errno: "EPERM", needRoot: true},
		{call: "capget", errno: "EPERM", needRoot: true},
		{call: "chdir", errno: "EACCES"},
		{call: "prlimit64", errno: "EPERM"},
		{call: "setsid", errno: "EPERM"},
		{call: "getsid", errno: "EPERM"},
		{call: "clone", errno: "EAGAIN"},
		{call: "execve", errno: "ENOMEM"},
		{call: "dup3", errno: "EMFILE"},
		{call: "pipe2", errno: "EMFILE"},
		{call: "fcntl", errno: "EINVAL"},
		{call: "close_range", errno: "EPERM"},
		{call: "close_range", errno: "ENOSYS"},
		{call: "memfd_create", errno: "ENOSYS"},
		{call: "socketpair", errno: "EMFILE"},
		{call: "sendmsg", errno: "ENOBUFS"},
		{call: "recvmsg", errno: "ENOMEM"},
		{call: "recvfrom", errno: "ENOMEM", serving: true},
	}
}

// Each system call on the way to readiness fails once, by strace(1). Start either serves all the
// same, or says in one line what it was about, and then nothing is left.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	counts := countCalls(t)
	for _, f := range faults() {
		if f.needRoot && os.Geteuid() != 0 {
			t.Logf("%s is left out: only root's start calls it", f.call)
			continue
		}
		if counts[f.call] == 0 {
			t.Errorf("the start path has no call of %s", f.call)
		}
		for n := 1; n <= min(counts[f.call], 30); n++ {
			t.Run(fmt.Sprintf("%s-%s-%d", f.call, f.errno, n), func(t *testing.T) { f.test(t, fmt.Sprint(n)) })
			if f.lasting {
				t.Run(fmt.Sprintf("%s-%s-from-%d", f.call, f.errno, n), func(t *testing.T) { f.test(t, fmt.Sprintf("%d+", n)) })
			}
		}
	}
}

// countCalls returns how often the one thread calls each system call that does it most often in
// a start. strace(1) counts, and fails, the calls of each thread by themselves.
func countCalls(t *testing.T) map[string]int {
	t.Helper()
	b := newSandbox(t)
	b.openUp(t)
	b.leaveStalePidFile(t)
	o := b.runInto(t, "said", b.traced("-e", "trace="+strings.Join(faultyCalls(), ","))...)
	if o.status != exitOK {
		t.Fatal(o)
	}
	b.run(t, exitOK, "echod", "stop", "--pid-file=p")
	return b.callsOfOneThread(t)
}

// callsOfOneThread counts the calls in all traces.
func (b *sandbox) callsOfOneThread(t *testing.T) map[string]int {
	t.Helper()
	traces, err := filepath.Glob(filepath.Join(b.dir, "trace.*"))
	check(t, err)
	counts := make(map[string]int)
	call := regexp.MustCompile(`(?m)^(\w+)\(`)
	for _, path := range traces {
		trace, err := os.ReadFile(path)
		check(t, err)
		ofThread := make(map[string]int)
		for _, found := range call.FindAllStringSubmatch(string(trace), -1) {
			ofThread[found[1]]++
			counts[found[1]] = max(counts[found[1]], ofThread[found[1]])
		}
	}
	return counts
}

func faultyCalls() []string {
	var calls []string
	for _, f := range faults() {
		calls = append(calls, f.call)
	}
	return calls
}

// leaveStalePidFile leaves the pid file of a server that is gone.
func (b *sandbox) leaveStalePidFile(t *testing.T) {
	t.Helper()
	check(t, os.WriteFile(filepath.Join(b.dir, "p"), []byte("4194305\n"), 0o644))
}

// test fails the calls that when says, in the words of strace(1).
func (f fault) test(t *testing.T, when string) {
	t.Parallel()
	b := newSandbox(t)
	b.openUp(t)
	if f.stale {
		b.leaveStalePidFile(t)
	}
	options := []string{"-e", "trace=" + f.call, "-e", fmt.Sprintf("inject=%s:error=%s:when=%s", f.call, f.errno, when)}
	if !f.serving {
		options = append(options, "--seccomp-bpf")
	}
	o := b.runInto(t, "said", b.traced(options...)...)
	said := regexp.MustCompile(`(?m)^strace: .*\n`).ReplaceAllString(o.stderr, "")
	if o.status == exitOK {
		if said != "" {
			t.Errorf("start serves, and says %q", said)
		}
		server := serving(t, o.stdout)
		endTracing(t, server.pid) // what it does from now on shall not fail
		check(t, echoBack(server.address, "hello"))
		b.run(t, exitOK, "echod", "stop", "--pid-file=p")
		return
	}
	// The C library's loader and the Go runtime, before main, have words of their own, and so
	// has package psx in a program that was built with cgo, as the tests are.
	aborted := regexp.MustCompile(`^failed to read /proc/\d+/task - aborting\n`).MatchString(said)
	ownWords := aborted || strings.Contains(said, "\nfatal error: ") || strings.Contains(said, "error while loading shared libraries: ")
	// The launcher adds a line to what a daemon says that fails before Detach.
	oneLine := regexp.MustCompile(`^echod: [^\n]+: [^\n]+\n(echod: daemon ended before it was ready: exit status \d+\n)?$`)
	if !ownWords && !oneLine.MatchString(said) {
		t.Errorf("standard error is not one line 'echod: what: why': %q", said)
	}
	if aborted {
		// The launcher may have met the same fault when it wanted to remove the log.
		os.Remove(filepath.Join(b.dir, "l"))
	}
	if strings.HasPrefix(said, "echod: daemon was ended before it was ready: read handshake: ") {
		b.removeLogOfReady(t)
	}
	if f.call == "flock" {
		b.removeUnlocked(t)
	}
	b.nothingLeft(t)
}

// removeUnlocked removes an empty pid file: the server that made it and could not lock it has to
// lock it before it removes it, maybe in a thread that meets the same fault. The next start takes
// it over.
func (b *sandbox) removeUnlocked(t *testing.T) {
	t.Helper()
	check(t, waitUntil("all processes have ended", func() bool { return len(processesFrom(b.bin)) == 0 }))
	path := filepath.Join(b.dir, "p")
	if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && info.Size() == 0 {
		check(t, os.Remove(path))
	}
}

// removeLogOfReady removes the log of a server that became ready while a launcher that could not
// hear it was about to end it. It says so, and stays.
func (b *sandbox) removeLogOfReady(t *testing.T) {
	t.Helper()
	check(t, waitUntil("all processes have ended", func() bool { return len(processesFrom(b.bin)) == 0 }))
	path := filepath.Join(b.dir, "l")
	log, err := os.ReadFile(path)
	if err == nil && bytes.Contains(log, []byte("msg=started")) && bytes.Contains(log, []byte("msg=stopped")) {
		check(t, os.Remove(path))
	}
}
