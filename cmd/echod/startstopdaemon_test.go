//go:build linux

package main

import (
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// startStopDaemon is Debian's, by which many init scripts go. It lies where not every user's path
// leads.
func startStopDaemon(t *testing.T) string {
	t.Helper()
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		path := filepath.Join(dir, "start-stop-daemon")
		if _, err := exec.LookPath(path); err == nil {
			return path
		}
	}
	t.Fatal("start-stop-daemon is missing: it comes with dpkg")
	return ""
}

// start-stop-daemon(8) understands our pid file: it knows that the server runs, ends it, and knows
// that it does not.
func TestStartStopDaemon(t *testing.T) {
	t.Parallel()
	ssd := startStopDaemon(t)
	b := newSandbox(t)
	b.openUp(t)
	pidFile := filepath.Join(b.dir, "p")
	b.run(t, 3, ssd, "--status", "--pidfile", pidFile)
	server := b.start(t)
	b.run(t, 0, ssd, "--status", "--pidfile", pidFile)
	b.run(t, 0, ssd, "--status", "--pidfile", pidFile, "--exec", filepath.Join(b.bin, "echod"))
	b.run(t, 0, ssd, "--stop", "--retry", "TERM/5/KILL/5", "--pidfile", pidFile)
	if alive(server.pid) {
		t.Error("it has returned before the server is gone")
	}
	b.run(t, 3, ssd, "--status", "--pidfile", pidFile)

	// Dead, and the pid file is there.
	server = b.start(t)
	check(t, kill(server.pid))
	check(t, waitUntil("process 1 has waited for the server", func() bool { return processState(server.pid) == "" }))
	b.run(t, 1, ssd, "--status", "--pidfile", pidFile)
	b.run(t, 0, ssd, "--stop", "--oknodo", "--retry", "TERM/5/KILL/5", "--pidfile", pidFile)

	// It kills what does not end.
	server = b.start(t)
	check(t, syscall.Kill(server.pid, syscall.SIGSTOP))
	check(t, waitState(server.pid, "T"))
	b.run(t, 0, ssd, "--stop", "--retry", "TERM/1/KILL/5", "--pidfile", pidFile)
	if alive(server.pid) {
		t.Error("it has not killed the server")
	}
}

// Where the server cannot remove its pid file, and empties it, start-stop-daemon cannot tell; there
// is nothing that it would do wrong.
func TestStartStopDaemonEmptyPidFile(t *testing.T) {
	t.Parallel()
	needRoot(t, "a pid file in a directory that the server, as another user, cannot write to")
	ssd := startStopDaemon(t)
	b := newSandbox(t)
	pidFile := filepath.Join(b.dir, "p")
	b.start(t)
	b.run(t, 0, ssd, "--stop", "--retry", "TERM/5/KILL/5", "--pidfile", pidFile)
	b.run(t, 4, ssd, "--status", "--pidfile", pidFile)
}

// It can start echod, too, which detaches by itself.
func TestStartStopDaemonStarts(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	ssd, pidFile, program := startStopDaemon(t), filepath.Join(b.dir, "p"), filepath.Join(b.bin, "echod")
	start := []string{ssd, "--start", "--pidfile", pidFile, "--exec", program, "--", "start", "--listen=127.0.0.1:0", "--pid-file=" + pidFile, "--log-file=" + filepath.Join(b.dir, "l")}
	server := serving(t, b.run(t, 0, start...).stdout)
	check(t, echoBack(server.address, "hello"))
	b.run(t, 1, start...) // nothing done: it runs
	b.run(t, 0, ssd, "--stop", "--retry", "TERM/5/KILL/5", "--pidfile", pidFile)
}
